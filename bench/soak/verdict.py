"""The verdict over a soak: every check with what was found, its bound, and whether it holds.

Pure. Owns the checks and their bounds, and how they are told as a table or as JSON.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from bench.soak.growth import FEWEST, floor, growth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.soak.exporter import Vitals

WRONGS: Final = (
    "no page",
    "unhealthy",
    "a counter fell",
    "a counter vanished",
    "a gauge past its time",
    "a gauge unlike the exchange's",
    "income above the exchange's",
    "a reload without effect",
    "not healed",
    "ended by itself, or not cleanly",
    "a traceback in the log",
    "a fault of the soak",
)
LOOKED_AT: Final = ("pages read", "moments of standstill", "samples compared", "troubles", "pages after a reload")
SLOWEST_SCRAPE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A quantity that stays flat: it may grow by a share of what it was, or by `least` in its own unit.

    `typical` says what many samples come to. `at_rest` is by how much it may be more after the troubles than before
    them, when nobody calls; `None` where that says nothing.
    """

    name: str
    of: Callable[[Vitals], float]
    typical: Callable[[Sequence[float]], float]
    at_rest: float | None
    share: float
    least: float


FLAT: Final = (
    Bound(
        name="resident memory, MiB",
        of=lambda vitals: vitals.resident_mib,
        typical=median,
        at_rest=None,
        share=0.05,
        least=3.0,
    ),
    Bound(name="threads", of=lambda vitals: vitals.threads, typical=floor, at_rest=3.0, share=0.0, least=3.0),
    Bound(name="descriptors", of=lambda vitals: vitals.descriptors, typical=floor, at_rest=6.0, share=0.0, least=6.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the verdict; `holds` is `None` where the run was too short to tell."""

    name: str
    found: str
    bound: str
    holds: bool | None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a soak has brought: how often each thing was wrong, and done, with texts; vitals; durations of scrapes."""

    wrong: Mapping[str, int]
    done: Mapping[str, int]
    texts: Mapping[str, Sequence[str]]
    vitals: Sequence[Vitals]
    rest: tuple[Vitals, Vitals] | None
    scrapes: Sequence[float]
    healed_seconds: float | None
    one_process: bool


def checks(evidence: Evidence) -> list[Check]:
    """Return every check in order; what was never looked at does not hold."""
    found = [_wrong(evidence, kind) for kind in (*WRONGS, *sorted(evidence.wrong.keys() - set(WRONGS)))]
    found += [_done(evidence, what) for what in LOOKED_AT]
    found.append(_slowest(evidence.scrapes))
    found += [_flat(bound, evidence) for bound in FLAT]
    found += [_rested(bound, evidence) for bound in FLAT if bound.at_rest is not None]
    return found


def passed(found: Iterable[Check]) -> bool:
    """Tell whether no check fails."""
    return all(check.holds is not False for check in found)


def table(found: Sequence[Check], evidence: Evidence) -> str:
    """Return the verdict as text: the checks, then what was seen beside them."""
    width = max(len(check.name) for check in found)
    lines = [f"{'check':{width}}  {'':9}  found (bound)"]
    for check in found:
        lines.append(f"{check.name:{width}}  {_word(check):9}  {check.found} ({check.bound})")
        lines += [f"{'':{width}}             {text}" for text in check.texts]
    lines += ["", *_beside(evidence), "", "PASSED" if passed(found) else "FAILED"]
    return "\n".join(lines)


def as_json(found: Sequence[Check], evidence: Evidence) -> str:
    """Return the verdict as JSON, with all vitals."""
    document = {
        "passed": passed(found),
        "checks": [asdict(check) for check in found],
        "done": dict(evidence.done),
        "healed_seconds": evidence.healed_seconds,
        "scrape_seconds": _spread(evidence.scrapes),
        "vitals": [asdict(one) for one in evidence.vitals],
    }
    return json.dumps(document, indent=2)


def _wrong(evidence: Evidence, kind: str) -> Check:
    times = evidence.wrong.get(kind, 0)
    texts = tuple(evidence.texts.get(kind, ()))
    return Check(name=kind, found=str(times), bound="never", holds=not times, texts=texts)


def _done(evidence: Evidence, what: str) -> Check:
    times = evidence.done.get(what, 0)
    return Check(name=what, found=str(times), bound="some", holds=times > 0)


def _slowest(scrapes: Sequence[float]) -> Check:
    slowest = max(scrapes, default=float("inf"))
    bound = f"under {SLOWEST_SCRAPE_SECONDS:g}"
    return Check(name="slowest scrape, s", found=f"{slowest:.3f}", bound=bound, holds=slowest < SLOWEST_SCRAPE_SECONDS)


def _flat(bound: Bound, evidence: Evidence) -> Check:
    if not evidence.one_process:
        return Check(name=bound.name, found="several processes", bound="judged on one", holds=None)
    values = [bound.of(one) for one in evidence.vitals]
    grown = growth(values, typical=bound.typical, share=bound.share, least=bound.least)
    if grown is None:
        return Check(name=bound.name, found=f"{len(evidence.vitals)} samples", bound=f"{FEWEST} needed", holds=None)
    found = f"{grown.first:.1f} then {grown.last:.1f}, {grown.step:+.1f}; slope {grown.slope:+.1f}"
    return Check(name=bound.name, found=found, bound=f"at most +{grown.allowed:.1f}", holds=grown.flat)


def _rested(bound: Bound, evidence: Evidence) -> Check:
    name = f"{bound.name} at rest"
    if evidence.rest is None:
        return Check(name=name, found="not looked at", bound=f"{FEWEST} samples needed", holds=None)
    before, after = (bound.of(one) for one in evidence.rest)
    found = f"{before:.0f} before, {after:.0f} after"
    return Check(
        name=name, found=found, bound=f"at most +{bound.at_rest:.0f}", holds=after - before <= (bound.at_rest or 0)
    )


def _word(check: Check) -> str:
    return {True: "ok", False: "FAILED", None: "too short"}[check.holds]


def _beside(evidence: Evidence) -> list[str]:
    lines = [f"{what}: {times}" for what, times in sorted(evidence.done.items()) if what not in LOOKED_AT]
    healed = "never" if evidence.healed_seconds is None else f"after {evidence.healed_seconds:.0f} s"
    spread = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in _spread(evidence.scrapes).items())
    lines += [f"healed: {healed}", f"scrapes: {spread}"]
    if len(evidence.vitals) > 1:
        first, last = evidence.vitals[0], evidence.vitals[-1]
        busy = (last.cpu_seconds - first.cpu_seconds) / max(last.at_seconds - first.at_seconds, 1e-9)
        lines.append(
            f"processor: {busy:.1%} of one core; ledger: {first.ledger_mib:.1f} then {last.ledger_mib:.1f} MiB"
        )
    return lines


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    ordered = sorted(values)
    return {"median": median(ordered), "p99": ordered[len(ordered) * 99 // 100], "max": ordered[-1]}
