"""The exchange's own reading of a signed query: splitting, decoding, and the HMAC.

Owns what is signed: the parameters in the order they came, values decoded from their percent signs, without the
signature, which must come last. Written from the fact sheet alone; it shares nothing with any client.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import unquote

from exporter.simulator.refusals import bad_parameter, missing_signature, wrong_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedQuery:
    """The parameters of a request in their order, and the signature if it came last."""

    pairs: tuple[tuple[str, str], ...]
    signature: str | None = field(repr=False)
    misplaced: bool = False

    @property
    def signed_text(self) -> str:
        """Return the text that the signature has to fit."""
        return "&".join(f"{name}={value}" for name, value in self.pairs)

    def parameters(self) -> dict[str, str]:
        """Return the parameters by name; raises `Refused` if one comes twice."""
        parameters = dict(self.pairs)
        if len(parameters) != len(self.pairs):
            detail = "a parameter comes more than once"
            raise bad_parameter(detail)
        return parameters

    def verify(self, secret: str) -> None:
        """Raise `Refused` unless the last parameter is the right signature, in lower-case hex."""
        if self.misplaced:
            raise wrong_signature()
        if not self.signature:
            raise missing_signature()
        right = hmac.new(secret.encode(), self.signed_text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), self.signature.encode()):
            raise wrong_signature()


def read_query(query: str) -> SignedQuery:
    """Split a raw query; raises `Refused` for a piece that is no `name=value` or no UTF-8."""
    pairs = [_pair(piece) for piece in query.split("&")] if query else []
    signature = None
    if pairs and pairs[-1][0] == "signature":
        signature = pairs.pop()[1]
    misplaced = any(name == "signature" for name, _ in pairs)
    return SignedQuery(pairs=tuple(pairs), signature=signature, misplaced=misplaced)


def _pair(piece: str) -> tuple[str, str]:
    name, equals, value = piece.partition("=")
    if not name or not equals:
        detail = "the query has a piece that is no name=value"
        raise bad_parameter(detail)
    try:
        return name, unquote(value, errors="strict")
    except UnicodeDecodeError:
        detail = f"the value of {name} is no UTF-8"
        raise bad_parameter(detail) from None
