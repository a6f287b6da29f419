"""The image, built and run for real, on a base made of Debian's packages."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from support.processes import eventually, needed

ROOT: Final = Path(__file__).resolve().parents[2]
BASE: Final = "localhost/base:1"
IMAGE: Final = "localhost/bingx-exporter:1"
MEGABYTE: Final = 1_000_000
MOST_ON_TOP_OF_THE_BASE: Final = 120 * MEGABYTE
HARDENED: Final = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]


class Engine:
    """buildah and podman, with a store of their own that leaves nothing behind."""

    def __init__(self, home: Path) -> None:
        """Keep images and containers in `home`."""
        self._programs = {name: needed(name) for name in ("buildah", "podman")}
        needed("runc")
        self._store = ["--root", str(home / "root"), "--runroot", str(home / "run")]

    def __call__(self, program: str, *words: str | Path, text: str | None = None, good: bool = True) -> str:
        """Run it to its end and return what it printed."""
        runtime = ["--runtime", "runc"] if program == "podman" else []
        done = subprocess.run(
            [self._programs[program], *self._store, *runtime, *map(str, words)],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        assert not good or done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout if good else f"{done.returncode}\n{done.stdout}{done.stderr}"

    @contextmanager
    def container(self, *options: str, command: Sequence[str] = ()) -> Iterator[str]:
        """Run the image as a container with nothing that it does not need."""
        name = self("podman", "run", "--detach", *limits(), *HARDENED, *options, IMAGE, *command).strip()
        try:
            yield name
        finally:
            self("podman", "rm", "--force", "--time=0", name)


def limits() -> list[str]:
    """Return no more than this process may have itself, else a container cannot be started inside another."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return [f"--ulimit=nofile={files}:{files}", "--ulimit=nproc=1024:1024"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = tmp_path_factory.mktemp("image")
    engine = Engine(home)
    make_base(engine, home)
    # What this machine needs to reach its packages, in the build alone.
    shared = [Path("/etc/ssl/certs"), Path("/etc/pip.conf")]
    volumes = [f"--volume={path}:{path}:ro" for path in shared if path.exists()]
    said = [
        f"--build-arg={name}={value}" for name, value in {"BASE": BASE, "VERSION": "1.2.3", "REVISION": "abc"}.items()
    ]
    engine("buildah", "bud", "--isolation=chroot", "--format=docker", *volumes, *said, f"--tag={IMAGE}", ROOT)
    try:
        yield engine
    finally:
        engine("podman", "rmi", "--all", "--force")
        shutil.rmtree(home, ignore_errors=True)


def make_base(engine: Engine, home: Path) -> None:
    """Make what a slim image of Python is: Debian with `python`, `venv` and certificates."""
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    archive = home / "base.tar"
    subprocess.run(
        [
            needed("mmdebstrap"),
            "--variant=minbase",
            "--include=python3,python3-venv,ca-certificates",
            "--dpkgopt=path-exclude=/usr/share/doc/*",
            '--customize-hook=ln -s python3 "$1/usr/bin/python"',
            release["VERSION_CODENAME"],
            archive,
        ],
        capture_output=True,
        check=True,
        timeout=300,
    )
    engine("podman", "import", archive, BASE)
    archive.unlink()


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine("podman", "image", "inspect", image))[0]
    return found


def inside(engine: Engine, script: str) -> str:
    """Run a line of shell in the image, as root: nothing hides from it."""
    with engine.container("--entrypoint=sleep", command=["60"]) as name:
        return engine("podman", "exec", "--user=0", name, "sh", "-c", script)


def process(engine: Engine, name: str) -> int:
    """Return the process in the container, by its number outside."""
    return int(engine("podman", "inspect", "--format={{.State.Pid}}", name))


def healthy(engine: Engine, name: str) -> bool:
    return engine("podman", "healthcheck", "run", name, good=False).startswith("0\n")


