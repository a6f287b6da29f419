"""From the parts of the file to checked settings: which keys there are, what each may hold, and what goes together.

Owns the keys outside `tls_server_config`. Opens no file.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import TYPE_CHECKING, Final

from exporter.model import Secret
from exporter.web.access import duration
from exporter.web.access.document import read
from exporter.web.access.reading_tls import tls_server_config
from exporter.web.access.settings import Rate, Users, WebSettings
from exporter.yamltext import nearest, quoted

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.web.access.document import Part

_KEYS: Final = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_HEADERS: Final = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_HASH: Final = re.compile(r"(\$2[aby]\$)([0-9]{2})(\$[./A-Za-z0-9]{22})[./A-Za-z0-9]{31}")
_LOWEST_COST, _HIGHEST_COST = 4, 17
_DIGEST_LENGTH: Final = 31
_DIGEST_LETTERS: Final = "./" + string.ascii_letters + string.digits
_MAKE_HASH: Final = "make one with: htpasswd -nBC 10 ''"


def parse(content: bytes, *, path: Path) -> WebSettings:
    """Return what the file at `path`, which holds `content`, says; raises `WebConfigError` for the first fault."""
    parts = read(content, file=str(path)).members(_KEYS)
    http = parts["http_server_config"].members(("http2", "headers")) if "http_server_config" in parts else {}
    if "http2" in http and not http["http2"].is_nothing:
        http["http2"].flag()  # either is honoured: what is spoken is HTTP/1.1
    return WebSettings(
        tls=tls_server_config(parts["tls_server_config"], base=path.parent) if "tls_server_config" in parts else None,
        users=_users(parts["basic_auth_users"]) if "basic_auth_users" in parts else None,
        rate=_rate(parts["rate_limit"]) if "rate_limit" in parts else None,
        headers=_headers(http["headers"]) if "headers" in http else {},
    )


def _headers(part: Part) -> dict[str, str]:
    headers = {}
    for name, value in part.members().items():
        if name not in _HEADERS:
            value.refuse("this header cannot be set here", nearest(name, _HEADERS))
        text, known = value.text(), _HEADERS[name]
        if not _PRINTABLE.fullmatch(text):
            value.refuse("holds characters that a header cannot", "write it on one line, in ASCII")
        if text and known and text not in known:
            value.refuse(f"{quoted(text)} is unknown", f"known here: {', '.join(known)}")
        if text:
            headers[name] = text
    return headers


def _users(part: Part) -> Users | None:
    members = part.members()
    costs = [_cost(name, value) for name, value in members.items()]
    if not costs:
        return None
    hashes = {name.encode(): Secret(value.text()) for name, value in members.items()}
    return Users(hashes=hashes, decoy=_decoy(max(costs)))


def _cost(name: str, part: Part) -> int:
    """Return the cost of a bcrypt hash, which is sure to be one afterwards."""
    if not name or ":" in name:
        part.refuse("a user name is not empty and holds no colon")
    match = _HASH.fullmatch(part.text())
    if match is None or not _is_salt(match[1], match[3]):
        part.refuse("is not a bcrypt hash", _MAKE_HASH)
    cost = int(match[2])
    if not _LOWEST_COST <= cost <= _HIGHEST_COST:
        bounds = f"{_LOWEST_COST} to {_HIGHEST_COST}"
        part.refuse(f"the cost of this bcrypt hash is {cost}, outside {bounds}", _MAKE_HASH)
    return cost


def _is_salt(prefix: str, salt: str) -> bool:
    """Ask the library itself, at the lowest cost: it refuses salts that others let pass."""
    import bcrypt  # noqa: PLC0415 - paid for by who asks for passwords

    try:
        bcrypt.hashpw(b"", f"{prefix}{_LOWEST_COST:02}{salt}".encode())
    except ValueError:
        return False
    return True


def _decoy(cost: int) -> Secret:
    import bcrypt  # noqa: PLC0415 - paid for by who asks for passwords

    digest = "".join(secrets.choice(_DIGEST_LETTERS) for _ in range(_DIGEST_LENGTH))
    return Secret(bcrypt.gensalt(cost).decode() + digest)


def _rate(part: Part) -> Rate | None:
    members = part.members(("interval", "burst"))
    interval = members["interval"].text() if "interval" in members else ""
    seconds = duration.seconds(interval or "0")
    if seconds is None:
        members["interval"].refuse(f"{quoted(interval)} is no duration", "write it with a unit, such as 1s or 100ms")
    burst = _burst(members["burst"]) if "burst" in members else 0
    if not seconds:
        return None
    if burst < 1:
        part.refuse("without a burst of at least 1, no request is ever answered", 'add "burst: 10"')
    return Rate(interval_seconds=seconds, burst=burst)


def _burst(part: Part) -> int:
    text = part.text() or "0"
    if not re.fullmatch("[0-9]{1,9}", text):
        part.refuse(f"{quoted(text)} is no whole number from 0 up")
    return int(text)
