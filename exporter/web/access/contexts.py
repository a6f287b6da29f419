"""From TLS settings to a context, and the one context that always speaks with the newest of them."""

from __future__ import annotations

import os
import ssl
import tempfile
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

from exporter.model import Secret
from exporter.web.access import files
from exporter.web.access.settings import Asking
from exporter.web.access.vocabulary import SUITES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exporter.web.access.settings import Source, Tls

_ASKING: Final = {
    Asking.NEVER: ssl.CERT_NONE,
    Asking.OPTIONAL: ssl.CERT_OPTIONAL,
    Asking.REQUIRED: ssl.CERT_REQUIRED,
}
_PROTOCOL: Final = "http/1.1"


class Newest(ssl.SSLContext):
    """A context whose connections are each made by the newest one, with all that this one asks for.

    Swapping contexts in an SNI callback would keep the old one's versions, curves and questions for a certificate.
    """

    _newest: Callable[[], ssl.SSLContext]

    @classmethod
    def of(cls, newest: Callable[[], ssl.SSLContext]) -> Newest:
        """Return a context for a server that asks `newest` at each connection."""
        self = cls(ssl.PROTOCOL_TLS_SERVER)
        self._newest = newest
        return self

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401 - passed on as they come
        """Begin a connection, as asyncio does it."""
        return self._newest().wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:  # noqa: ANN401 - passed on as they come
        """Begin a connection on a socket."""
        return self._newest().wrap_socket(*args, **kwargs)


def build(tls: Tls) -> ssl.SSLContext:
    """Return a new context, from what the files hold now; raises `WebConfigError` if it cannot be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols([_PROTOCOL])
    context.options |= ssl.OP_NO_RENEGOTIATION
    if not tls.prefer_own_order:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _set_versions(context, tls)
    _set_curve(context, tls)
    _load_pair(context, tls)
    if tls.client_ca is not None:
        _trust(context, tls.client_ca)
    context.verify_mode = _ASKING[tls.asking]
    return context


def _set_versions(context: ssl.SSLContext, tls: Tls) -> None:
    is_old = tls.minimum < ssl.TLSVersion.TLSv1_2
    with warnings.catch_warnings():
        # That the versions below 1.2 are out of date is known to whoever asks for them by name.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = tls.minimum, tls.maximum
    if is_old:
        # OpenSSL signs with SHA-1, as the old versions must, at its lowest level of security only.
        context.set_ciphers(":".join((*(tls.ciphers or SUITES.values()), "@SECLEVEL=0")))
    elif tls.ciphers:
        context.set_ciphers(":".join(tls.ciphers))


def _set_curve(context: ssl.SSLContext, tls: Tls) -> None:
    if tls.curve is None:
        return
    try:
        context.set_ecdh_curve(tls.curve)
    except (ssl.SSLError, ValueError):
        # Some releases of Python 3.11 know the curves of the NIST only, whatever their OpenSSL does.
        tls.place.refuse(
            f"this Python cannot choose the curve {tls.curve}", "choose another one, or leave out `curve_preferences`"
        )


def _load_pair(context: ssl.SSLContext, tls: Tls) -> None:
    def no_password() -> str:
        tls.key.place.refuse("the key is encrypted", "give one without a password")

    contents = _content(tls.cert), _content(tls.key)
    try:
        with _as_file(contents[0]) as cert, _as_file(contents[1]) as key:
            context.load_cert_chain(cert, key, password=no_password)
    except ssl.SSLError as error:
        _refuse_pair(tls, str(error.reason), cert=contents[0])
    except OSError as error:
        tls.place.refuse(f"cannot hand the certificate to OpenSSL: {error.strerror}", "is /proc mounted?")


def _refuse_pair(tls: Tls, reason: str, *, cert: bytes) -> NoReturn:
    if reason == "KEY_VALUES_MISMATCH":
        tls.key.place.refuse("the key does not belong to the certificate", "give both of one pair")
    if _certificates(cert) is None:
        tls.cert.place.refuse("holds no certificate in PEM that can be read")
    if any(word in reason for word in ("TOO_SMALL", "TOO_WEAK")):
        tls.cert.place.refuse(f"the certificate is too weak for OpenSSL ({reason})")
    tls.key.place.refuse("holds no private key in PEM that can be read")


def _certificates(content: bytes) -> ssl.SSLContext | None:
    """Return a context that trusts the certificates in `content`, `None` if there are none or they are broken."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        return None
    return context


def _trust(context: ssl.SSLContext, source: Source) -> None:
    content = _content(source)
    if _certificates(content) is None:
        source.place.refuse("holds no certificate in PEM that can be read")
    context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    # As in Go, whatever stands in the file is trusted: an intermediate CA or a single client's certificate, too.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _content(source: Source) -> bytes:
    if isinstance(source.origin, Secret):
        return source.origin.reveal().encode()
    return files.read(source.origin, place=source.place)


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give `content` a path, which the ssl module insists on, without putting it on a disk where that is possible."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
