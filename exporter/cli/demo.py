"""`bingx-exporter demo` and `simulate`: the simulated exchange, with the exporter in front of it or alone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import yaml

from exporter import logs
from exporter.app import App
from exporter.cli import service
from exporter.config import Config, load
from exporter.ledger import LedgerError
from exporter.simulator import Options as Simulation
from exporter.simulator import Simulator
from exporter.web.access import WebConfigError
from exporter.web.server import ListenError

if TYPE_CHECKING:
    from argparse import Namespace

INCOME: Final = {"interval": "15s", "initial_zero": "45s"}
"""How the demo reads income: sooner than by default, but no sooner than scrapes and rules every 15 s can follow."""


def demo(flags: Namespace) -> int:
    """Run exchange and exporter until SIGTERM or SIGINT; what they write goes with them."""
    signals = service.listen()
    service.begin(flags)
    options = service.web_options(flags)
    with ExitStack() as parts:
        exchange = parts.enter_context(Simulator(Simulation(seed=flags.seed, scenario=flags.scenario)))
        folder = Path(parts.enter_context(TemporaryDirectory(prefix="bingx-exporter-demo-")))
        try:
            app = parts.enter_context(App(_config(exchange, folder), options))
        except (WebConfigError, LedgerError, ListenError) as error:
            return service.fail(str(error))
        _announce(exchange, app, flags)
        service.wait_for_end(signals, on_turn=app.look_after)
    return 0


def simulate(flags: Namespace) -> int:
    """Run the exchange alone until SIGTERM or SIGINT."""
    signals = service.listen()
    service.begin(flags)
    host, _, port = flags.listen_address.rpartition(":")
    try:
        simulation = Simulation(seed=flags.seed, scenario=flags.scenario, host=host.strip("[]"), port=int(port))
        with Simulator(simulation) as exchange:
            print(f"The simulated exchange:  {exchange.url}", flush=True)
            print(f"Its accounts and keys:   {exchange.url}/_sim/accounts", flush=True)
            service.wait_for_end(signals)
    except (OSError, OverflowError, ValueError) as error:
        return service.fail(f"cannot simulate on {flags.listen_address!r}: {error}")
    return 0


def _config(exchange: Simulator, folder: Path) -> Config:
    accounts = [
        {
            "name": account.name,
            "environment": account.environment,
            "api_key": "${" + f"KEY_{number}" + "}",
            "api_secret": "${" + f"SECRET_{number}" + "}",
            "base_url": exchange.url,
            "labels": {"desk": "demo"},
        }
        for number, account in enumerate(exchange.accounts)
    ]
    environ = {f"KEY_{number}": account.api_key for number, account in enumerate(exchange.accounts)}
    environ |= {f"SECRET_{number}": account.api_secret for number, account in enumerate(exchange.accounts)}
    document = {
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "defaults": {"collectors": {"income": INCOME}},
        "accounts": accounts,
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(document))
    config = load(path, environ=environ)
    for account in config.accounts:
        logs.redact(account.api_key)
        logs.redact(account.api_secret)
    return config


def _announce(exchange: Simulator, app: App, flags: Namespace) -> None:
    names = ", ".join(account.name for account in exchange.accounts)
    urls = [url + flags.place.prefix for url in app.urls]
    for line in (
        f"A simulated exchange with the accounts {names} (scenario {flags.scenario}), and the exporter in front of it:",
        "",
        *(f"  page       {url}/" for url in urls),
        *(f"  metrics    {url}{flags.telemetry_path}" for url in urls),
        f"  terminal   bingx-exporter top --url={urls[0]}",
        f"  ready      {urls[0]}/-/ready",
        f"  exchange   {exchange.url}/_sim/world",
        "",
        "Ctrl-C ends both.",
    ):
        print(line, flush=True)
