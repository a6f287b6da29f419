"""TLS in front of the simulated exchange, which speaks none: in a process of its own, so that nobody measures it.

Owns the certificate and the front; both are made for one measurement and gone after it. Run as a program, it is the
front itself: `python -m bench.tls PORT CERTIFICATE`.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import trustme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.processes import Exchange

_PIECE: Final = 65536
_FAREWELL_SECONDS: Final = 10.0


@contextmanager
def secured(running: Exchange) -> Iterator[tuple[Exchange, Mapping[str, str]]]:
    """Hand over the same exchange under an https URL, and the environment in which a program trusts it.

    The authorities of the machine are trusted as well, as everywhere: they are a part of what a program holds.
    """
    with TemporaryDirectory(prefix="bingx-exporter-bench-") as name:
        folder, authority = Path(name), trustme.CA()
        pair, trusted = folder / "pair.pem", folder / "trusted.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pair)
        system = ssl.get_default_verify_paths().cafile
        trusted.write_bytes((Path(system).read_bytes() if system else b"") + b"\n" + authority.cert_pem.bytes())
        command = [sys.executable, "-m", "bench.tls", str(urlsplit(running.url).port), str(pair)]
        root = Path(__file__).resolve().parent.parent
        front = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=root)
        try:
            assert front.stdout is not None
            port = int(front.stdout.readline())
            yield replace(running, url=f"https://127.0.0.1:{port}"), {"SSL_CERT_FILE": str(trusted)}
        finally:
            front.terminate()
            front.wait(_FAREWELL_SECONDS)
            if front.stdout is not None:
                front.stdout.close()


async def _serve(port: int, pair: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    server = await asyncio.start_server(partial(_pass_on, port), "127.0.0.1", 0, ssl=context, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), sys.argv[2]))
