"""What of the file is in force: the newest that can be used, re-read when a file changes, and why not the one on disk.

Two things can be wrong. A file that cannot be read as a web configuration refuses all requests, since nobody knows
whom it would have let in. Certificates that cannot be used only keep the ones in use where they are.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from exporter import logs
from exporter.web.access import contexts, files, reading
from exporter.web.access.problems import Place, WebConfigError
from exporter.web.access.settings import WebSettings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from exporter.web.access.files import Stamp
    from exporter.web.access.settings import Tls

_GLANCE_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 1.0


class Spoken(Struct, frozen=True, kw_only=True):
    """How TLS is spoken: the settings, and the context made of them."""

    tls: Tls
    context: ssl.SSLContext


class InForce(Struct, frozen=True, kw_only=True):
    """What holds now; `refusing` is why requests are refused, `keeping` why older certificates are in use."""

    settings: WebSettings = field(default_factory=WebSettings)
    spoken: Spoken | None = None
    refusing: str | None = None
    keeping: str | None = None


class Keeper:
    """Keeps one file's word; may be asked from any thread."""

    def __init__(self, path: Path, *, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._in_force = InForce()
        self._stamps: Mapping[Path, Stamp] = {}
        self._look_at = self._again_at = 0.0
        self._logger = logs.get_logger(__name__)

    def load(self) -> InForce:
        """Read the file for the first time; raises `WebConfigError`."""
        with self._lock:
            settings = self._read()
            spoken = _speak(settings.tls)
            self._in_force = InForce(settings=settings, spoken=spoken)
            self._tell_softened(settings.tls)
            return self._in_force

    def newest(self) -> InForce:
        """Return what holds now, after a look at the files if the last look was long enough ago."""
        with self._lock:
            now = self._now()
            if now >= self._look_at:
                self._look_at = now + _GLANCE_SECONDS
                if self._is_due(now):
                    self._again_at = now + _AGAIN_SECONDS
                    self._turn_to(self._reread())
            return self._in_force

    def _is_due(self, now: float) -> bool:
        before = self._in_force
        # What failed may have failed for a reason that leaves no trace on the files.
        if (before.refusing or before.keeping) and now >= self._again_at:
            return True
        return any(files.stamp(path) != seen for path, seen in self._stamps.items())

    def _read(self) -> WebSettings:
        # Every stamp is taken before the file is read, so that a change in between is seen at the next look.
        self._stamps = {self._path: files.stamp(self._path)}
        settings = reading.parse(files.read(self._path, place=Place(file=str(self._path))), path=self._path)
        for secret in settings.secrets:
            # Before the log is configured there is no log that could show it.
            with suppress(RuntimeError):
                logs.redact(secret)
        if settings.tls is not None:
            self._stamps |= {path: files.stamp(path) for path in settings.tls.files}
        return settings

    def _reread(self) -> InForce:
        before = self._in_force
        try:
            settings = self._read()
            self._check_switch(settings)
        except Exception as error:  # noqa: BLE001 - nobody knows whom a file that breaks the reader would have let in
            return InForce(settings=before.settings, spoken=before.spoken, refusing=_reason(error))
        try:
            return InForce(settings=settings, spoken=_speak(settings.tls))
        except Exception as error:  # noqa: BLE001 - a connection is worth more than what OpenSSL did not like
            return InForce(settings=settings, spoken=before.spoken, keeping=_reason(error))

    def _check_switch(self, settings: WebSettings) -> None:
        was, will_be = self._in_force.spoken is not None, settings.tls is not None
        if was != will_be:
            place = settings.tls.place if settings.tls is not None else Place(file=str(self._path))
            message = f"switches TLS {'on' if will_be else 'off'}, which cannot be done while running"
            place.refuse(message, "restart the exporter, or take the change back")

    def _turn_to(self, now: InForce) -> None:
        before, self._in_force = self._in_force, now
        if now.refusing and now.refusing != before.refusing:
            self._logger.error("The web configuration cannot be used: requests are refused", reason=now.refusing)
        elif now.keeping and now.keeping != before.keeping:
            self._logger.error("TLS keeps its certificates: the new ones cannot be used", reason=now.keeping)
        elif not (now.refusing or now.keeping):
            self._logger.info("Read the web configuration anew", file=str(self._path))
            self._tell_softened(now.settings.tls)

    def _tell_softened(self, tls: Tls | None) -> None:
        if tls is not None and tls.softened is not None:
            self._logger.warning(
                "Certificates of clients are verified, although the policy would not ask for it", policy=tls.softened
            )


def _reason(error: Exception) -> str:
    """Return why the file cannot be used; the text of an error that nobody foresaw may hold a part of the file."""
    if isinstance(error, WebConfigError):
        return str(error)
    return f"reading it ended in an error that nobody foresaw ({type(error).__name__})"


def _speak(tls: Tls | None) -> Spoken | None:
    return None if tls is None else Spoken(tls=tls, context=contexts.build(tls))
