"""`/sd` and `/probe` as a real Prometheus uses them: one target per account, found by http_sd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from support.exchange import Exchange
from support.processes import Prometheus, eventually, exporter, get, prometheus_with

pytestmark = pytest.mark.timeout(120)

LOCAL = "--web.listen-address=127.0.0.1:0"


def scraping(url: str) -> str:
    """A configuration that knows the exporter's `/sd` and nothing else."""
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": "bingx", "http_sd_configs": [{"url": url, "refresh_interval": "1s"}]}],
        }
    )


def accounts(found: dict[frozenset[tuple[str, str]], float]) -> dict[str, float]:
    return {dict(labels)["account"]: value for labels, value in found.items()}


def targets(server: Prometheus) -> dict[str, str]:
    """Return the health of every target by its account."""
    active = json.loads(get(f"{server.url}/api/v1/targets?state=active")[1])["data"]["activeTargets"]
    return {one["discoveredLabels"]["__param_account"]: one["health"] for one in active}


def scraped(server: Prometheus) -> list[str]:
    """Return whom an `up` was recorded of."""
    ups = json.loads(get(f"{server.url}/api/v1/query?query=up")[1])["data"]["result"]
    return sorted(one["metric"]["instance"].rpartition("/")[2] for one in ups)


def test_prometheus_finds_every_account_scrapes_each_once_and_sees_which_is_sick(
    exchange: Exchange, tmp_path: Path
) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        url = process.ready()
        with prometheus_with(scraping(f"{url}/sd"), tmp_path) as server:
            eventually(
                lambda: targets(server) == {"alpha": "up", "beta": "up", "gamma": "down"},
                what="gamma, whose key lacks a right, is down, the others are up",
            )
            # A target is known to be up a moment before what was scraped can be asked for.
            eventually(lambda: scraped(server) == ["alpha", "beta", "gamma"], what="each is a target of its own")
            equity = 'count by (account) (bingx_account_equity{asset="USDT"})'
            eventually(lambda: accounts(server.query(equity)) == {"alpha": 1, "beta": 1}, what="each is there once")

            exchange.tell("faults", kind="silent", account="beta")
            eventually(lambda: targets(server)["beta"] == "down", what="an account that is not answered for is down")
            status, text = get(f"{url}/probe?account=beta")
            assert status == 503
            assert ": timeout" in text
            assert targets(server)["alpha"] == "up"

            exchange.tell("faults/clear")
            eventually(lambda: targets(server)["beta"] == "up", what="it is up again")


def test_a_probe_of_nobody_is_a_mistake_of_who_asks(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        url = process.ready()

        assert get(f"{url}/probe?account=nobody") == (400, "no such account; /sd lists them\n")
        assert get(f"{url}/probe")[0] == 400


def test_a_probe_shows_its_account_and_nobody_else(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        url = process.ready()
        eventually(lambda: get(f"{url}/probe?account=alpha")[0] == 200, what="alpha is well")

        _, text = get(f"{url}/probe?account=alpha")

        samples = [line for line in text.splitlines() if not line.startswith("#")]
        assert samples
        assert all('account="alpha"' in line for line in samples)
        of_alpha = [line.split(" ")[0] for line in process.page().splitlines() if 'account="alpha"' in line]
        own = {line for line in of_alpha if not line.startswith("bingx_api_")}
        assert {line.split(" ")[0] for line in samples} == own
