"""Good answers made bad: what may come instead of any value, and changes at any place of a tree."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from hypothesis import strategies as st

Path = tuple[str | int, ...]

ODD_TEXTS: Final = (
    "", " ", "0", "-0", "1e60", "-1e-60", "1e9999", "9" * 64, "NaN", "Infinity", "1_000", "\u0661", "true", "null",
    "a\0b", "\0", "line\nfeed", 'quote"d', "back\\slash", "\x1f", "\ud800", "\udfff\ud800", "\U0001f680", "\u202eUSDT",
    "x" * 201, "x" * 10_000, "LONG", "BOTH", "USDT", "BTC-USDT", "-", "-USDT",
)  # fmt: skip
ODD_NUMBERS: Final = (0, -1, 1, 2**63, 10**60, -(10**70), 10**400, 0.1, -0.0, 1e300, 5e-324, 1_700_000_000_000, 7e12)

_DEEP: Final = 3

texts: Final = st.sampled_from(ODD_TEXTS) | st.text(max_size=20) | st.decimals(allow_nan=False).map(str)
scalars: Final = st.none() | st.booleans() | st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats() | texts
values: Final = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)


def paths(tree: object, at: Path = ()) -> list[Path]:
    """Return the path of every value in `tree`, itself included."""
    found = [at]
    if isinstance(tree, dict):
        found += [path for name, value in tree.items() for path in paths(value, (*at, name))]
    elif isinstance(tree, list):
        found += [path for index, value in enumerate(tree) for path in paths(value, (*at, index))]
    return found


@st.composite
def mutated(draw: st.DrawFn, tree: object) -> object:
    """Return `tree` with up to three values deleted, replaced, doubled or put in."""
    changed = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        found = paths(changed)
        shallow = [path for path in found if len(path) < _DEEP]  # whole rows, of which there are few among the values
        changed = _changed(draw, changed, draw(st.sampled_from(shallow) | st.sampled_from(found)))
    return changed


def _changed(draw: st.DrawFn, tree: object, path: Path) -> object:
    if not path:
        return draw(values) if draw(st.integers(0, 9)) == 0 else tree
    parent: Any = tree
    for step in path[:-1]:
        parent = parent[step]
    last: Any = path[-1]
    match draw(st.sampled_from(["replace", "delete", "double", "insert", "again"])):
        case "replace":
            parent[last] = draw(values)
        case "delete":
            del parent[last]
        case "double" if isinstance(parent, list):
            parent.insert(last, copy.deepcopy(parent[last]))
        case "double":
            parent[draw(texts)] = copy.deepcopy(parent[last])
        case "insert" if isinstance(parent, list):
            parent.insert(last, draw(values))
        case "insert":
            parent[draw(texts)] = draw(values)
        case _:
            parent[last] = [parent[last]] * draw(st.integers(0, 3))
    return tree


def as_json(tree: object, *, ascii_only: bool) -> bytes:
    """Write `tree` as JSON, with what JSON does not have (NaN, half characters) in it where it is in the tree."""
    return json.dumps(tree, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
