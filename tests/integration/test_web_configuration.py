"""What the page of a whole exporter says of its web configuration file."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme
from integration.web.peers import becomes, scrape
from support.certificates import Mint, write_pair
from support.exchange import Exchange
from support.exposition import families_of_text, samples, series

from exporter.app import App, Options
from exporter.config import load

GOOD = series("bingx_exporter_web_config_last_reload_successful")
PAIR = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


def shown(app: App, tls: ssl.SSLContext | None = None) -> float | None:
    """Return what the page says of the file, over a connection of its own."""
    return samples(families_of_text(scrape(app.urls[0], tls)[1].decode())).get(GOOD)


def test_certificates_that_cannot_be_used_are_seen_on_the_page(exchange: Exchange, tmp_path: Path) -> None:
    minted = Mint(server_ca=trustme.CA(), client_ca=trustme.CA())
    write_pair(tmp_path, minted.server())
    (tmp_path / "web.yaml").write_text(PAIR)
    tls = ssl.create_default_context()
    minted.server_ca.configure_trust(tls)
    options = Options(addresses=("127.0.0.1:0",), process_metrics=False, web_config=tmp_path / "web.yaml")
    with App(load(exchange.config(tmp_path), environ={}), options) as app:
        assert shown(app, tls) == 1
        (tmp_path / "server.crt").write_text("half a certif")
        assert becomes(lambda: shown(app, tls) == 0)
        write_pair(tmp_path, minted.server())
        assert becomes(lambda: shown(app, tls) == 1)


def test_without_a_file_nothing_is_said_of_it(exchange: Exchange, tmp_path: Path) -> None:
    options = Options(addresses=("127.0.0.1:0",), process_metrics=False)
    with App(load(exchange.config(tmp_path), environ={}), options) as app:
        assert shown(app) is None
