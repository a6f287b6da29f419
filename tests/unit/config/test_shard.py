"""Which accounts a shard owns: each exactly one, few move when there are more shards, and none is ever lost by it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Config, load
from exporter.config.shard import Shard, joined, weight
from exporter.config.showing import fingerprint

NAMES = st.lists(st.text(min_size=1, max_size=40).filter(lambda one: one.isprintable()), unique=True, max_size=40)
TOTALS = st.integers(min_value=1, max_value=30)
MANY = [f"account-{number:05}" for number in range(10_000)]


def owner(name: str, total: int) -> int:
    (number,) = [one for one in range(total) if Shard(number=one, total=total).owns(name)]
    return number


def configuration(folder: Path, *names: str) -> Config:
    path = folder / f"config-{len(names)}.yaml"
    accounts = [f"  - {{name: {name}, api_key: key-0123456789, api_secret: secret-0123456789}}" for name in names]
    path.write_text("\n".join(["accounts:", *accounts]))
    path.chmod(0o600)
    return load(path, environ={})


def test_the_choice_is_the_same_for_ever() -> None:
    """A change of these numbers moves accounts between processes that were upgraded and those that were not."""
    assert weight(0, "main").hex().startswith("349cdf32213d")
    owners = {
        "main": [0, 1, 2, 2, 4],
        "hedge": [0, 1, 2, 2, 5],
        "alpha": [0, 1, 1, 1, 1],
        "beta": [0, 1, 2, 3, 14],
        "gamma": [0, 0, 0, 0, 6],
        "desk/7": [0, 1, 1, 1, 14],
        "konto-ä": [0, 1, 2, 2, 12],
        "主": [0, 1, 1, 1, 5],
    }
    assert {name: [owner(name, total) for total in (1, 2, 3, 4, 16)] for name in owners} == owners


@given(NAMES, TOTALS)
def test_every_account_has_exactly_one_owner(names: list[str], total: int) -> None:
    for name in names:
        assert sum(Shard(number=number, total=total).owns(name) for number in range(total)) == 1


@given(NAMES, TOTALS)
def test_with_one_shard_more_an_account_stays_or_moves_to_the_new_one(names: list[str], total: int) -> None:
    for name in names:
        assert owner(name, total + 1) in {owner(name, total), total}


@given(NAMES, st.data())
def test_no_account_is_lost_while_shards_disagree_on_their_total_but_each_number_is_there(
    names: list[str], data: st.DataObject
) -> None:
    highest = data.draw(st.integers(min_value=1, max_value=12))
    totals = [data.draw(st.integers(min_value=number + 1, max_value=highest)) for number in range(highest)]
    shards = [Shard(number=number, total=total) for number, total in enumerate(totals)]
    for name in names:
        assert any(shard.owns(name) for shard in shards)


@pytest.mark.parametrize("total", [3, 10])
def test_the_accounts_are_spread_evenly_and_one_share_of_them_moves(total: int) -> None:
    before, after = ([owner(name, count) for name in MANY] for count in (total, total + 1))
    moved = sum(old != new for old, new in zip(before, after, strict=True))

    share = len(MANY) / total
    assert max(abs(before.count(number) - share) for number in range(total)) < 4 * math.sqrt(share)
    assert moved == after.count(total)
    assert moved == pytest.approx(len(MANY) / (total + 1), rel=0.15)


@pytest.mark.parametrize(("number", "total"), [(1, 1), (-1, 3), (3, 3), (0, 0)])
def test_a_shard_that_does_not_exist_is_refused(number: int, total: int) -> None:
    with pytest.raises(ValueError, match=f"no shard {number} of {total}"):
        Shard(number=number, total=total)


def test_a_part_keeps_all_but_the_accounts_of_others(tmp_path: Path) -> None:
    whole = configuration(tmp_path, "main", "hedge", "alpha", "beta", "gamma")
    parts = [Shard(number=number, total=3).part_of(whole) for number in range(3)]

    assert sorted(one.name for part in parts for one in part.accounts) == ["alpha", "beta", "gamma", "hedge", "main"]
    assert all((part.ledger, part.stamps) == (whole.ledger, whole.stamps) for part in parts)
    assert Shard().part_of(whole) == whole


def test_what_is_in_force_stands_in_its_place_in_the_whole(tmp_path: Path) -> None:
    whole = configuration(tmp_path, "main", "hedge", "alpha")
    kept = configuration(tmp_path, "gone").accounts

    assert joined(whole, whole.accounts[1:2]) == whole
    assert [one.name for one in joined(whole, (*whole.accounts[1:2], *kept)).accounts] == [
        "main",
        "hedge",
        "alpha",
        "gone",
    ]


def test_the_fingerprint_tells_configurations_apart_and_no_two_shards_of_one(tmp_path: Path) -> None:
    whole, other = configuration(tmp_path, "main", "hedge"), configuration(tmp_path, "main")
    prints = {fingerprint(joined(whole, Shard(number=one, total=3).part_of(whole).accounts)) for one in range(3)}

    assert prints == {fingerprint(whole)}
    assert fingerprint(other) not in prints
    assert max(prints) < 2**48
