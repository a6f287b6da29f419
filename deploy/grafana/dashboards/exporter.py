"""The dashboard of the exporter itself: its calls, their failures, its limits, and the process."""

from __future__ import annotations

from typing import Final

from deploy.grafana.dashboards import limits, promql
from deploy.grafana.dashboards.panels import Board, Graph, Query, Section, Stat, Style, Unit

_CALLS: Final = "bingx_api_requests_total"
_SECONDS: Final = "bingx_api_request_duration_seconds"
_FAILURES: Final = "bingx_collector_failures_total"
_OF_COLLECTOR: Final = "{{account}} {{collector}}"
_OF_ENDPOINT: Final = "{{endpoint}}"
_OF_PROCESS: Final = "{{instance}}"
_NO_EXPORTER: Final = "Empty: no exporter is scraped."


def _process(name: str) -> str:
    return f"max by (instance) ({name} {promql.OURS})"


def _own(name: str) -> str:
    return f"max by (instance) (bingx_exporter_{name})"


def _quantile(share: float) -> str:
    buckets = promql.per_second(f"{_SECONDS}_bucket", "le, endpoint")
    return f"histogram_quantile({share}, {buckets})"


_NOW: Final = Section(
    "Now",
    (
        Stat(
            title="Build",
            description=f"Version and revision of each exporter. {_NO_EXPORTER}",
            queries=(
                Query("max by (instance, version, revision) (bingx_exporter_build_info)", "{{version}} {{revision}}"),
            ),
            unit=Unit.PLAIN,
            width=4,
            name_only=True,
            alerts=("BingxBuildDrift", "BingxExporterDown"),
        ),
        Stat(
            title="Configuration",
            description=f"Whether the last load of the configuration succeeded. {_NO_EXPORTER}",
            queries=(Query("min by (instance) (bingx_exporter_config_last_reload_successful)", _OF_PROCESS),),
            unit=Unit.PLAIN,
            width=4,
            steps=limits.SHOULD_BE_ONE,
            words=((0, "refused"), (1, "in force")),
            alerts=("BingxReloadFailed", "BingxConfigDrift", "BingxShardDoubled", "BingxShardsDisagree"),
        ),
        Stat(
            title="Scheduler",
            description="Seconds since the thread that begins all polls last turned; it does so once a second. "
            "Empty: no "
            "exporter is scraped.",
            queries=(Query(f"time() - {_own('scheduler_last_turn_timestamp_seconds')}", _OF_PROCESS),),
            unit=Unit.SECONDS,
            width=4,
            steps=limits.SCHEDULER,
            alerts=("BingxSchedulerStuck",),
        ),
        Stat(
            title="Running for",
            description=f"Seconds since the process was started. {_NO_EXPORTER}",
            queries=(Query(f"time() - {_process('process_start_time_seconds')}", _OF_PROCESS),),
            unit=Unit.SECONDS,
            width=4,
            alerts=("BingxExporterRestarting",),
        ),
        Stat(
            title="Thread restarts",
            description=f"Threads that died and were started again, since the start of the process. {_NO_EXPORTER}",
            queries=(Query("sum by (instance) (bingx_exporter_thread_restarts_total)", _OF_PROCESS),),
            unit=Unit.PLAIN,
            width=4,
            steps=limits.SHOULD_BE_ZERO,
            alerts=("BingxThreadRestarting",),
        ),
        Stat(
            title="Samples cut",
            description="Samples that the limit on series keeps off the page, of all chosen accounts. Empty: no "
            "exporter is "
            "scraped.",
            queries=(
                Query(
                    f"sum({promql.highest('bingx_account_series_cut', promql.ACCOUNT, promql.PER_ACCOUNT)})", "samples"
                ),
            ),
            unit=Unit.PLAIN,
            width=4,
            steps=limits.SHOULD_BE_ZERO,
            alerts=("BingxSeriesCut",),
        ),
    ),
)

