"""From `tls_server_config` to checked settings; opens no file."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from exporter.model import Secret
from exporter.web.access.credentials import canonical
from exporter.web.access.settings import Asking, Source, Tls
from exporter.web.access.vocabulary import CURVES, SUITES, TLS13_SUITES, VERSIONS
from exporter.yamltext import looks_secret, nearest, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from exporter.web.access.document import Part

_KEYS: Final = (
    "cert",
    "cert_file",
    "key",
    "key_file",
    "client_ca",
    "client_ca_file",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
)
_POLICIES: Final = {
    "NoClientCert": Asking.NEVER,
    "RequestClientCert": Asking.OPTIONAL,
    "RequireAnyClientCert": Asking.REQUIRED,
    "RequireClientCert": Asking.REQUIRED,
    "VerifyClientCertIfGiven": Asking.OPTIONAL,
    "RequireAndVerifyClientCert": Asking.REQUIRED,
}
_VERIFYING: Final = frozenset({"NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"})
_STRICTER: Final = {Asking.OPTIONAL: "VerifyClientCertIfGiven", Asking.REQUIRED: "RequireAndVerifyClientCert"}


def tls_server_config(part: Part, *, base: Path) -> Tls | None:
    """Return how TLS is to be spoken, `None` if nothing is said; relative paths begin at `base`."""
    members = part.members(_KEYS)
    if not members:
        return None
    sources = {name: _source(members, name, base=base) for name in ("cert", "key", "client_ca")}
    cert, key = sources["cert"], sources["key"]
    if cert is None:
        part.refuse("has no certificate", "give cert_file or cert")
    if key is None:
        part.refuse("has no key", "give key_file or key")
    policy = members.get("client_auth_type")
    name = policy.choice(_POLICIES) if policy and policy.text() else "NoClientCert"
    _check_policy(policy or part, name, has_ca=sources["client_ca"] is not None)
    minimum, maximum = _versions(members)
    return Tls(
        place=part.place,
        cert=cert,
        key=key,
        client_ca=sources["client_ca"],
        asking=_POLICIES[name],
        allowed_sans=_allowed_sans(members, _POLICIES[name]),
        minimum=minimum,
        maximum=maximum,
        ciphers=_ciphers(members, minimum),
        prefer_own_order=not _is_given(members, "prefer_server_cipher_suites")
        or members["prefer_server_cipher_suites"].flag(),
        curve=_curve(members),
        softened=None if name in _VERIFYING else name,
    )


def _is_given(members: Mapping[str, Part], name: str) -> bool:
    return name in members and not members[name].is_nothing


def _source(members: Mapping[str, Part], name: str, *, base: Path) -> Source | None:
    inline, by_file = members.get(name), members.get(f"{name}_file")
    text, path = inline.text() if inline else "", by_file.text() if by_file else ""
    if by_file and path:
        if text:
            by_file.refuse(f"{name} is given too", "keep one of the two")
        # A key that was folded onto one line prints, and would be shown as the name of a file that is not there.
        if not path.isprintable() or looks_secret(path):
            by_file.refuse("is not the name of a file", f"give a certificate or key itself as {name}")
        return Source(place=by_file.place, origin=base / path)
    return Source(place=inline.place, origin=Secret(text)) if inline and text else None


def _check_policy(part: Part, name: str, *, has_ca: bool) -> None:
    asking = _POLICIES[name]
    if has_ca and asking is Asking.NEVER:
        part.refuse(
            "a client CA is given, but clients are not asked for a certificate",
            "set client_auth_type: RequireAndVerifyClientCert, or leave out client_ca_file",
        )
    if asking is Asking.NEVER or has_ca:
        return
    if name in _VERIFYING:
        part.refuse(f"{name} needs a CA to verify by", "give client_ca_file")
    part.refuse(
        f"{name} without a CA is not possible here: a certificate is asked for only to verify it",
        f"give client_ca_file and set client_auth_type: {_STRICTER[asking]}",
    )


def _allowed_sans(members: Mapping[str, Part], asking: Asking) -> frozenset[str]:
    if not _is_given(members, "client_allowed_sans"):
        return frozenset()
    part = members["client_allowed_sans"]
    names = frozenset(map(canonical, part.texts()))
    if asking is not Asking.REQUIRED:
        part.refuse(
            "holds nobody back while clients may come without a certificate",
            "set client_auth_type: RequireAndVerifyClientCert",
        )
    if not names or "" in names:
        part.refuse("is empty or holds an empty name", "name whom to let in, or leave out the key")
    return names


def _versions(members: Mapping[str, Part]) -> tuple[ssl.TLSVersion, ssl.TLSVersion]:
    names = {
        key: members[key].choice(VERSIONS) if _is_given(members, key) else default
        for key, default in (("min_version", "TLS12"), ("max_version", "TLS13"))
    }
    minimum, maximum = VERSIONS[names["min_version"]], VERSIONS[names["max_version"]]
    if minimum > maximum:
        part = members.get("max_version") or members["min_version"]
        part.refuse(f"min_version {names['min_version']} is above max_version {names['max_version']}")
    return minimum, maximum


def _ciphers(members: Mapping[str, Part], minimum: ssl.TLSVersion) -> tuple[str, ...]:
    if not _is_given(members, "cipher_suites"):
        return ()
    part = members["cipher_suites"]
    names = part.texts()
    _check_names(part, names, known=(*SUITES, *TLS13_SUITES))
    ciphers = tuple(SUITES[name] for name in names if name in SUITES)
    if names and not ciphers and minimum < ssl.TLSVersion.TLSv1_3:
        part.refuse("names no suite for TLS 1.2 and below", "name one, or set min_version: TLS13")
    return ciphers


def _curve(members: Mapping[str, Part]) -> str | None:
    if not _is_given(members, "curve_preferences"):
        return None
    part = members["curve_preferences"]
    names = part.texts()
    _check_names(part, names, known=CURVES)
    if len(set(names)) > 1:
        part.refuse("only one curve can be chosen", "name one, or leave out the key to offer the usual ones")
    return CURVES[names[0]] if names else None


def _check_names(part: Part, names: Iterable[str], *, known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            part.refuse(f"{quoted(name)} is unknown", nearest(name, known))
