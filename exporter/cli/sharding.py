"""The flags that make a process one shard of several, and what they come to on this machine."""

from __future__ import annotations

import argparse
import os
import re
import socket
from typing import TYPE_CHECKING, Final

from exporter.config.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTO: Final = "auto"
POD_NAME: Final = "POD_NAME"


def add_shard_flags(parser: argparse.ArgumentParser) -> None:
    """Let a command be told which accounts are its own."""
    group = parser.add_argument_group("shards")
    group.add_argument(
        "--shard",
        type=_number,
        metavar="N",
        help="which shard this is, from 0; auto: the number at the end of the pod's name (default: there is only one)",
    )
    group.add_argument(
        "--total-shards",
        dest="total_shards",
        type=_total,
        default=1,
        metavar="M",
        help="over how many shards the accounts are split, each account in exactly one (default %(default)s)",
    )


def settle_shard(flags: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Put the `Shard` that the flags mean in place of the number; a bad combination ends the program."""
    try:
        flags.shard = _shard(flags.shard, flags.total_shards)
    except ValueError as error:
        parser.error(str(error))


def _shard(number: int | str | None, total: int) -> Shard:
    if number is None and total > 1:
        message = f"--total-shards={total} needs --shard: which of them is this?"
        raise ValueError(message)
    if number == AUTO:
        place, name = pod_name(os.environ)
        said = f"--shard=auto goes by {place}, {name!r}"
    else:
        name, said = "", f"--shard={number} --total-shards={total}"
    try:
        return Shard(number=ordinal(name) if number == AUTO else int(number or 0), total=total)
    except ValueError as error:
        message = f"{said}: {error}"
        raise ValueError(message) from error


def pod_name(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return where the name of this pod stands and what it is: a variable, or else the name of the host."""
    if environ.get(POD_NAME):
        return f"the variable {POD_NAME}", environ[POD_NAME]
    return "the host's name", socket.gethostname().partition(".")[0]


def ordinal(pod: str) -> int:
    """Return the number that a StatefulSet puts at the end of a pod's name; raises `ValueError` if there is none."""
    found = re.search(r"-([0-9]{1,9})\Z", pod)
    if found is None:
        message = "it does not end in a dash and a number"
        raise ValueError(message)
    return int(found[1])


def _number(text: str) -> int | str:
    if text == AUTO:
        return text
    if not re.fullmatch("[0-9]{1,9}", text):
        message = f"{text!r} is neither a whole number from 0 nor {AUTO}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _total(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,3}", text):
        message = f"{text!r} is no whole number from 1 to 9999"
        raise argparse.ArgumentTypeError(message)
    return int(text)