_API: Final = Section(
    "Calls to the exchange",
    (
        Graph(
            title="Latency, 95th percentile",
            description="Of calls to each endpoint, failed ones included, in seconds. Gaps: no call of the endpoint.",
            queries=(Query(_quantile(0.95), _OF_ENDPOINT),),
            unit=Unit.SECONDS,
            width=8,
        ),
        Graph(
            title="Latency, mean",
            description="Of calls to each endpoint, failed ones included, in seconds. Gaps: no call of the endpoint.",
            queries=(
                Query(
                    f"{promql.per_second(f'{_SECONDS}_sum', 'endpoint')}"
                    f" / {promql.per_second(f'{_SECONDS}_count', 'endpoint')}",
                    _OF_ENDPOINT,
                ),
            ),
            unit=Unit.SECONDS,
            width=8,
        ),
        Graph(
            title="Calls",
            description=f"Calls a second to each endpoint, of all exporters together. {_NO_EXPORTER}",
            queries=(Query(promql.per_second(_CALLS, "endpoint"), _OF_ENDPOINT),),
            unit=Unit.PER_SECOND,
            width=8,
            style=Style.STACK,
        ),
    ),
)

_TROUBLE: Final = Section(
    "Failures",
    (
        Graph(
            title="Failed calls by reason",
            description="Failed calls in each interval by reason and collector, of the chosen accounts and all "
            "exporters. The first failure of a reason begins its counter: it does not show here, but in Failures in "
            "a row. "
            "Empty: nothing has failed, or once.",
            queries=(
                Query(promql.rises(_FAILURES, promql.ACCOUNT, "reason, collector"), "{{reason}} ({{collector}})"),
            ),
            unit=Unit.PLAIN,
            width=12,
            style=Style.BARS,
            empty="nothing has failed",
            alerts=("BingxKeyRefused", "BingxRightMissing", "BingxRateLimited", "BingxExchangeUnreachable"),
        ),
        Graph(
            title="Failures in a row",
            description=f"Failed calls of each collector since its last good one. {_NO_EXPORTER}",
            queries=(
                Query(
                    promql.highest("bingx_collector_consecutive_failures", promql.ACCOUNT, promql.PER_COLLECTOR),
                    _OF_COLLECTOR,
                ),
            ),
            unit=Unit.PLAIN,
            width=12,
            alerts=("BingxExchangeDown", "BingxAnswerNotUnderstood"),
        ),
        Graph(
            title="Schema drift",
            description="Fields in answers that are unknown or could not be read, in each interval. 0: none.",
            queries=(
                Query(
                    promql.zero_if_none(promql.rises("bingx_exporter_schema_drift_total", "", "endpoint, kind")),
                    "{{endpoint}} {{kind}}",
                ),
            ),
            unit=Unit.PLAIN,
            width=12,
            style=Style.BARS,
        ),
        Graph(
            title="Failures of the ledger",
            description="By reason, in each interval; counters of income stand still meanwhile. 0: none.",
            queries=(
                Query(
                    promql.zero_if_none(promql.rises("bingx_exporter_ledger_failures_total", "", "reason")),
                    "{{reason}}",
                ),
            ),
            unit=Unit.PLAIN,
            width=12,
            style=Style.BARS,
            alerts=("BingxLedgerFailing",),
        ),
    ),
)

_BUDGETS: Final = Section(
    "Limits",
    (
        Graph(
            title="Calls that are left",
            description="Calls of each endpoint that the limits of the exchange allow an account at this moment. "
            f"{_NO_EXPORTER}",
            queries=(
                Query(
                    promql.lowest("bingx_api_budget_remaining", promql.ACCOUNT, "account, endpoint"),
                    "{{account}} {{endpoint}}",
                ),
            ),
            unit=Unit.PLAIN,
            width=8,
            alerts=("BingxRateLimited",),
        ),
        Graph(
            title="Held back for",
            description="Seconds until the exchange wants calls of an endpoint again for an account, after a ban or "
            "too many calls. "
            "Empty: the exchange holds nothing back; pauses of the exporter's own are on the status page.",
            queries=(
                Query(
                    promql.highest("bingx_api_blocked_until_timestamp_seconds", promql.ACCOUNT, "account, endpoint")
                    + " - time()",
                    "{{account}} {{endpoint}}",
                ),
            ),
            unit=Unit.SECONDS,
            width=8,
            steps=limits.BAN,
            empty="no ban",
            alerts=("BingxBanInForce",),
        ),
        Graph(
            title="Waiting for a slot",
            description=f"Seconds that due calls waited for the limits, a second. {_NO_EXPORTER}",
            queries=(Query(promql.per_second("bingx_api_wait_seconds_total", "endpoint"), _OF_ENDPOINT),),
            unit=Unit.SECONDS,
            width=8,
        ),
    ),
)

