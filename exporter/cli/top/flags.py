"""The flags of `bingx-exporter top`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.cli.target import target
from exporter.config.values import BadValue, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

_DEFAULT_URL: Final = "http://127.0.0.1:10066"


def add_top_flags(parser: argparse.ArgumentParser, *, path: Callable[[str], str]) -> None:
    """Give `top` its flags; `path` reads the path of the metrics."""
    parser.add_argument(
        "--url",
        type=target,
        default=_DEFAULT_URL,
        metavar="URL",
        help="the exporter, with its route prefix if it has one (default %(default)s)",
    )
    parser.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        type=path,
        default="/metrics",
        metavar="PATH",
        help="where its metrics stand, below the route prefix (default %(default)s)",
    )
    parser.add_argument(
        "--interval",
        type=_interval,
        default=2.0,
        metavar="DURATION",
        help="time between two looks, 500ms to 1m (default 2s)",
    )
    parser.add_argument(
        "--once", action="store_true", help="print what there is and end; so it does without a terminal"
    )
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: %(default)s; json is printed once"
    )
    group = parser.add_argument_group("access")
    group.add_argument("--user", metavar="NAME", help="the user, if the exporter asks for one")
    group.add_argument(
        "--password-file",
        dest="password_file",
        type=Path,
        metavar="FILE",
        help="the file with the password (default: the variable BINGX_EXPORTER_PASSWORD)",
    )
    group.add_argument(
        "--ca-file",
        dest="ca_file",
        type=Path,
        metavar="FILE",
        help="PEM with the CA of the exporter (default: the system's)",
    )
    group.add_argument(
        "--cert-file", dest="cert_file", type=Path, metavar="FILE", help="PEM with a client certificate (default: none)"
    )
    group.add_argument(
        "--key-file",
        dest="key_file",
        type=Path,
        metavar="FILE",
        help="its key (default: in the file of the certificate)",
    )


def _interval(text: str) -> float:
    try:
        return seconds("500ms", "1m")(text)
    except BadValue as error:
        message = f"{text!r} {error.message}; {error.hint}".removesuffix("; ")
        raise argparse.ArgumentTypeError(message) from error
