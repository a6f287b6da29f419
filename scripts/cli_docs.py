"""Renders docs/cli.md: every command with its flags, from the parser that reads them; what they print is told here."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from exporter.cli.flags import COMMANDS, command_line
from exporter.cli.income.flags import INCOME_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

INTRODUCTION: Final = """\
# The command line

<!-- Written by scripts/generate_docs.py from the parser; what commands print is in scripts/cli_docs.py. -->

`bingx-exporter` without a command is `bingx-exporter run`. Flags are never abbreviated. No flag takes a secret: keys
are in the configuration, passwords in files or variables.

| exit code | means |
|---|---|
| 0 | good; for what runs until it is told to stop: it was told |
| 1 | failed: the reason is on standard error, or the answer itself is bad \
(`check`, `income totals`, `income verify`, `income reconcile`) |
| 2 | the flags are not understood |
| 130 | interrupted by Ctrl-C before it was done |

## What is printed

Answers go to standard output, logs and errors to standard error. On a terminal, tables are fitted to its width and
colour tells states, unless `NO_COLOR` is set. In a pipe they are plain text, a line for each row, as wide as it takes.
Points are below points. A dash is what is not known or does not exist, never a zero. A character that would steer the
terminal is written as `\\x1b` and the like. Where `--format json` is offered, its keys stay: new ones may be added.
"""

OUTPUT: Final[Mapping[str, str]] = {
    "top": """\
Asks a running exporter for its `/metrics`, and for nothing else: what it shows is what Prometheus scrapes.

- The first line has version, URL, time on the exporter's clock, and for how long it runs. Then the accounts: funds by
  asset, how many positions are open, the distance of the nearest to liquidation, the age of the oldest value in the
  line, and a state: `ok`, `failing` (a last call failed), `no numbers` (balance or positions have left the page),
  `waiting` (before the first call), `unknown`.
- Collectors that fail are listed with their reason. The page counts failures by reason and does not say which was the
  last one: the first look may therefore name several, joined by `or`.
- Positions come nearest to liquidation first, those without a known liquidation price last. The bar is full at half of
  the mark price; up to 5 % it is red, up to 10 % yellow. Positions that share symbol, side and margin mode are one row,
  as on the page; the first line then says how many positions there are and in how many rows. Where samples of an
  account are cut (`--limit.series-per-account`), positions may be missing: it says how many rows of them the page has.
- When the exporter does not answer, the screen says so and for how long, and all numbers are blank until it does. The
  last answer is believed for one interval and 5 s.
- `q`, Ctrl-C and SIGTERM end it with exit code 0 and leave the terminal as it was. On a narrow terminal the less
  important columns go, on a low one the positions farthest from liquidation; what is left off is counted.
- With `--once`, with `--format json`, or where standard output is no terminal, it prints once and ends: 1 if there was
  no answer.
- `--ca-file`, `--cert-file` and `--key-file` are for a port with TLS ([web-config.md](web-config.md)). Redirects are
  not followed, proxies of the environment are not asked.

`--format json` is an object. Numbers are as on the page; `null` is what is not known, and times are RFC 3339.

| key | holds |
|---|---|
| `url`, `version`, `revision` | which exporter |
| `time`, `started` | its clock at the answer, and when it began |
| `config_reload_successful` | whether the last reload of the configuration was taken |
| `accounts[]` | `account`, `environment`, `funds[]` (`asset`, `equity`, `used_margin`, \
`unrealized_pnl`), `positions` (how many), `nearest_liquidation_distance_ratio`, `age_seconds`, `samples_cut`, \
`failing[]` (`collector`, `reasons[]`, `consecutive_failures`, `last_success`, `numbers_withdrawn`) |
| `positions[]` | `account`, `symbol`, `side`, `margin_mode`, `position_id`, `asset`, `liquidation_distance_ratio`, \
`mark_price`, `liquidation_price`, `entry_price`, `amount`, `value`, `unrealized_pnl`, `leverage`; \
nearest to liquidation first |
""",
    "check": """\
A row for each endpoint of each account, then what to do, then how much of [what the exchange allows](limits.md) each
egress address asks for. The exit code is 1 if an account lacks balance or positions. `--format json` is an object:

| key | holds |
|---|---|
| `findings[]` | `account`, `endpoint`, `outcome` (`works`, or the [reason](metrics.md#reason-of-a-failed-call)), \
`detail`, `mend` |
| `budgets[]` | `address`, `accounts`, `share` (1 is all that is allowed), `fits`, `accounts_that_fit`, \
`addresses_needed`, `endpoints[]` (`endpoint`, `asked` and `allowed` in calls a second, \
`configured_interval` and `effective_interval`: the shortest, in seconds) |
""",
    "metrics": """\
`--format json` is a list of objects: `name`, `type`, `labels[]`, `help`, `source`.
""",
    "healthcheck": """\
Prints nothing if all is well, else the reason on standard error. `--format json` is an object: `url`, `healthy`,
`error` (`null` if healthy).
""",
    "income totals": """\
`--format json` is a list of objects: `account`, `asset`, what `--by` names (`type`, `symbol`, `day`; without it `type`
and `symbol`), `credited`, `debited`, `net` (exact, as texts) and `entries`; then, alike for all rows of an account,
`complete`, `start` and `watermark` (all from the one up to the other has been read, RFC 3339; rows that the exchange
shows late may still be added before it: do not go on from it, sum anew from a fixed start) and `error`.

An account without sums has one row, with `null` in place of asset and sums. `complete` tells nothing to sum from not
read: it is true if all has been read and there was no income; else it is false and `error` has the reason, and
`watermark` is how far it has been read, `null` if nothing has. The exit code then is 1, unless `--account` is not given
and the account is not in the configuration, or has its income switched off.

The table is followed by a sentence for each account that says the same, and is left off if it has no row. CSV has the
columns up to `entries` and the rows of the accounts that are complete; the sentences are in the log, as warnings of
those that are not.
""",
    "income verify": """\
`--format json` is an object: `accounts` and `series` (how many), and `differences[]` with `account`, `asset`, `type`,
`symbol`, `recorded` and `entered`, each of them with `credited`, `debited`, `entries`.
""",
    "income reconcile": """\
`--format json` is a list of objects: `account`, `equal`, and either `error` or `start`, `end`, `rows`, `days[]`
(`day`, `type`, `asset`, `ledger`, `exchange`, `difference`), `only_in_ledger[]` and `only_in_exchange[]` (`time`,
`type`, `symbol`, `info`, `asset`, `amount`). `error` says why an account could not be compared, and the exit code is 1.
""",
    "income export": """\
The rows are the exchange's own, with its heads. JSON is an object: `heads[]` and `rows[][]`, all of them texts.
""",
    "income backfill": """\
Writes OpenMetrics, which is what `promtool` reads; there is no other format. What was written is told in the log, as
JSON with `--log.format=json`.
""",
}


def render() -> str:
    """Return docs/cli.md."""
    commands = _commands(command_line())
    pieces = [INTRODUCTION]
    pieces += [_section(2, name, text, commands[name]) for name, text in COMMANDS.items() if name != "income"]
    income = _commands(commands["income"])
    pieces.append(f"## `income`\n\n{_sentence(COMMANDS['income'])} Each of its commands:\n")
    pieces += [_section(3, f"income {name}", text, income[name]) for name, text in INCOME_COMMANDS.items()]
    return "\n".join(pieces)


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list them
        if isinstance(action.choices, dict):
            return action.choices
    message = "the parser has no commands"
    raise LookupError(message)


def _section(level: int, name: str, text: str, parser: argparse.ArgumentParser) -> str:
    lines = [f"{'#' * level} `{name}`", "", _sentence(text), ""]
    if name in OUTPUT:
        lines += [OUTPUT[name]]
    lines += ["| flag | meaning |", "|---|---|", *_rows(parser), ""]
    return "\n".join(lines)


def _rows(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001 - the same
        if not isinstance(action, argparse._HelpAction):  # noqa: SLF001 - every command has it
            yield f"| {_flag(action)} | {_help(action)} |"


def _flag(action: argparse.Action) -> str:
    value = action.metavar or ("" if action.choices is None else "|".join(_texts(action.choices)))
    names = [f"`{name}`" for name in action.option_strings]
    if value:
        names[0] = f"`{action.option_strings[0]} {value}`".replace("|", "\\|")
    needed = " (needed)" if action.required else ""
    return ", ".join(names) + needed


def _texts(choices: Iterable[object]) -> list[str]:
    return [str(choice) for choice in choices]


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % {**vars(action), "prog": "bingx-exporter"}
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
