"""A simulated exchange that a test talks to behind the exporter's back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from exporter.simulator import Options, Simulator
from support.processes import get, post


class Exchange:
    """A simulated exchange, and its control calls."""

    def __init__(self, simulator: Simulator) -> None:
        self.url = simulator.url
        self._simulator = simulator

    def tell(self, call: str, **body: object) -> Any:  # noqa: ANN401 - JSON
        return post(f"{self.url}/_sim/{call}", body)

    def world(self, **query: str) -> Any:  # noqa: ANN401 - JSON
        return json.loads(get(f"{self.url}/_sim/world?" + "&".join(f"{k}={v}" for k, v in query.items()))[1])

    def calls(self, *, last: int = 50) -> Any:  # noqa: ANN401 - JSON
        return json.loads(get(f"{self.url}/_sim/calls?last={last}")[1])

    def keys(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(get(f"{self.url}/_sim/accounts")[1])

    def config(self, folder: Path, **settings: object) -> Path:
        """Write a configuration for every account, keys in files, with intervals that a test can wait for."""
        accounts = []
        for account in self._simulator.accounts:
            key, secret = folder / f"{account.name}.key", folder / f"{account.name}.secret"
            for path, text in ((key, account.api_key), (secret, account.api_secret)):
                path.write_text(text)
                path.chmod(0o600)
            accounts.append(
                {"name": account.name, "api_key_file": str(key), "api_secret_file": str(secret), "base_url": self.url}
            )
        document = {
            "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
            "defaults": merged(FAST, settings),
            "accounts": accounts,
        }
        path = folder / "config.yaml"
        path.write_text(yaml.safe_dump(document))
        return path


FAST: Mapping[str, Any] = {
    "timeout": "2s",
    "collectors": {
        "balance": {"interval": "1s"},
        "positions": {"interval": "1s"},
        "income": {"interval": "1s", "initial_zero": "3s"},
        "commission_rate": {"interval": "2s"},
    },
}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another, key by key."""
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


@contextmanager
def standing_still(**options: Any) -> Iterator[Exchange]:  # noqa: ANN401 - the simulator's own options
    """Run an exchange whose world stands still, so that what is asked twice is answered alike."""
    still = {"seed": 7, "history_days": 20, "lateness": (0, 0), "funding_interval": 0, "trade_interval": 0}
    with Simulator(Options(**{**still, **options})) as simulator:
        exchange = Exchange(simulator)
        exchange.tell("freeze")
        yield exchange
