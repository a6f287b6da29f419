"""Which CAs are trusted, on machines that have some and on one that has none."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import pytest
import trustme

from exporter.bingx import trust
from exporter.bingx.trust import trusting, trusting_soon


@pytest.mark.parametrize(
    ("its_own", "known"), [("authorities.pem", 1), ("hashed/0a1b2c3d.0", 0), ("hashed/README", 100)], ids=str
)
def test_the_authorities_of_this_machine_are_trusted_or_certifis_where_it_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, its_own: str, known: int
) -> None:
    (tmp_path / "hashed").mkdir()
    trustme.CA().cert_pem.write_to_path(str(tmp_path / its_own))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "hashed"))

    assert min(100, trusting().cert_store_stats()["x509_ca"]) == known, "those of a directory are read when needed"


def test_nobody_waits_for_the_authorities_before_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    readers, go = list[str](), threading.Event()

    def slow() -> ssl.SSLContext:
        readers.append(threading.current_thread().name)
        assert go.wait(10)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(trust, "trusting", slow)
    context = trusting_soon()
    go.set()

    assert context() is context()
    assert readers == ["trust"]


def test_who_needs_them_hears_why_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> ssl.SSLContext:
        raise FileNotFoundError

    monkeypatch.setattr(trust, "trusting", broken)
    context = trusting_soon()

    with pytest.raises(FileNotFoundError):
        context()