def test_it_is_small_and_holds_nothing_that_builds(engine: Engine) -> None:
    assert inspected(engine, IMAGE)["Size"] - inspected(engine, BASE)["Size"] < MOST_ON_TOP_OF_THE_BASE
    left = inside(
        engine,
        "command -v cc gcc make; ls /opt/bingx-exporter/bin | grep -E '^(pip|uv)'; ls -d /src /root/.cache /tmp/*; "
        "find /opt \\( -name '*.whl' -o -name tests -path '*exporter/tests*' \\); true",
    )
    assert left == ""


def test_it_says_what_it_is_made_of(engine: Engine) -> None:
    config = inspected(engine, IMAGE)["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in config["Labels"].items()}
    assert labels["title"] == "bingx-exporter"
    assert (labels["version"], labels["revision"], labels["licenses"]) == ("1.2.3", "abc", "Apache-2.0")
    assert labels["base.name"] == BASE
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["bingx-exporter"]
    with engine.container(command=["--version"]) as name:
        engine("podman", "wait", name)
        assert "revision: abc" in engine("podman", "logs", name)


def test_its_bill_of_materials_names_what_is_locked_and_nothing_else(engine: Engine) -> None:
    script = (ROOT / "scripts" / "sbom.py").read_text("utf-8")
    with engine.container("--entrypoint=sleep", command=["60"]) as name:
        bill = json.loads(engine("podman", "exec", "--interactive", name, "python", "-", text=script))
    lock = (ROOT / "requirements" / "runtime.lock").read_text("utf-8")
    locked = {line.split("==")[0].partition("[")[0] for line in lock.splitlines() if "==" in line}
    named = {part["name"] for part in bill["components"]}
    assert bill["metadata"]["component"]["name"] == "bingx-exporter"
    assert {"requests", "msgspec", "psycopg-binary"} <= named <= locked


def test_it_runs_as_a_user_without_rights_on_a_root_that_cannot_be_written(engine: Engine) -> None:
    with engine.container(command=["demo", "--web.listen-address=:10066"]) as name:
        eventually(lambda: healthy(engine, name), what="it is healthy")
        status = engine("podman", "exec", name, "cat", "/proc/1/status")
        facts = {key: text.split() for key, _, text in (line.partition(":") for line in status.splitlines())}
        assert facts["Name"] == ["bingx-exporter"]
        assert set(facts["Uid"]) == set(facts["Gid"]) == {"65532"}
        assert {int(facts[key][0], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert "Read-only" in engine("podman", "exec", name, "touch", "/opt/one", good=False)


def test_its_health_follows_the_exporter(engine: Engine) -> None:
    with engine.container(command=["demo", "--web.listen-address=:10066"]) as name:
        eventually(lambda: healthy(engine, name), what="it is healthy")
        os.kill(process(engine, name), signal.SIGSTOP)
        assert not healthy(engine, name)
        os.kill(process(engine, name), signal.SIGCONT)
        eventually(lambda: healthy(engine, name), what="it is healthy again")


def test_a_signal_ends_it_within_a_second(engine: Engine) -> None:
    with engine.container(command=["demo", "--web.listen-address=:10066"]) as name:
        eventually(lambda: healthy(engine, name), what="it is healthy")
        number = process(engine, name)
        os.kill(number, signal.SIGTERM)
        eventually(lambda: not Path(f"/proc/{number}").exists(), seconds=1, what="it has ended")
        assert engine("podman", "wait", name).strip() == "0"


def test_with_its_own_command_it_reads_its_configuration_and_writes_its_ledger(engine: Engine, tmp_path: Path) -> None:
    account = {"name": "main", "api_key": "k" * 32, "api_secret": "s" * 32, "base_url": "http://127.0.0.1:9"}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"accounts": [account]}))
    config.chmod(0o644)
    mounts = [f"--volume={config}:/etc/bingx-exporter/config.yaml:ro", "--volume=ledger:/var/lib/bingx-exporter"]
    with engine.container(*mounts) as name:
        eventually(lambda: healthy(engine, name), what="it is healthy")
        assert "ledger.db" in engine("podman", "exec", name, "ls", "/var/lib/bingx-exporter")
    engine("podman", "volume", "rm", "ledger")


def test_without_a_configuration_it_ends_with_a_failure(engine: Engine) -> None:
    with engine.container() as name:
        assert engine("podman", "wait", name).strip() == "1"
