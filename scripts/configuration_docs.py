"""The page docs/configuration.md, made from the declared keys, so that it cannot differ from the program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.config import keys
from exporter.config.environment import ACCOUNT_NAME, VARIABLES
from exporter.config.shapes import Group, Key, Labels, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.config.shapes import Member


INTRODUCTION: Final = """\
# Configuration

<!-- Written by `make docs`; change exporter/config/keys.py instead. -->

The exporter reads one YAML file, named by `--config.file`, or a few [environment variables](#without-a-file). The file
is the better way: it takes several accounts. `bingx-exporter check` says what is wrong with
it, all at once, each with its line:

```
config.yaml:12: accounts[0].timout: unknown key; did you mean "timeout"?
config.yaml:19: accounts[1].api_secret: the environment variable HEDGE_SECRET is not set
```

The smallest file:

```yaml
accounts:
  - name: main
    api_key_file: /run/secrets/main-key
    api_secret_file: /run/secrets/main-secret
```

[config.example.yaml](../config.example.yaml) is a complete one, with a comment on every key.
"""

RULES: Final = """\
## How values are written

- **Durations** have a unit, as in Prometheus: `500ms`, `5s`, `1m30s`, `12h`, `90d`. A bare number is an error.
- **Variables**: `${NAME}` anywhere in a value is the environment variable `NAME`. If it is not set, that is an error.
  `$$` is a plain `$`.
- **Paths** that are relative begin at the directory of the configuration file.
- **Secret files** hold the key or the secret and nothing else; a line break at the end does not count. A file that
  everyone on the machine may read works, but is warned about.
- **Unknown keys** are errors, as are keys given twice. YAML anchors, aliases and merge keys (`<<`) work; tags (`!`)
  do not.
- **No secret is shown**: not in an error, a warning, a log line or on a page.
"""


def render() -> str:
    """Return the whole page."""
    parts = [
        INTRODUCTION,
        RULES,
        _section("`ledger`", keys.LEDGER),
        _section("`accounts`", keys.ACCOUNT, keys.ACCOUNTS.help),
        _section("`defaults`", None, keys.DEFAULTS.help),
        _environment(),
    ]
    return "\n".join(parts)


def _section(title: str, group: Group | None, text: str = "") -> str:
    lines = [f"## {title}", "", text or (group.help if group else "")]
    if group:
        lines += ["", "| key | value | default | meaning |", "|---|---|---|---|", *_rows(group)]
    return "\n".join([*lines, ""])


def _rows(group: Group) -> Iterator[str]:
    for path, member in walk(group):
        yield f"| `{path}` | {_kind(member)} | {_default(member)} | {member.help}{_example(member)} |"


def _kind(member: Member) -> str:
    if isinstance(member, Key):
        return member.kind
    return "names and values" if isinstance(member, Labels) else "keys"


def _default(member: Member) -> str:
    if not isinstance(member, Key):
        return "none" if isinstance(member, Labels) else ""
    return f"`{member.default}`" if member.default else member.absent


def _example(member: Member) -> str:
    if isinstance(member, Group) or getattr(member, "default", None) == getattr(member, "example", None):
        return ""
    return f" Example: `{getattr(member, 'example', '')}`"


def _environment() -> str:
    rows = "\n".join(f"| `{variable.name}` | {variable.help} |" for variable in VARIABLES)
    return f"""\
## Without a file

Without `--config.file`, these variables make one account named `{ACCOUNT_NAME}`. Key and secret are both needed, each
in one of its two ways; everything else has its default. With a file they are not read, unless the file names them.

| variable | meaning |
|---|---|
{rows}
"""
