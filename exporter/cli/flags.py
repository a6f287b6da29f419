"""The flags, named and shaped as Prometheus' own exporters have them; pure, but for `--shard=auto`.

What only the flags of one command need is imported when that command is asked for.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

DEFAULT_ADDRESS: Final = ":10066"
_OTHER_PAGES: Final = ("/", "/config", "/probe", "/sd")
COMMANDS: Final = {
    "run": "collect from the exchange and serve metrics (the default)",
    "demo": "the same with a simulated exchange; no key needed",
    "simulate": "the simulated exchange alone",
    "top": "watch a running exporter in the terminal: accounts, and positions by their distance to liquidation",
    "check": "call each endpoint of each account once and say what works",
    "metrics": "print every metric with its labels and meaning",
    "income": "ask, check, compare and export the ledger of the fund flow",
    "healthcheck": "ask a running exporter whether it is alive; for containers",
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the flags of a command line; without a command it is `run`.

    Raises `SystemExit`: 0 after help or version, 2 for flags that are not understood.
    """
    arguments = _with_command(arguments)
    parser = command_line(arguments[:1])
    flags = parser.parse_args(arguments)
    if hasattr(flags, "route_prefix"):
        _settle_place(flags, parser)
    if hasattr(flags, "total_shards"):
        from exporter.cli.sharding import settle_shard

        settle_shard(flags, parser)
    return flags


