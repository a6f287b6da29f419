"""What Go calls versions, cipher suites and curves of TLS, and what OpenSSL calls them; pure.

The suites are those that Go regards as secure (its `tls.CipherSuites`); no other has a name here.
"""

from __future__ import annotations

import ssl
from typing import Final

VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
"""The values of `min_version` and `max_version`, the lowest first."""

TLS13_SUITES: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
)
"""The suites of TLS 1.3: always on and in no order that can be chosen, with Go as here."""

_KEY_EXCHANGES: Final = ("ECDHE_ECDSA", "ECDHE_RSA")
_ALGORITHMS: Final = {
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
}

SUITES: Final = {
    f"TLS_{exchange}_WITH_{ours}": f"{exchange.replace('_', '-')}-{theirs}"
    for ours, theirs in _ALGORITHMS.items()
    for exchange in _KEY_EXCHANGES
}
"""The suites of TLS 1.2 and below, from Go's name to OpenSSL's, in an order that serves as a preference."""

CURVES: Final = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
"""The values of `curve_preferences`, from Go's name to OpenSSL's."""