_POLLING: Final = Section(
    "Polling",
    (
        Graph(
            title="Age of the numbers",
            description="Seconds since the last good answer of each collector was asked for. Empty: there never "
            "was one.",
            queries=(Query(promql.age(), _OF_COLLECTOR),),
            unit=Unit.SECONDS,
            width=12,
            alerts=("BingxDataStale",),
        ),
        Graph(
            title="Duration of a poll",
            description=f"Last call of each collector, from sending to decoded, in seconds. {_NO_EXPORTER}",
            queries=(
                Query(
                    promql.highest("bingx_collector_duration_seconds", promql.ACCOUNT, promql.PER_COLLECTOR),
                    _OF_COLLECTOR,
                ),
            ),
            unit=Unit.SECONDS,
            width=12,
        ),
    ),
)

_PROCESS: Final = Section(
    "Process",
    (
        Graph(
            title="Memory",
            description=f"Resident memory of each exporter, in bytes. {_NO_EXPORTER}",
            queries=(Query(_process("process_resident_memory_bytes"), _OF_PROCESS),),
            unit=Unit.BYTES,
            width=8,
        ),
        Graph(
            title="CPU",
            description=f"Share of one core. {_NO_EXPORTER}",
            queries=(Query(_process("rate(process_cpu_seconds_total[$__rate_interval])"), _OF_PROCESS),),
            unit=Unit.SHARE,
            width=8,
        ),
        Graph(
            title="Open files",
            description=f"File descriptors of each exporter, and how many it may have. {_NO_EXPORTER}",
            queries=(
                Query(_process("process_open_fds"), f"{_OF_PROCESS} open"),
                Query(_process("process_max_fds"), f"{_OF_PROCESS} limit"),
            ),
            unit=Unit.PLAIN,
            width=8,
        ),
        Graph(
            title="Duration of a scrape",
            description="As Prometheus measures it, in seconds; a scrape calls nobody. Empty: no exporter is scraped.",
            queries=(Query(_process("scrape_duration_seconds"), _OF_PROCESS),),
            unit=Unit.SECONDS,
            width=8,
        ),
        Graph(
            title="Samples of a scrape",
            description=f"How many samples a page has. {_NO_EXPORTER}",
            queries=(Query(_process("scrape_samples_scraped"), _OF_PROCESS),),
            unit=Unit.PLAIN,
            width=8,
            alerts=("BingxSeriesCut",),
        ),
        Graph(
            title="Clock",
            description="Clock of the exchange minus that of the exporter, in seconds; requests are stamped with the "
            "exchange's time. Empty: it has not been measured yet.",
            queries=(Query("max by (host, instance) (bingx_api_clock_offset_seconds)", "{{host}} {{instance}}"),),
            unit=Unit.SECONDS,
            width=8,
            steps=limits.CLOCK,
            alerts=("BingxClockOff", "BingxClockRefused"),
        ),
    ),
)

BOARD: Final = Board(
    uid="bingx-exporter",
    title="BingX / Exporter",
    description="The exporter itself: calls and their failures, limits of the exchange, age of the numbers, the "
    "process.",
    sections=(_NOW, _API, _TROUBLE, _BUDGETS, _POLLING, _PROCESS),
    shown=("datasource", "account"),
)
