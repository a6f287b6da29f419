"""How the exchange says no: its codes, its texts, and the shapes of the body that carries them.

Owns every refusal in one table. Source: section 6 of the fact sheet on the exchange's API. HTTP says 200 all the while.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from exporter.simulator.messages import Reply, json_reply

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shape(Enum):
    """Who refuses: the gateway sends a timestamp and no data, the service an empty object in place of the data."""

    GATEWAY = "gateway"
    WHITELIST = "whitelist"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code of the exchange with its text."""

    code: int
    message: str
    shape: Shape = Shape.GATEWAY

    def reply(self, *, now_ms: int, headers: Mapping[str, str] | None = None) -> Reply:
        """Return the refusal as the wire shows it."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.shape is Shape.SERVICE:
            body["data"] = {}
        else:
            body["timestamp"] = now_ms
        if self.shape is Shape.WHITELIST:
            body["success"] = False
        return json_reply(body, headers=headers)


class Refused(Exception):  # noqa: N818 - it is a verdict, not a fault of the program
    """Raised where a rule is broken; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def unknown_api() -> Refused:
    """Say that there is no such path, or not with this method."""
    return Refused(Refusal(100400, "this api is not exist"))


def missing_key() -> Refused:
    """Say that there is no X-BX-APIKEY."""
    return Refused(Refusal(100413, "Incorrect apiKey: the header X-BX-APIKEY is missing"))


def unknown_key() -> Refused:
    """Say that nobody has this key."""
    return Refused(Refusal(100413, "Incorrect apiKey"))


def foreign_address(address: str) -> Refused:
    """Say that the key may not be used from this address; as on the exchange, the text names it."""
    message = f"your current request IP {address} does not match the IP whitelist of this key"
    return Refused(Refusal(100419, message, Shape.WHITELIST))


def missing_signature() -> Refused:
    """Say that there is no signature."""
    return Refused(Refusal(100412, "Null signature"))


def wrong_signature() -> Refused:
    """Say that the signature does not fit, or is not the last parameter."""
    return Refused(Refusal(100001, "Signature verification failed due to signature mismatch"))


def bad_timestamp(detail: str) -> Refused:
    """Say that the timestamp is missing, or too far from the exchange's clock."""
    return Refused(Refusal(100421, f"timestamp is invalid: {detail}"))


def no_permission(right: str) -> Refused:
    """Say that the key lacks a right."""
    return Refused(Refusal(100004, f"Permission denied: this API key lacks the permission {right}"))


def bad_parameter(detail: str) -> Refused:
    """Say that a parameter is unknown, doubled, malformed or out of its range."""
    return Refused(Refusal(109400, f"Invalid parameters, err: {detail}", Shape.SERVICE))


def unknown_symbol(symbol: str) -> Refused:
    """Say that the symbol looks right, but is not traded."""
    return Refused(Refusal(109425, f"the symbol {symbol} does not exist", Shape.SERVICE))
