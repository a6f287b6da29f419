"""From what is watched to the lines of a screen, or of a plain print; pure.

Lines give way where the screen is low: positions far from liquidation, then accounts that are well. What is left off
is always told, and where the page has several positions in one row, or not all of them, how many rows it has. A
distance has a bar that is full at half of the mark price; red is within 5 %, yellow within 10 %.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from rich.text import Text

from exporter.cli.table import Column, lay_out
from exporter.cli.wording import UNKNOWN, change, clock, duration, moment, money, percent, quantity, shown, times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.cli.top.view import Account, Overview, Position, Trouble

_GOOD: Final = "green"
_WORSE: Final = "yellow"
_BAD: Final = "bold red"
_FAINT: Final = "dim"
_CLOSE: Final = Decimal("0.05")
_NEAR: Final = Decimal("0.1")
_FULL: Final = Decimal("0.5")
_BAR: Final = 12
_ACCOUNTS: Final = (
    Column(head="account", elastic=True),
    Column(head="asset", rank=2),
    Column(head="equity", number=True, rank=3),
    Column(head="margin", number=True, rank=5),
    Column(head="unrealised", number=True, rank=4),
    Column(head="open", number=True, rank=6),
    Column(head="nearest", number=True),
    Column(head="age", number=True, rank=1),
    Column(head="state"),
)
_POSITIONS: Final = (
    Column(head="account", elastic=True),
    Column(head="symbol", elastic=True),
    Column(head="side"),
    Column(head="mode", rank=8),
    Column(head="id", rank=3, elastic=True),
    Column(head="distance", number=True),
    Column(head="", rank=1),
    Column(head="mark", number=True, rank=4),
    Column(head="liquidation", number=True, rank=5),
    Column(head="entry", number=True, rank=9),
    Column(head="amount", number=True, rank=7),
    Column(head="value", number=True, rank=6),
    Column(head="unrealised", number=True, rank=2),
    Column(head="asset", rank=2),
    Column(head="leverage", number=True, rank=10),
)
_ID: Final = 4


class Scene(Struct, frozen=True, kw_only=True):
    """What is to be drawn.

    `now` is the exporter's clock in seconds since 1970, `silent` for how many seconds it has not answered and
    `failure` why; without a failure all numbers are fresh. `blocks` says that block characters can be
    shown, `keys` is what the keyboard does.
    """

    url: str
    overview: Overview | None
    now: float
    silent: float
    failure: str = ""
    blocks: bool = True
    keys: str = ""


def draw(scene: Scene, *, width: int | None = None, height: int | None = None) -> list[Text]:
    """Return the lines, none of them wider than `width` cells and not more than `height` of them."""
    head = _head(scene)
    if scene.overview is None:
        return _cropped(head, width, height)
    overview = scene.overview.blanked() if scene.failure else scene.overview
    troubles = [line for account in overview.accounts for line in _troubles(account, scene.now)]
    rows = sum(max(1, len(account.funds)) for account in overview.accounts)
    shares = _shared(None if height is None else height - len(head), rows, len(troubles), len(overview.positions))
    blocks = [
        head,
        _account_table(overview.accounts, scene, width, shares[0]),
        _some(troubles, shares[1]),
        _position_table(overview.positions, scene, width, shares[2]),
    ]
    return _cropped([line for block in blocks if block for line in (*block, Text())][:-1], width, height)


def _cropped(lines: Sequence[Text], width: int | None, height: int | None) -> list[Text]:
    for line in lines:
        if width is not None:
            line.truncate(max(1, width), overflow="ellipsis")
    return [Text() for _ in lines[:height]] if width == 0 else list(lines[:height])


def _shared(room: int | None, accounts: int, troubles: int, positions: int) -> tuple[int, int, int]:
    """Return how many rows of each section fit below the head; titles and blank lines are not among them."""
    if room is None:
        return accounts, troubles, positions
    left = room - 2 - (1 if troubles else 0) - (2 if positions else 0)
    accounts_first = min(accounts, max(1, left // 3))
    troubles_first = min(troubles, max(1, left // 4))
    far = min(positions, max(0, left - accounts_first - troubles_first))
    some = min(troubles, max(1, left - accounts_first - far))
    return min(accounts, max(1, left - some - far)), some, far


def _head(scene: Scene) -> list[Text]:
    overview = scene.overview
    if overview is None:
        first = Text.assemble(("bingx-exporter", "bold"), f"  {shown(scene.url)}")
        return [first, _silence(scene) if scene.failure else Text(f"asking   {scene.keys}", style=_FAINT)]
    first = Text.assemble(("bingx-exporter ", "bold"), shown(overview.version), f"  {shown(scene.url)}")
    if scene.failure:
        return [
            first,
            _silence(scene),
            Text(f"Nothing is known of now. Last heard {moment(scene.now - scene.silent)}."),
        ]
    first.append(f"  {clock(scene.now)}")
    if overview.started is not None:
        first.append(f"  up {duration(scene.now - overview.started)}")
    return [first, _counts(overview, scene.keys)]


def _silence(scene: Scene) -> Text:
    line = Text(f"NO ANSWER for {duration(scene.silent)}: {shown(scene.failure)}", style=_BAD)
    return line.append(f"   {scene.keys}", style=_FAINT) if scene.keys else line


def _counts(overview: Overview, keys: str) -> Text:
    sick = sum(bool(account.troubles) for account in overview.accounts)
    counts = [one.positions for one in overview.accounts]
    known = sum(count for count in counts if count is not None)
    unknown = counts.count(None)
    rows = len(overview.positions)
    line = Text(f"{_counted(len(counts), 'account')}, {_counted(known, 'position')}")
    if rows != known:
        cut = any(one.cut for one in overview.accounts)
        line.append(f" ({_counted(rows, 'row')} of them on the page)" if cut else f" in {_counted(rows, 'row')}")
    if unknown:
        line.append(f" and those of {_counted(unknown, 'account')} not known", style=_BAD)
    line.append(", ")
    line.append(*((f"{_counted(sick, 'account')} with failures", _WORSE) if sick else ("no failures", _GOOD)))
    if overview.reloaded is False:
        line.append(", the last reload of the configuration failed", style=_BAD)
    if keys:
        line.append(f"   {keys}", style=_FAINT)
    return line


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _account_table(accounts: Sequence[Account], scene: Scene, width: int | None, room: int) -> list[Text]:
    rows = [row for account in _ordered(accounts, room) for row in _account_rows(account, scene)]
    # With too little room, one line of it says how many more there are.
    return _with_rest(lay_out(_ACCOUNTS, rows, width=width), room, "accounts and assets")


def _ordered(accounts: Sequence[Account], room: int) -> list[Account]:
    """Keep the order of the page, unless some have to be left off: then what needs attention comes first."""
    if sum(max(1, len(account.funds)) for account in accounts) <= room:
        return list(accounts)
    return sorted(
        accounts,
        key=lambda one: (not one.troubles, one.nearest is None, one.nearest or Decimal(0)),
    )


def _account_rows(account: Account, scene: Scene) -> list[list[Text]]:
    state, style = ("unknown", _BAD) if scene.failure else _state(account)
    age = UNKNOWN if account.asked is None else duration(scene.now - account.asked)
    rows: list[list[Text]] = []
    for funds in account.funds or (None,):
        first = not rows
        rows.append(
            [
                Text(shown(account.name) if first else ""),
                Text(UNKNOWN if funds is None else shown(funds.asset)),
                Text(UNKNOWN if funds is None else money(funds.equity)),
                Text(UNKNOWN if funds is None else money(funds.used_margin)),
                Text(UNKNOWN if funds is None else change(funds.unrealized_pnl)),
                Text("" if not first else UNKNOWN if account.positions is None else str(account.positions)),
                Text(percent(account.nearest), style=_closeness(account.nearest)) if first else Text(),
                Text(age if first else ""),
                Text(state, style=style) if first else Text(),
            ]
        )
    return rows


def _state(account: Account) -> tuple[str, str]:
    if any(trouble.withdrawn for trouble in account.troubles):
        asked = any(trouble.reasons or trouble.last_success is not None for trouble in account.troubles)
        return ("no numbers", _BAD) if asked else ("waiting", _WORSE)
    if account.troubles:
        return "failing", _WORSE
    return (f"{account.cut} samples cut", _WORSE) if account.cut else ("ok", _GOOD)


def _troubles(account: Account, now: float) -> list[Text]:
    """Return a line for each way in which collectors of the account fail."""
    lines = []
    for reason, troubles in _grouped(account.troubles).items():
        collectors = ", ".join(shown(trouble.collector) for trouble in troubles)
        withdrawn = any(trouble.withdrawn for trouble in troubles)
        line = Text.assemble(f"{shown(account.name)}: {collectors}: ", (shown(reason), _BAD if withdrawn else _WORSE))
        if withdrawn:
            line.append(", no numbers")
        line.append(f"; {_since(troubles, now)}")
        lines.append(line)
    return lines


def _grouped(troubles: Sequence[Trouble]) -> dict[str, list[Trouble]]:
    groups: dict[str, list[Trouble]] = {}
    for trouble in troubles:
        groups.setdefault(" or ".join(trouble.reasons) or _without_reason(trouble), []).append(trouble)
    return groups


def _without_reason(trouble: Trouble) -> str:
    if trouble.failures:
        return "the page does not say why"
    return "not asked yet" if trouble.last_success is None else "no answer that is young enough"


def _since(troubles: Sequence[Trouble], now: float) -> str:
    """Say how often and for how long, of the collector that is worst off."""
    moments = [trouble.last_success for trouble in troubles]
    known = [moment for moment in moments if moment is not None]
    good = f"last good {duration(now - min(known))} ago" if len(known) == len(moments) else "never good"
    failures = max(trouble.failures for trouble in troubles)
    return f"failed {failures}x, {good}" if failures else good


def _position_table(positions: Sequence[Position], scene: Scene, width: int | None, room: int) -> list[Text]:
    if not positions or not room:
        return [Text(f"{_counted(len(positions), 'row')} of positions not shown", style=_FAINT)] if positions else []
    columns, rows = list(_POSITIONS), [_position_row(one, blocks=scene.blocks) for one in positions]
    if not any(one.position_id for one in positions):
        del columns[_ID]
        for row in rows:
            del row[_ID]
    return _with_rest(lay_out(columns, rows, width=width), room, "rows of positions farther away")


def _position_row(one: Position, *, blocks: bool) -> list[Text]:
    style = _closeness(one.distance)
    return [
        Text(shown(one.account)),
        Text(shown(one.symbol)),
        Text(shown(one.side)),
        Text(shown(one.margin_mode) or UNKNOWN),
        Text(shown(one.position_id)),
        Text(percent(one.distance), style=style),
        Text(_bar(one.distance, blocks=blocks), style=style),
        Text(quantity(one.mark)),
        Text(quantity(one.liquidation)),
        Text(quantity(one.entry)),
        Text(quantity(one.amount)),
        Text(money(one.value)),
        Text(change(one.unrealized_pnl)),
        Text(shown(one.asset)),
        Text(times(one.leverage)),
    ]


def _closeness(distance: Decimal | None) -> str:
    if distance is None:
        return _FAINT
    return _BAD if distance <= _CLOSE else _WORSE if distance <= _NEAR else _GOOD


def _bar(distance: Decimal | None, *, blocks: bool) -> str:
    """Draw a distance as a bar, rounded down; the shorter it is, the nearer the liquidation."""
    if distance is None:
        return ""
    filled = int(max(Decimal(0), min(distance, _FULL)) / _FULL * _BAR)
    full, empty = ("\N{FULL BLOCK}", "\N{LIGHT SHADE}") if blocks else ("#", ".")
    return full * filled + empty * (_BAR - filled)


def _with_rest(lines: list[Text], room: int, noun: str) -> list[Text]:
    """Keep the heads and `room` rows; if there are more, the last of these lines says how many."""
    return [lines[0], *_some(lines[1:], room, noun)]


def _some(lines: Sequence[Text], room: int, noun: str = "") -> list[Text]:
    if len(lines) <= room:
        return list(lines)
    kept = max(0, room - 1)
    return [*lines[:kept], Text(f"and {len(lines) - kept} more {noun}".rstrip(), style=_FAINT)]
