"""Which hosts an account is given, by which way, and what is forgotten with it."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import pytest
from support.clock import ManualClock

from exporter.app.exchange import Exchange, hosts_of
from exporter.bingx import trust
from exporter.bingx.environments import HOSTS, Hosts
from exporter.config import AccountSettings, load

KEYS = "api_key: an-api-key-of-some-length, api_secret: a-secret-of-some-length"
A, B = "https://a.example", "https://b.example"


class Deaf:
    def called(self, endpoint: object, seconds: float, reason: str | None) -> None: ...

    def drifted(self, endpoint: object, drift: object) -> None: ...


def accounts(folder: Path, *entries: str) -> tuple[AccountSettings, ...]:
    path = folder / "config.yaml"
    named = (f"name: account-{number}, {entry}" for number, entry in enumerate(entries))
    path.write_text("accounts:\n" + "".join(f"  - {{{entry} {KEYS}}}\n" for entry in named))
    path.chmod(0o600)
    return load(path, environ={}).accounts


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(clock=ManualClock(), observer=Deaf())


@pytest.mark.parametrize(
    ("entry", "hosts"),
    [
        ("", Hosts(first="https://open-api.bingx.com", fallback="https://open-api.bingx.pro")),
        (
            "environment: vst,",
            Hosts(first="https://open-api-vst.bingx.com", fallback="https://open-api-vst.bingx.pro"),
        ),
        (f"base_url: '{A}',", Hosts(first=A)),
        (f"base_url: '{A}', fallback_url: '{B}',", Hosts(first=A, fallback=B)),
        (f"fallback_url: '{B}',", Hosts(first=HOSTS["live"].first, fallback=B)),
        (f"base_url: '{A}', fallback_url: '{A}',", Hosts(first=A)),
    ],
)
def test_an_account_has_the_documented_hosts_or_those_that_its_settings_name(
    tmp_path: Path, entry: str, hosts: Hosts
) -> None:
    (account,) = accounts(tmp_path, entry)
    assert hosts_of(account) == hosts


def test_accounts_of_one_way_fall_back_together_and_others_do_not(tmp_path: Path, exchange: Exchange) -> None:
    entries = ("", "", "source_address: 192.0.2.7,", "proxy: 'http://egress-2:3128',", f"base_url: '{A}',")
    ways = [exchange.host_of(account).way for account in accounts(tmp_path, *entries)]
    assert ways[0] is ways[1]
    assert len({id(way) for way in ways}) == 4
    assert len({id(way.first.clock) for way in ways}) == 2  # the first host is the same, by whatever way
    assert ways[0].fallback is not None
    assert ways[4].fallback is None


def test_another_password_of_a_proxy_is_another_way(tmp_path: Path, exchange: Exchange) -> None:
    one, other = accounts(tmp_path, "proxy: 'http://u:one@egress:1',", "proxy: 'http://u:other@egress:1',")
    assert exchange.host_of(one) is not exchange.host_of(other)
    assert exchange.host_of(one).caller.address == exchange.host_of(other).caller.address
    assert "other@" not in repr(vars(exchange))


def test_the_clocks_shown_are_those_of_the_hosts_in_use(tmp_path: Path, exchange: Exchange) -> None:
    every = accounts(tmp_path, f"base_url: '{A}', fallback_url: '{B}',", f"base_url: '{B}',")
    exchange.host_of(every[0])
    assert set(exchange.clocks) == {A}
    exchange.host_of(every[1])
    assert set(exchange.clocks) == {A, B}


def test_what_no_account_uses_any_more_is_forgotten(tmp_path: Path, exchange: Exchange) -> None:
    every = accounts(tmp_path, f"base_url: '{A}', fallback_url: '{B}',", f"base_url: '{A}',", f"base_url: '{B}',")
    hosts = [exchange.host_of(account) for account in every]
    clock = hosts[0].way.first.clock

    assert exchange.keep(every) == ()
    assert exchange.keep(every[:1]) == tuple(hosts[1:])
    assert exchange.hosts == (hosts[0],)
    assert exchange.host_of(every[0]) is hosts[0]
    assert exchange.host_of(every[1]) is not hosts[1]
    assert exchange.host_of(every[1]).way.first.clock is clock  # which somebody else had kept

    assert len(exchange.keep([])) == 2
    assert len(exchange.hosts) + len(exchange.clocks) == 0
    assert exchange.host_of(every[0]).way.first.clock is not clock


def test_connections_by_ways_that_no_account_uses_any_more_are_not_kept(tmp_path: Path, exchange: Exchange) -> None:
    fallback = f"base_url: '{A}', fallback_url: '{B}',"
    every = accounts(tmp_path, fallback, f"base_url: '{A}', source_address: 192.0.2.7,", "proxy: 'http://u:one@e:1',")

    exchange.keep(every[:2])
    assert ways(exchange) == {(A, None, None), (B, None, None), (A, None, "192.0.2.7")}
    exchange.keep(every[2:])
    documented = HOSTS[every[2].environment]
    assert ways(exchange) == {(url, "http://u:one@e:1", None) for url in (documented.first, documented.fallback)}


def test_who_starts_hears_that_nobody_can_be_trusted_and_who_stops_does_not_wait_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go = threading.Event(), threading.Event()

    def broken() -> ssl.SSLContext:
        asked.set()
        assert go.wait(10)
        raise FileNotFoundError

    monkeypatch.setattr(trust, "trusting", broken)
    exchange = Exchange(clock=ManualClock(), observer=Deaf())
    assert asked.wait(5)
    exchange.close()
    go.set()

    with pytest.raises(FileNotFoundError):
        exchange.client_of(*accounts(tmp_path, ""))


def ways(exchange: Exchange) -> set[tuple[str, str | None, str | None]]:
    return set(exchange.transport._kept or ())