def _settle_place(flags: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    from exporter.web.place import placed

    if flags.systemd_sockets and flags.addresses:
        parser.error("--web.systemd-socket and --web.listen-address exclude each other: systemd owns the addresses")
    try:
        flags.place = placed(route_prefix=flags.route_prefix, external_url=flags.external_url)
    except ValueError as error:
        parser.error(str(error))


def _with_command(arguments: Sequence[str]) -> list[str]:
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help", "--version"}):
        return ["run", *arguments]
    return list(arguments)


def command_line(flags_of: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of all commands; only those of `flags_of` know their flags."""
    parser = argparse.ArgumentParser(
        prog="bingx-exporter",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Prometheus exporter for BingX perpetual-futures accounts.",
        epilog="Flags of a command: bingx-exporter COMMAND --help. Exit codes: 0 good, 1 failed, 2 bad flags.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        of_command = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )
        if name in flags_of:
            _FLAGS[name](of_command)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from exporter.cli.version import version_text

        print(version_text(), end="")
        parser.exit()


def _run(parser: argparse.ArgumentParser) -> None:
    _add_log_flags(parser)
    _add_config_file(parser)
    _add_collector_flags(parser)
    _shard(parser)
    _add_web_flags(parser)
    _add_run_flags(parser)
    parser.set_defaults(addresses_by_default=[DEFAULT_ADDRESS])


def _demo(parser: argparse.ArgumentParser) -> None:
    _add_log_flags(parser)
    _add_web_flags(parser)
    _add_simulation_flags(parser)
    parser.set_defaults(addresses_by_default=["127.0.0.1:0"])


def _simulate(parser: argparse.ArgumentParser) -> None:
    _add_log_flags(parser)
    _add_simulation_flags(parser)
    parser.add_argument(
        "--listen-address", default="127.0.0.1:0", metavar="HOST:PORT", help="loopback address (default %(default)s)"
    )


def _check(parser: argparse.ArgumentParser) -> None:
    _add_log_flags(parser)
    _add_config_file(parser)
    _add_collector_flags(parser)
    _shard(parser)
    _add_check_flags(parser)


def _top(parser: argparse.ArgumentParser) -> None:
    from exporter.cli.top.flags import add_top_flags

    add_top_flags(parser, path=_path)


def _metrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json", "markdown"), default="table", help="default: %(default)s")


def _income(parser: argparse.ArgumentParser) -> None:
    from exporter.cli.income.flags import add_income_flags

    add_income_flags(parser, _add_log_flags, _add_config_file, _shard)


def _shard(parser: argparse.ArgumentParser) -> None:
    from exporter.cli.sharding import add_shard_flags

    add_shard_flags(parser)


def _healthcheck(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        default=f"http://127.0.0.1{DEFAULT_ADDRESS}/-/healthy",
        type=_question,
        help="what to ask; only 200 within 2 s is healthy, redirects are not followed (default %(default)s)",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: %(default)s")


def _add_log_flags(parser: argparse.ArgumentParser) -> None:
    from exporter.logs import FORMATS, LEVELS

    group = parser.add_argument_group("log")
    group.add_argument("--log.level", dest="log_level", choices=LEVELS, default="info", help="default: %(default)s")
    group.add_argument(
        "--log.format", dest="log_format", choices=FORMATS, default="logfmt", help="default: %(default)s"
    )


def _add_config_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        help="YAML file with the accounts (default: none, one account from BINGX_API_KEY and BINGX_API_SECRET)",
    )


def _add_collector_flags(parser: argparse.ArgumentParser) -> None:
    from exporter.model import CollectorName

    group = parser.add_argument_group("collectors")
    for name in CollectorName:
        group.add_argument(
            f"--collector.{name}",
            dest=f"collector_{name}",
            action=argparse.BooleanOptionalAction,
            default=None,
            help=f"switch the {name} collector of every account on or off, whatever the file says",
        )
    group.add_argument(
        "--collector.disable-defaults",
        dest="collector_disable_defaults",
        action="store_true",
        help="switch off every collector that no --collector flag switches on",
    )


def _add_web_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("web")
    group.add_argument(
        "--web.listen-address",
        dest="addresses",
        action="append",
        metavar="HOST:PORT",
        help=f"where to listen, may be given again; :PORT is every address, port 0 a free one (run: {DEFAULT_ADDRESS})",
    )
    group.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        default="/metrics",
        metavar="PATH",
        type=_path,
        help="where the metrics stand (default %(default)s)",
    )
    group.add_argument(
        "--web.config.file",
        dest="web_config",
        metavar="FILE",
        type=Path,
        help="YAML file with TLS, users and headers, as Prometheus' own exporters have it (default: none)",
    )
    group.add_argument(
        "--web.systemd-socket",
        dest="systemd_sockets",
        action="store_true",
        help="listen on the sockets that systemd hands over, and on no address",
    )
    group.add_argument(
        "--web.external-url",
        dest="external_url",
        metavar="URL",
        help="the URL under which others reach it, if that is a different one (default: none)",
    )
    group.add_argument(
        "--web.route-prefix",
        dest="route_prefix",
        metavar="PATH",
        help="the path below which all pages stand (default: the path of --web.external-url)",
    )
    group.add_argument(
        "--web.max-requests",
        dest="most_requests",
        type=_positive,
        default=40,
        metavar="N",
        help="most answers that may wait to be read; beyond that the oldest connection is closed (default %(default)s)",
    )
    group.add_argument(
        "--web.protect-health",
        dest="protects_health",
        action="store_true",
        help="ask for the password of --web.config.file at /-/healthy and /-/ready, too",
    )
    group.add_argument(
        "--web.disable-exporter-metrics",
        dest="process_metrics",
        action="store_false",
        help="leave process_* and python_* out",
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        message = f"{text!r} is no whole number from 0"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _positive(text: str) -> int:
    number = _count(text)
    if not number:
        message = "0 would answer nobody; it is a whole number from 1"
        raise argparse.ArgumentTypeError(message)
    return number


def _question(text: str) -> str:
    from exporter.cli.target import target

    target(text)
    return text


def _path(text: str) -> str:
    taken = text in _OTHER_PAGES or text.startswith("/-/")
    if not text.startswith("/") or taken or any(c in text for c in "?#{} "):
        others = ", ".join(_OTHER_PAGES)
        message = f"{text!r} is no path for metrics: it starts with /, and is none of {others} and /-/…"
        raise argparse.ArgumentTypeError(message)
    return text


def _add_run_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.check", dest="config_check", action="store_true", help="check the configuration and exit with 0 or 1"
    )
    parser.add_argument(
        "--config.auto-reload",
        dest="auto_reload",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="read the configuration again when it or a key file changes (SIGHUP always does; default: off)",
    )
    parser.add_argument(
        "--web.enable-lifecycle",
        dest="lifecycle",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="allow a reload by PUT or POST to /-/reload (default: off)",
    )
    parser.add_argument(
        "--limit.series-per-account",
        dest="series_per_account",
        type=_count,
        default=20_000,
        metavar="N",
        help="most samples that one account may have on the page, 0 for any number (default %(default)s)",
    )


def _add_check_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: %(default)s")


def _add_simulation_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("simulation")
    scenarios = ("calm", "drawdown", "outage")
    group.add_argument("--scenario", choices=scenarios, default="drawdown", help="default: %(default)s")
    group.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same world (default %(default)s)")


_FLAGS: Final[dict[str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": _run,
    "demo": _demo,
    "simulate": _simulate,
    "top": _top,
    "check": _check,
    "metrics": _metrics,
    "income": _income,
    "healthcheck": _healthcheck,
}
