"""Scrapes while the real status page is being made, which is work for the interpreter and no waiting."""

from __future__ import annotations

import select
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from http.client import HTTPConnection
from urllib.parse import urlsplit

from support.turns import unforced

from exporter.web.pieces import Parts
from exporter.web.server import Site, WebServer
from exporter.web.status import AccountLine, FundsLine, Section, Status, StatusPage

PAGE = b'bingx_up{account="main"} 1\n' * 100
NUMBER = Decimal("12345.678")
ACCOUNTS = 3000


def many() -> Status:
    funds = (FundsLine(asset="USDT", equity=NUMBER, used_margin=NUMBER, unrealized_pnl=NUMBER),)
    return Status(
        version="1",
        revision="unknown",
        description="",
        now=datetime(2026, 11, 1, tzinfo=UTC),
        started_at=datetime(2026, 11, 1, tzinfo=UTC),
        illness=None,
        collectors=ACCOUNTS,
        failing=0,
        metrics="/metrics",
        links={},
        accounts=tuple(
            AccountLine(
                name=f"account-{number}",
                environment="live",
                labels={},
                funds=funds,
                no_funds=None,
                positions=0,
                nearest=None,
                no_positions=None,
                age_seconds=1,
                troubles=(),
            )
            for number in range(ACCOUNTS)
        ),
        positions=Section(),
        incomes=Section(),
        calls=Section(),
    )


def test_scrapes_are_answered_while_a_large_page_is_being_made() -> None:
    page, status, scrapes = StatusPage(), many(), 0
    page.render(status)  # compiles the template
    server = WebServer(
        Site(
            metrics={"text/plain": lambda: (Parts(PAGE),)},
            landing=lambda: page.render(status),
            healthy=lambda: None,
            ready=lambda: None,
        ),
        addresses=["127.0.0.1:0"],
    )
    server.bind()
    server.start()
    address = urlsplit(server.urls[0]).netloc
    try:
        with closing(HTTPConnection(address, timeout=30)) as looker, closing(HTTPConnection(address)) as scraper:
            scraper.connect()
            with unforced():
                looker.request("GET", "/")
                while not select.select([looker.sock], [], [], 0)[0]:
                    scraper.request("GET", "/metrics")
                    assert scraper.getresponse().read() == PAGE
                    scrapes += 1
            assert looker.getresponse().read().count(b"<tbody data-key=") == ACCOUNTS
    finally:
        server.stop(2)
    assert scrapes >= 50
