"""Write the dashboards: `python -m deploy.grafana.dashboards [--out=FOLDER] [--runbook=URL]`, from the root."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Final

from deploy.grafana.dashboards import account, exporter, income, overview
from deploy.grafana.dashboards.frame import RUNBOOK, document

BOARDS: Final = (overview.BOARD, account.BOARD, income.BOARD, exporter.BOARD)


def main() -> None:
    """Write one file a dashboard, named by its uid."""
    parser = ArgumentParser(prog="python -m deploy.grafana.dashboards", description="Write the Grafana dashboards.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1], help="the folder (default: %(default)s)")
    parser.add_argument("--runbook", default=RUNBOOK, help="the address of the runbook (default: %(default)s)")
    flags = parser.parse_args()
    for board in BOARDS:
        (flags.out / f"{board.uid}.json").write_text(document(board, flags.runbook), encoding="utf-8")


if __name__ == "__main__":
    main()
