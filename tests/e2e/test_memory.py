"""The memory of a process that has met answers as large as an answer may be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.exchange import Exchange, standing_still
from support.processes import Exporter, eventually, exporter

pytestmark = pytest.mark.timeout(90)

LARGEST = 16 * 2**20


def resident_mib(process: Exporter) -> float:
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) / 1024


HEAP = 64 * 2**20


def heaps_of_threads(process: Exporter) -> int:
    """Count what glibc maps for each arena beyond the first: 64 MiB that begin at a multiple of that, in two parts."""
    maps = Path(f"/proc/{process.process.pid}/maps").read_text()
    ranges = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (....) 00000000 00:00 0 *$", maps, re.MULTILINE)
    areas = [(int(begin, 16), int(end, 16), rights) for begin, end, rights in ranges]
    unused = {(begin, end) for begin, end, rights in areas if rights == "---p"}
    return sum(begin % HEAP == 0 and (end, begin + HEAP) in unused for begin, end, _ in areas)


def test_all_threads_share_one_arena(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with exporter(f"--config.file={config}", "--web.listen-address=127.0.0.1:0", folder=tmp_path) as process:
        process.ready()

        assert len(list(Path(f"/proc/{process.process.pid}/task").iterdir())) > 4
        assert heaps_of_threads(process) == 0


def test_large_answers_leave_nothing_behind_in_memory(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with exporter(f"--config.file={config}", "--web.listen-address=127.0.0.1:0", folder=tmp_path) as process:
        process.ready()
        eventually(lambda: 'reason="malformed_response"' not in process.page(), what="all is well")
        before = resident_mib(process)

        exchange.tell("faults", kind="huge", size=LARGEST, count=30)
        malformed = 'bingx_collector_failures_total{account="alpha",collector="positions",reason="malformed_response"}'
        eventually(lambda: malformed in process.page(), what="they are met")
        exchange.tell("faults/clear")
        well = 'bingx_collector_success{account="alpha",collector="positions"} 1'
        eventually(lambda: well in process.page(), seconds=60, what="all is well again")

        eventually(lambda: resident_mib(process) < before + 20, what="their memory is given back")


def collections(page: str, generation: int = 0) -> float:
    return float(page.partition(f'python_gc_collections_total{{generation="{generation}"}} ')[2].partition("\n")[0])


def test_what_is_held_for_good_is_not_searched_for_garbage_again_and_again(tmp_path: Path) -> None:
    with standing_still(accounts=60, positions=20, history_days=0) as exchange:
        config = exchange.config(tmp_path)
        with exporter(f"--config.file={config}", "--web.listen-address=127.0.0.1:0", folder=tmp_path) as process:
            process.ready()
            page = process.page()
            young = collections(page)
            eventually(lambda: collections(process.page()) > young, seconds=60, what="what is young is searched")

    assert page.count("bingx_position_mark_price{") > 1000
    assert collections(page, 2) == 0
