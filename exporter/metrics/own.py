"""The exporter's own metrics, kept in prometheus-client's instruments: calls made, build, reloads, the process.

Their lines are the library's own. Those of an instrument that only this module changes are kept until it does.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.platform_collector import PlatformCollector

from exporter.metrics.printing import Collector, Printed, lines_of
from exporter.metrics.process import ProcessMetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from exporter.metrics.render import Format

Changed = TypeVar("Changed", bound=Collector)
_LATENCY_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WATCHED_THREADS: Final = ("reload", "scheduler", "web")
_SUFFIX_IN_TEXT: Final = {"counter": "_total", "info": "_info"}


class _Asked:
    """A gauge whose value is asked for when the page is rendered; there is no sample while it is not known."""

    def __init__(self, name: str, text: str, value: Callable[[], float | None]) -> None:
        self._name = name
        self._text = text
        self._value = value

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(self._name, self._text, value=self._value())


class OwnMetrics:
    """The instruments of one exporter, in a registry of their own; thread-safe as prometheus-client is."""

    def __init__(
        self,
        *,
        version: str,
        revision: str,
        endpoints: Iterable[str],
        process: bool = True,
        last_turn: Callable[[], float | None] = lambda: None,
        web_config: Callable[[], bool | None] = lambda: None,
    ) -> None:
        """Create the instruments; series of all known `endpoints` start at 0. `process` adds process and runtime.

        At each rendering `last_turn` is asked when the scheduler last turned (seconds since 1970, `None` if never), and
        `web_config` whether the web configuration on disk can be used (`None` if there is none).
        """
        self._registry = CollectorRegistry()
        self._printed: dict[Collector, Printed | None] = {}
        self._labels: dict[str, tuple[str, ...]] = {}
        self._add_work(endpoints)
        self._add_configuration(web_config)
        self._add_threads(last_turn)
        facts = {"version": version, "revision": revision, "pythonversion": platform.python_version()}
        self._info("bingx_exporter_build", "The build that runs, always 1.", facts)
        self._add_shard()
        if process:
            self._register(ProcessMetrics())
            self._kept(PlatformCollector(registry=self._registry))
            self._printed[GCCollector(registry=self._registry)] = None

    def _add_work(self, endpoints: Iterable[str]) -> None:
        self._seconds = self._histogram(
            "bingx_api_request_duration_seconds",
            "Duration of calls to the exchange, from sending to the whole answer, failed ones included.",
            "endpoint",
        )
        self._calls = self._counter(
            "bingx_api_requests", "Calls sent to the exchange, failed ones included.", "endpoint"
        )
        self._waits = self._counter(
            "bingx_api_wait_seconds",
            "Time that due calls waited for a slot of the rate limits, in seconds.",
            "endpoint",
        )
        for endpoint in endpoints:
            for instrument in (self._seconds, self._calls, self._waits):
                instrument.labels(endpoint)
        self._drift = self._counter(
            "bingx_exporter_schema_drift",
            "Fields in answers of the exchange that are unknown (unknown_field) or could not be read (bad_value).",
            "endpoint",
            "kind",
        )
        self._ledger = self._counter(
            "bingx_exporter_ledger_failures",
            "Failures of the income ledger by reason; counters stand still meanwhile, gauges go on.",
            "reason",
        )

    def _add_configuration(self, web_config: Callable[[], bool | None]) -> None:
        self._hash: float | None = None
        self._reloaded = self._gauge(
            "bingx_exporter_config_last_reload_successful",
            "Whether the last load of the configuration succeeded (1 = yes, 0 = no).",
        )
        self._reloaded_at = self._gauge(
            "bingx_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded with success, in seconds since 1970.",
        )
        self._ask(
            "bingx_exporter_config_hash",
            "The first 48 bits of the SHA-256 of the configuration in force: it tells whether two exporters run alike.",
            lambda: self._hash,
        )
        self._ask(
            "bingx_exporter_web_config_last_reload_successful",
            "Whether the web configuration and its certificates could be used (1 = yes, 0 = no); absent without them.",
            web_config,
        )

    def _add_threads(self, last_turn: Callable[[], float | None]) -> None:
        self._ask(
            "bingx_exporter_scheduler_last_turn_timestamp_seconds",
            "When the thread that begins all polls last turned, in seconds since 1970; it does so once a second.",
            last_turn,
        )
        self._restarts = self._counter(
            "bingx_exporter_thread_restarts", "Threads that had died and were started again, by thread.", "thread"
        )
        for thread in _WATCHED_THREADS:
            self._restarts.labels(thread)

    def _add_shard(self) -> None:
        self._shard = self._info(
            "bingx_exporter_shard",
            "Which shard of the accounts this is, counted from 0, and of how many; always 1.",
            {"shard": "", "total_shards": ""},
        )
        self._shards = self._gauge(
            "bingx_exporter_total_shards", "Over how many shards the accounts are split; 1 if this is the only one."
        )
        self.sharded(number=0, total=1)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        self._labels[name] = labels
        return self._kept(Histogram(name, text, labels, buckets=_LATENCY_BUCKETS, registry=self._registry))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self._labels[name] = labels
        return self._kept(Counter(name, text, labels, registry=self._registry))

    def _gauge(self, name: str, text: str) -> Gauge:
        return self._kept(Gauge(name, text, registry=self._registry))

    def _ask(self, name: str, text: str, value: Callable[[], float | None]) -> None:
        self._register(_Asked(name, text, value))

    def _register(self, collector: Collector) -> None:
        self._registry.register(collector)
        self._printed[collector] = None

    def _info(self, name: str, text: str, facts: dict[str, str]) -> Info:
        self._labels[name] = tuple(facts)
        info = self._kept(Info(name, text, registry=self._registry))
        info.info(facts)
        return info

    def _kept(self, instrument: Changed) -> Changed:
        self._printed[instrument] = Printed(instrument)
        return instrument

    def _changed(self, *instruments: Collector) -> None:
        for instrument in instruments:
            if (printed := self._printed[instrument]) is not None:
                printed.changed()

    def called(self, endpoint: str, seconds: float) -> None:
        """Count a call to the exchange and its duration."""
        self._calls.labels(endpoint).inc()
        self._seconds.labels(endpoint).observe(seconds)
        self._changed(self._calls, self._seconds)

    def waited(self, endpoint: str, seconds: float) -> None:
        """Count time that a due call waited for the rate limits."""
        self._waits.labels(endpoint).inc(seconds)
        self._changed(self._waits)

    def drifted(self, endpoint: str, kind: str) -> None:
        """Count a field that the exchange added or changed."""
        self._drift.labels(endpoint, kind).inc()
        self._changed(self._drift)

    def ledger_failed(self, reason: str) -> None:
        """Count a failure of the ledger."""
        self._ledger.labels(reason).inc()
        self._changed(self._ledger)

    def sharded(self, *, number: int, total: int) -> None:
        """Record which shard this is, counted from 0; without it, it is 0 of 1."""
        self._shard.info({"shard": str(number), "total_shards": str(total)})
        self._shards.set(total)
        self._changed(self._shard, self._shards)

    def reloaded(self, *, at: float | None) -> None:
        """Record a load of the configuration: its time in seconds since 1970, or `None` if it failed."""
        self._reloaded.set(int(at is not None))
        if at is not None:
            self._reloaded_at.set(at)
        self._changed(self._reloaded, self._reloaded_at)

    def configured(self, fingerprint: float) -> None:
        """Record which configuration is in force, as a whole number below 2**48 that is made of its text."""
        self._hash = fingerprint

    def restarted(self, thread: str) -> None:
        """Count a thread that had died and was started again: reload, scheduler or web."""
        self._restarts.labels(thread).inc()
        self._changed(self._restarts)

    def catalogue(self) -> dict[str, tuple[str, tuple[str, ...], str]]:
        """Return every family as its name in the text format -> type, labels, help."""
        return {
            metric.name + _SUFFIX_IN_TEXT.get(metric.type, ""): (
                metric.type,
                self._labels.get(metric.name, ()),
                metric.documentation,
            )
            for metric in self._registry.collect()
        }

    def render(self, exposition: Format) -> bytes:
        """Render the instruments as they are now, without the end mark of OpenMetrics."""
        return b"".join(
            lines_of(collector, exposition) if printed is None else printed.render(exposition)
            for collector, printed in self._printed.items()
        )
