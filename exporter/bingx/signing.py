"""The signature: HMAC-SHA256 over the raw parameters in the order sent, as lower-case hex, itself sent last.

Pure. Values are signed as they are and percent-encoded afterwards: a symbol such as `MØTH-USDT` is refused if the
encoded text is signed. The exchange's page prints two wrong examples; see the tests.
<https://bingx-api.github.io/docs/#/en-us/swapV2/authentication.html>
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model import Secret


def canonical(params: Sequence[tuple[str, str]]) -> str:
    """Join the raw parameters in the order given: the text that is signed."""
    return "&".join(f"{name}={value}" for name, value in params)


def sign(secret: Secret, text: str) -> str:
    """Return the signature of `text` as 64 lower-case hex digits."""
    return hmac.digest(secret.reveal().encode(), text.encode(), "sha256").hex()


def signed_query(params: Sequence[tuple[str, str]], secret: Secret) -> str:
    """Return the query string: the values percent-encoded (a space is `%20`), the signature of the raw ones last."""
    text = canonical(params)
    plain = all(value.isalnum() and value.isascii() for _, value in params)  # most are numbers: nothing to encode
    encoded = text if plain else "&".join(f"{name}={quote(value, safe='')}" for name, value in params)
    return f"{encoded}&signature={sign(secret, text)}"
