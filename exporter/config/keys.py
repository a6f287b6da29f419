"""Every key of the configuration, declared once: its name, its reader, its default, its help and an example.

From this tree come the parsing, the hints for unknown keys, docs/configuration.md and the check of
config.example.yaml. Reads nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.config import values
from exporter.config.shapes import Group, Key, Labels, Listing

if TYPE_CHECKING:
    from exporter.config.shapes import Member

_BELONGS_TO_AN_ACCOUNT: Final = "belongs to an account, not to the defaults"


def _enabled(default: str) -> Key:
    return Key(
        name="enabled",
        kind="true or false",
        parse=values.parse_switch,
        default=default,
        help="Whether this collector runs. The flags `--collector.NAME` and `--no-collector.NAME` win over the file.",
        example=default,
    )


_ENABLED: Final = _enabled("true")


def _interval(default: str) -> Key:
    return Key(
        name="interval",
        kind="duration",
        parse=values.parse_interval,
        default=default,
        help="The time between two polls, at most 30d. The exchange's limits may space them out further.",
        example=default,
    )


BALANCE: Final = Group(name="balance", help="Funds and margin by asset.", members=(_ENABLED, _interval("10s")))

POSITIONS: Final = Group(
    name="positions",
    help="Open positions.",
    members=(
        _ENABLED,
        _interval("5s"),
        Key(
            name="position_id",
            kind="true or false",
            parse=values.parse_switch,
            default="false",
            help="Whether each position gets a label `position_id`. Without it, positions that share symbol, side and "
            "margin mode are merged into one series. Ids come and go with the positions and make new series each time.",
            example="false",
        ),
    ),
)

INCOME: Final = Group(
    name="income",
    help="Realised PnL, funding, fees and every other movement of funds, counted in the ledger.",
    members=(
        _ENABLED,
        _interval("60s"),
        Key(
            name="since",
            kind="duration or date",
            parse=values.parse_since,
            default="90d",
            help="From when income counts: a duration before the first start, or an RFC 3339 date or time such as "
            "2026-01-01. It is pinned at the first start; a later change warns and changes nothing. Replicas that must "
            "agree use a date. The exchange keeps 90 days.",
            example="90d",
        ),
        Key(
            name="initial_zero",
            kind="duration",
            parse=values.seconds("0s", "1h"),
            default="60s",
            help="How long a new counter series shows 0 before it moves, so that `increase()` and the shipped alerts "
            "see its first entry. At least two scrape intervals, and at least one plus the interval at which rules are "
            "evaluated (15s in the shipped ones); at most 1h.",
            example="60s",
        ),
        Key(
            name="tail",
            kind="duration",
            parse=values.seconds("1s", "1d"),
            default="10m",
            help="How far back every poll reads again, to catch entries that the exchange books late; 1s to 1d.",
            example="10m",
        ),
    ),
)

COMMISSION_RATE: Final = Group(name="commission_rate", help="Fee rates.", members=(_ENABLED, _interval("1h")))

RECONCILIATION: Final = Group(
    name="reconciliation",
    help="The exchange's own workbook of the fund flow, compared with the ledger row by row. Needs the income "
    "collector, and begins when that has read the whole history.",
    members=(
        _enabled("false"),
        _interval("24h"),
        Key(
            name="period",
            kind="duration",
            parse=values.seconds("1h", "89d"),
            default="7d",
            help="How far back the workbook is compared; 1h to 89d. The last `income.tail` is left out, for its rows "
            "may still come.",
            example="7d",
        ),
    ),
)

API_KEY: Final = Key(
    name="api_key",
    kind="text",
    parse=values.parse_secret,
    secret=True,
    own=True,
    absent="required, or `api_key_file`",
    help="The API key. Reading rights do for balance and positions; for income and fee rates the exchange may ask for "
    "the futures-trading right, and `bingx-exporter check` says whether it does. The exporter itself only reads.",
    example="${MAIN_KEY}",
)

API_KEY_FILE: Final = Key(
    name="api_key_file",
    kind="path",
    parse=values.parse_path,
    secret=True,
    own=True,
    absent="required, or `api_key`",
    help="A file that holds the API key and nothing else. A relative path begins at the configuration file.",
    example="/run/secrets/main-key",
)

API_SECRET: Final = Key(
    name="api_secret",
    kind="text",
    parse=values.parse_secret,
    secret=True,
    own=True,
    absent="required, or `api_secret_file`",
    help="The secret that belongs to the API key.",
    example="${MAIN_SECRET}",
)

API_SECRET_FILE: Final = Key(
    name="api_secret_file",
    kind="path",
    parse=values.parse_path,
    secret=True,
    own=True,
    absent="required, or `api_secret`",
    help="A file that holds the secret and nothing else. A relative path begins at the configuration file.",
    example="/run/secrets/main-secret",
)

ENVIRONMENT: Final = Key(
    name="environment",
    kind="`live` or `vst`",
    parse=values.one_of("live", "vst"),
    default="live",
    help="The exchange proper, or its demo trading with VST.",
    example="live",
)

ACCOUNT: Final = Group(
    name="",
    help="One account.",
    members=(
        Key(
            name="name",
            kind="text",
            parse=values.parse_name,
            own=True,
            absent="required",
            help="The value of the label `account`: 1 to 64 characters, unlike every other account's. The ledger knows "
            "the account by it.",
            example="main",
        ),
        API_KEY,
        API_KEY_FILE,
        API_SECRET,
        API_SECRET_FILE,
        ENVIRONMENT,
        Labels(
            name="labels",
            help="Labels for `bingx_account_info`, to join on. Values are text; `account` and `environment` are there "
            "already.",
            example="{desk: alpha}",
        ),
        Key(
            name="base_url",
            kind="URL",
            parse=values.parse_base_url,
            secret=True,
            absent="the environment's host",
            help="Another host of the exchange, `http://` or `https://`, without a path. With it there is no second "
            "host unless `fallback_url` names one.",
            example="https://open-api.bingx.com",
        ),
        Key(
            name="fallback_url",
            kind="URL",
            parse=values.parse_base_url,
            secret=True,
            absent="the environment's second host, or none if `base_url` is set",
            help="The host that is used while the first cannot be reached (no address, no connection, no answer) and "
            "this one can. Never after an answer, and only until the first answers again.",
            example="https://open-api.bingx.pro",
        ),
        Key(
            name="proxy",
            kind="URL",
            parse=values.parse_proxy,
            secret=True,
            absent="none",
            help="An HTTP proxy, with user name and password if it asks for them. It has a request budget of its own.",
            example="http://egress-2:3128",
        ),
        Key(
            name="source_address",
            kind="IP address",
            parse=values.parse_address,
            absent="the system's choice",
            help="The local address to connect from, if the machine has several. It has a request budget of its own.",
            example="192.0.2.7",
        ),
        Key(
            name="timeout",
            kind="duration",
            parse=values.seconds("100ms", "1m"),
            default="5s",
            help="The longest that one call may take, from name lookup to the last byte; 100ms to 1m.",
            example="5s",
        ),
        Key(
            name="recv_window",
            kind="duration",
            parse=values.seconds("100ms", "5s"),
            default="5s",
            help="How old a request may be when the exchange takes it; 100ms to 5s.",
            example="5s",
        ),
        Key(
            name="stale_after",
            kind="number",
            parse=values.number(1, 1000),
            default="3",
            help="After how many intervals without a success the values of a collector leave the page; 1 to 1000.",
            example="3",
        ),
        Group(
            name="collectors",
            help="What is read from the account, and how often.",
            members=(BALANCE, POSITIONS, INCOME, COMMISSION_RATE, RECONCILIATION),
        ),
    ),
)

LEDGER_URL: Final = Key(
    name="url",
    kind="URL",
    parse=values.parse_ledger_url,
    secret=True,
    default="sqlite:////var/lib/bingx-exporter/ledger.db",
    help="A SQLite file, `sqlite:////absolute/path` (with three slashes the path is relative and begins at the "
    "configuration file), or PostgreSQL, `postgresql+psycopg://user@host/database`.",
    example="sqlite:////var/lib/bingx-exporter/ledger.db",
)

LEDGER_RETENTION: Final = Key(
    name="retention",
    kind="duration",
    parse=values.parse_retention,
    absent="for ever",
    help="How long each entry is kept, at least 120d. Older ones are compacted once a day into sums by type, symbol "
    "and asset: totals stay as they are, and the single entries are gone.",
    example="2y",
)

LEDGER: Final = Group(
    name="ledger",
    help="Where income is kept.",
    members=(LEDGER_URL, LEDGER_RETENTION),
)


def _is_own(member: Member) -> bool:
    return isinstance(member, Key) and member.own


DEFAULTS: Final = Group(
    name="defaults",
    help="What holds for every account that does not say otherwise: any key of an account but its name and "
    "credentials. An account is laid over it key by key, at every depth.",
    members=tuple(member for member in ACCOUNT.members if not _is_own(member)),
    refused={member.name: _BELONGS_TO_AN_ACCOUNT for member in ACCOUNT.members if _is_own(member)},
)

ACCOUNTS: Final = Listing(name="accounts", help="The accounts, at least one.", item=ACCOUNT)

ROOT: Final = Group(name="", help="The file.", members=(LEDGER, DEFAULTS, ACCOUNTS))
