"""The installed command: flags, exit codes, signals, and what it prints."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
import trustme
from support.exchange import Exchange
from support.processes import COMMAND, eventually, exporter, get, run

pytestmark = pytest.mark.timeout(90)

LOCAL = "--web.listen-address=127.0.0.1:0"
COMMANDS = ("run", "demo", "simulate", "check", "metrics", "healthcheck")


def test_version_goes_to_standard_output() -> None:
    done = run("--version")

    assert done.returncode == 0
    assert re.fullmatch(
        r"bingx-exporter, version \d+\.\d+\.\d+ \(branch: \S+, revision: \S+\)\n"
        r"  build user: +\S+\n  build date: +\S+\n  python version: +3\.\d+\.\d+\n  platform: +\S+\n  tags: +\S+\n",
        done.stdout,
    )


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_there_for_every_command(command: str) -> None:
    done = run(*filter(None, [command]), "--help")

    assert done.returncode == 0
    assert "usage: bingx-exporter" in done.stdout


@pytest.mark.parametrize(
    "flags",
    [
        ["--no-such-flag"],
        ["nonsense"],
        ["--log.level=loud"],
        ["--web.telemetry-path=metrics"],
        ["--web.telemetry-path=/probe"],
        ["--web.external-url=nonsense"],
        ["--web.route-prefix=/a b"],
        ["--web.systemd-socket", "--web.listen-address=:1"],
        ["--web.max-requests=0"],
        ["--limit.series-per-account=-1"],
        ["check", "--web.listen-address=:1"],
    ],
)
def test_flags_that_are_not_understood_exit_with_2(flags: list[str]) -> None:
    done = run(*flags)

    assert done.returncode == 2
    assert "usage: bingx-exporter" in done.stderr


def test_no_configuration_at_all_says_both_ways_to_give_one() -> None:
    done = run(LOCAL)

    assert done.returncode == 1
    assert "--config.file" in done.stderr
    assert "BINGX_API_KEY" in done.stderr


def test_a_broken_configuration_exits_with_1_and_names_every_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("accounts:\n  - name: main\n    api_kee: k\n    timeout: 5\n")

    done = run(f"--config.file={config}")

    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "level=ERROR" in line]
    assert any(f"{config}:3: accounts[0].api_kee" in line and "api_key" in line for line in lines)
    assert any(f"{config}:4: accounts[0].timeout" in line for line in lines)


def test_config_check_judges_and_ends(exchange: Exchange, tmp_path: Path) -> None:
    good = exchange.config(tmp_path)

    assert run("--config.check", f"--config.file={good}").returncode == 0
    assert run("--config.check", f"--config.file={tmp_path / 'none.yaml'}").returncode == 1


def test_a_port_that_is_taken_exits_with_1(exchange: Exchange, tmp_path: Path) -> None:
    taken = exchange.url.removeprefix("http://")

    done = run(f"--config.file={exchange.config(tmp_path)}", f"--web.listen-address={taken}")

    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_a_ledger_that_cannot_be_opened_exits_with_1(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    (tmp_path / "ledger.db").write_bytes(b"this is no database, and long enough to be sure of it" * 100)

    done = run(f"--config.file={config}", LOCAL)

    assert done.returncode == 1
    assert "ledger.db" in done.stderr
    assert "backup" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_a_second_with_the_ledger_closed(
    exchange: Exchange, tmp_path: Path, number: signal.Signals
) -> None:
    patient = exchange.config(tmp_path, timeout="20s")
    with exporter(f"--config.file={patient}", LOCAL, folder=tmp_path) as process:
        process.ready()
        exchange.tell("faults", kind="silent")
        time.sleep(1.5)  # noqa: TID251 - until calls hang

        began = time.monotonic()  # noqa: TID251 - the time of the test
        code = process.end(number)
        took = time.monotonic() - began  # noqa: TID251 - the same

    assert code == 0
    # Calls hang for 20 s: whoever waits for one of them is far beyond what a busy machine adds to the second promised.
    assert took < 5
    assert not (tmp_path / "ledger.db-wal").exists()
    with sqlite3.connect(tmp_path / "ledger.db") as ledger:
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ledger.close()


def test_a_signal_ends_a_start_that_hangs(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/ledger"
        config.write_text(config.read_text().replace(f"sqlite:///{tmp_path / 'ledger.db'}", url))
        with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
            silent.settimeout(10)
            with silent.accept()[0]:
                began = time.monotonic()  # noqa: TID251 - the time of the test
                code = process.end()

    assert code == 0
    assert time.monotonic() - began < 3  # noqa: TID251 - the same


def test_a_hangup_reloads_and_a_mistake_in_the_file_changes_nothing(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
        process.ready()
        good = config.read_text()
        config.write_text(good.replace("name: gamma", "nam: gamma"))

        process.process.send_signal(signal.SIGHUP)

        eventually(lambda: 'unknown key; did you mean \\"name\\"' in process.log, what="the mistake is told")
        assert "bingx_exporter_config_last_reload_successful 0" in process.page()
        config.write_text(good.replace("name: gamma", "name: delta"))
        process.process.send_signal(signal.SIGHUP)
        eventually(lambda: 'bingx_up{account="delta"} 1' in process.page(), what="the new name is there")
        assert 'account="gamma"' not in process.page()
        assert get(f"{process.url}/-/healthy") == (200, "Healthy\n")


def test_a_process_that_was_frozen_for_a_while_goes_on(exchange: Exchange, tmp_path: Path) -> None:
    # An interrupted sigtimedwait that is overdue afterwards names a signal that nobody sent.
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        process.ready()
        for _ in range(3):
            process.process.send_signal(signal.SIGSTOP)
            time.sleep(1.2)  # noqa: TID251 - longer than one wait for a signal
            process.process.send_signal(signal.SIGCONT)
            time.sleep(0.2)  # noqa: TID251 - it runs again

        assert get(f"{process.url}/-/healthy") == (200, "Healthy\n")
        assert "SIG" not in process.log, "nobody sent a signal that it knows"
        assert process.end() == 0


def test_healthcheck_tells_health_by_its_exit_code(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, folder=tmp_path) as process:
        url = f"{process.ready()}/-/healthy"
        assert run("healthcheck", f"--url={url}").returncode == 0
        assert run("healthcheck", f"--url={process.url}/no/such/page").returncode == 1
        process.end()
    done = run("healthcheck", f"--url={url}")

    assert done.returncode == 1
    assert done.stderr.startswith("unhealthy: ")


def test_healthcheck_asks_its_own_machine_over_tls_whatever_the_name_in_the_certificate(
    exchange: Exchange, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.issue_cert("exporter.internal").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "pair.pem"))
    web = tmp_path / "web.yaml"
    web.write_text("tls_server_config: {cert_file: pair.pem, key_file: pair.pem}\n")
    flags = (f"--config.file={exchange.config(tmp_path)}", f"--web.config.file={web}", LOCAL)
    with exporter(*flags, folder=tmp_path) as process:
        url = process.url
        assert url.startswith("https://127.0.0.1:")

        assert run("healthcheck", f"--url={url}/-/healthy").returncode == 0
        assert run("healthcheck", f"--url={url.replace('https', 'http')}/-/healthy").returncode == 1


def test_a_web_configuration_that_cannot_be_used_exits_with_1(exchange: Exchange, tmp_path: Path) -> None:
    web = tmp_path / "web.yaml"
    web.write_text("basic_auth_users: {bob: hunter2}\n")
    config = exchange.config(tmp_path)

    for flags in ((), ("--config.check",)):
        done = run(f"--config.file={config}", f"--web.config.file={web}", LOCAL, *flags)

        assert done.returncode == 1
        assert str(web) in done.stderr
        assert "hunter2" not in done.stderr


def test_logs_are_json_where_that_is_asked_for(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(f"--config.file={exchange.config(tmp_path)}", LOCAL, "--log.format=json", folder=tmp_path) as process:
        eventually(lambda: "Listening on" in process.log, what="it listens")
        process.end()
        lines = [json.loads(line) for line in process.log.splitlines()]

    assert [line["msg"] for line in lines[:2]] == ["Starting bingx-exporter", "Build context"]
    assert all({"time", "level", "source", "msg"} <= line.keys() for line in lines)


def test_collector_flags_switch_collectors_whatever_the_file_says(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)
    with exporter(
        f"--config.file={config}", LOCAL, "--collector.disable-defaults", "--collector.balance", folder=tmp_path
    ) as process:
        process.ready()
        page = process.page()

    assert 'bingx_collector_success{account="alpha",collector="balance"}' in page
    assert 'collector="positions"' not in page
    assert not (tmp_path / "ledger.db").exists()


def test_the_telemetry_path_can_be_moved(exchange: Exchange, tmp_path: Path) -> None:
    with exporter(
        f"--config.file={exchange.config(tmp_path)}", LOCAL, "--web.telemetry-path=/bingx", folder=tmp_path
    ) as process:
        url = eventually(
            lambda: (re.findall(r"url=(\S+)/bingx", process.log) or [""])[0], what="it says where it listens"
        )

        assert get(f"{url}/bingx")[0] == 200
        assert get(f"{url}/metrics")[0] == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_needs_nothing_prints_its_url_and_lives_until_told(tmp_path: Path, number: signal.Signals) -> None:
    with exporter("demo", "--scenario=calm", folder=tmp_path) as process:
        url = eventually(
            lambda: (re.findall(r"metrics +(http://127\.0\.0\.1:\d+/metrics)", process.stdout) or [""])[0],
            what="the demo prints its URL",
        )
        eventually(lambda: get(url)[1].count("bingx_account_equity{") >= 3, what="the demo has data")
        code = process.end(number)
        secrets = re.findall(r"api_(?:key|secret)\W+\w{20,}", process.stdout + process.log)

    assert code == 0
    assert secrets == []


def test_check_says_what_works_and_how_to_mend_what_does_not(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path)

    done = run("check", f"--config.file={config}")

    rows = [line.split()[:3] for line in done.stdout.splitlines() if line.startswith(("alpha", "gamma "))]
    assert ["alpha", "income_export", "works"] in rows
    assert ["gamma", "balance", "works"] in rows
    assert ["gamma", "income", "permission_denied"] in rows
    assert "give the key the right `Perpetual Futures Trading`" in done.stdout
    assert done.returncode == 0


def test_check_asks_for_no_right_that_nothing_needs(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path, collectors={"income": {"enabled": False}, "commission_rate": {"enabled": False}})

    done = run("check", f"--config.file={config}")

    assert "nothing asks for it, its collector is off" in done.stdout
    assert "give the key the right" not in done.stdout


def test_check_says_what_else_a_key_could_do_and_never_the_key(exchange: Exchange, tmp_path: Path) -> None:
    exchange.tell("whitelist", account="gamma", addresses=["127.0.0.1"])
    exchange.tell("faults", kind="code", code=100004, account="alpha", endpoint="permissions")
    config = exchange.config(tmp_path)

    done = run("check", f"--config.file={config}", "--format=json", "--log.level=debug")
    found = {one["account"]: one for one in json.loads(done.stdout)["findings"] if one["endpoint"] == "permissions"}

    assert done.returncode == 0
    assert found["alpha"]["outcome"] == "permission_denied"
    assert "nothing else depends on it" in found["alpha"]["mend"]
    assert found["beta"]["detail"] == "could trade, could withdraw, not bound to addresses"
    assert found["beta"]["mend"].startswith("the exporter has no use for `Withdraw`: make a key without; bind the key")
    assert (found["gamma"]["outcome"], found["gamma"]["detail"], found["gamma"]["mend"]) == ("works", "only reads", "")
    for login in exchange.keys()["accounts"]:
        assert login["api_key"][:20] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("trouble", "outcome", "mend"),
    [
        ({"kind": "code", "code": 100413}, "invalid_key", "check `api_key`"),
        ({"kind": "code", "code": 100001}, "bad_signature", "api_secret"),
        ({"kind": "code", "code": 100419}, "ip_not_whitelisted", "whitelist"),
        ({"kind": "status", "status": 503, "body": "html"}, "http_server_error", "the exchange is in trouble"),
    ],
)
def test_check_exits_with_1_when_an_account_cannot_be_used(
    exchange: Exchange, tmp_path: Path, trouble: dict[str, object], outcome: str, mend: str
) -> None:
    exchange.tell("faults", account="beta", **trouble)

    done = run("check", f"--config.file={exchange.config(tmp_path)}", "--format=json")

    found = {(one["account"], one["endpoint"]): one for one in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert found["beta", "balance"]["outcome"] == outcome
    assert mend in found["beta", "balance"]["mend"]
    assert found["alpha", "balance"]["outcome"] == "works"


def test_check_says_how_much_is_asked_of_the_exchange(exchange: Exchange, tmp_path: Path) -> None:
    config = exchange.config(tmp_path, collectors={"positions": {"interval": "50ms"}})

    told, found = (run("check", f"--config.file={config}", form) for form in ("--format=table", "--format=json"))

    (budget,) = json.loads(found.stdout)["budgets"]
    assert (budget["address"], budget["accounts"], budget["fits"]) == (
        "default",
        len(exchange.keys()["accounts"]),
        True,
    )
    assert {one["endpoint"] for one in budget["endpoints"]} >= {"positions", "balance", "income"}
    assert f"accounts ask for {budget['share']:.0%} of what is allowed" in told.stdout


def test_check_tells_a_clock_that_is_off(exchange: Exchange, tmp_path: Path) -> None:
    exchange.tell("clock", offset_seconds=90)

    done = run("check", f"--config.file={exchange.config(tmp_path)}", "--format=json")

    found = {(one["account"], one["endpoint"]): one for one in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0
    assert re.match(r"our clock is off by -(89|90)\.\d s", found["alpha", "server_time"]["detail"])
    assert found["alpha", "balance"]["outcome"] == "works"


def test_the_income_history_is_a_bar_on_a_terminal_and_lines_in_a_log(exchange: Exchange, tmp_path: Path) -> None:
    exchange.tell("faults", kind="delay", milliseconds=250, endpoint="income")
    config = exchange.config(tmp_path)
    with exporter(f"--config.file={config}", LOCAL, folder=tmp_path) as process:
        eventually(lambda: process.log.count("The income history has been read") == 2, what="the history is read")
        assert 'msg="Reading the income history" account=alpha read=' in process.log
    (tmp_path / "ledger.db").unlink()

    screen = seen_on_a_terminal(f"--config.file={config}", LOCAL, until="Income history of alpha")

    assert "Income history of alpha" in screen
    assert screen.count("\x1b[?25l") == screen.count("\x1b[?25h")
    # What erases a line begins a new one for the reader.
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", re.sub(r"\x1b\[2K|\r", "\n", screen))
    assert plain != screen
    assert not [line for line in plain.splitlines() if "level=INFO" in line and "Income history of" in line]


def seen_on_a_terminal(*arguments: str, until: str) -> str:
    """Run the command with a terminal as its standard error, until the terminal shows a text."""
    ours, its = pty.openpty()
    process = subprocess.Popen([COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=its)
    os.close(its)
    screen = b""
    try:
        while until.encode() not in screen:
            assert select.select([ours], [], [], 20)[0], screen
            screen += os.read(ours, 65536)
    finally:
        process.terminate()
        process.wait(10)
        while select.select([ours], [], [], 0)[0]:
            try:
                screen += os.read(ours, 65536)
            except OSError:  # nobody has the other end any more
                break
        os.close(ours)
    return screen.decode().replace("\r\n", "\n")
