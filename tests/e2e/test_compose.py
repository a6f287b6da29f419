"""The compose file is understood, and its parts start with the very files that it mounts."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from support.processes import eventually, get, needed

from bench.ports import free_port
from exporter.cli.flags import parse
from exporter.config import load

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE: Final = DEPLOY / "compose.yaml"


@pytest.fixture
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return found


def mounted(service: dict[str, Any], target: str) -> Path:
    """Return what of this tree a service sees as `target`."""
    for volume in service["volumes"]:
        source, _, rest = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).partition(":")
        place = rest.removesuffix(":ro")
        if source.startswith(".") and Path(target).is_relative_to(place):
            return (DEPLOY / source / Path(target).relative_to(place)).resolve()
    raise LookupError(target)


@pytest.mark.parametrize(("profile", "ours"), [("demo", "demo"), ("live", "exporter")])
def test_docker_compose_understands_the_file(profile: str, ours: str, tmp_path: Path) -> None:
    program = needed("docker-compose")
    document = yaml.safe_load(COMPOSE.read_text("utf-8"))
    # The version that Debian has is older than this key, and than nothing else here.
    assert document.pop("name") == "bingx"
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(document))
    done = subprocess.run(
        [program, "--file", tmp_path / "compose.yaml", "--project-directory", DEPLOY, "--profile", profile, "config"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    understood = yaml.safe_load(done.stdout)["services"]
    assert {ours, "prometheus", "alertmanager", "grafana"} <= understood.keys()
    assert understood[ours]["build"]["context"] == str(DEPLOY.parent)
    for name, service in understood.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert all("127.0.0.1" in str(port) for port in service["ports"]), name


def test_every_file_that_is_mounted_is_there(services: dict[str, Any]) -> None:
    """All but the dashboards and the keys, for which there are folders."""
    sources = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]
    files = [source for source in sources if source.startswith("./") and source != "./grafana"]
    assert files
    assert [source for source in files if not (DEPLOY / source).exists()] == []
    assert (DEPLOY / "compose" / "config.yaml").is_file()


@pytest.mark.parametrize("name", ["demo", "exporter"])
def test_the_command_of_the_exporter_is_understood(name: str, services: dict[str, Any]) -> None:
    flags = parse(services[name]["command"])
    assert flags.command == {"demo": "demo", "exporter": "run"}[name]
    assert (flags.addresses or flags.addresses_by_default) == [":10066"]


def test_the_configuration_of_the_exporter_can_be_loaded(services: dict[str, Any], tmp_path: Path) -> None:
    text = mounted({"volumes": services["exporter"]["volumes"]}, "/etc/bingx-exporter/config.yaml").read_text("utf-8")
    for name in services["exporter"]["secrets"]:
        (tmp_path / name).write_text("x" * 32)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "config.yaml").write_text(text.replace("/run/secrets/", ""))
    config = load(tmp_path / "config.yaml", environ={})
    assert [account.name for account in config.accounts] == ["main"]
    assert config.warnings == ()


def test_grafana_finds_its_data_and_its_dashboards(services: dict[str, Any]) -> None:
    folder = "/etc/grafana/provisioning"
    sources = yaml.safe_load(mounted(services["grafana"], f"{folder}/datasources/bingx.yaml").read_text("utf-8"))
    ports = {name: service["ports"][0].rpartition(":")[2] for name, service in services.items()}
    assert {source["url"] for source in sources["datasources"]} == {
        f"http://{name}:{ports[name]}" for name in ("prometheus", "alertmanager")
    }
    boards = yaml.safe_load(mounted(services["grafana"], f"{folder}/dashboards/bingx.yaml").read_text("utf-8"))
    (provider,) = boards["providers"]
    assert mounted(services["grafana"], provider["options"]["path"]) == DEPLOY / "grafana"


@contextmanager
def started(*command: str | Path, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def flag(service: dict[str, Any], name: str) -> str:
    (found,) = [word.partition("=")[2] for word in service["command"] if word.startswith(f"--{name}=")]
    return str(found)


def test_prometheus_starts_with_the_files_that_it_mounts(services: dict[str, Any], tmp_path: Path) -> None:
    config = mounted(services["prometheus"], flag(services["prometheus"], "config.file"))
    url = f"http://127.0.0.1:{(port := free_port())}"
    with started(
        needed("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        log=tmp_path / "log",
    ):
        eventually(lambda: get(f"{url}/-/ready")[0] == 200, what="Prometheus is ready")
        rules = json.loads(get(f"{url}/api/v1/rules")[1])["data"]["groups"]
        assert rules

        def targets() -> set[str]:
            active = json.loads(get(f"{url}/api/v1/targets")[1])["data"]["activeTargets"]
            return {target["labels"]["instance"] for target in active}

        eventually(lambda: "exporter:10066" in targets(), seconds=30, what="the exporter is a target")
    assert set(services["demo"]["networks"]["default"]["aliases"]) == {"exporter"}


def test_alertmanager_starts_with_the_files_that_it_mounts(services: dict[str, Any], tmp_path: Path) -> None:
    config = mounted(services["alertmanager"], flag(services["alertmanager"], "config.file"))
    url = f"http://127.0.0.1:{(port := free_port())}"
    with started(
        needed("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={tmp_path / 'state'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        log=tmp_path / "log",
    ):
        eventually(lambda: get(f"{url}/-/ready")[0] == 200, what="Alertmanager is ready")
        status = json.loads(get(f"{url}/api/v2/status")[1])
    assert status["config"]["original"]
