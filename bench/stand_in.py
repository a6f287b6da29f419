"""An exchange with nothing behind it: one account with as many positions as one likes, answered from ready bytes.

Owns the process, from both ends: `serve` starts it, and run as a module it is that process. The simulated exchange
holds no more than 500 positions, and would need longer to value them than the exporter to read them. Prices move from
answer to answer; no signature is checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import TYPE_CHECKING, ClassVar, Final

from bench.processes import Exchange, program
from bench.samples import positions
from exporter.bingx.paths import Endpoint
from exporter.clock import SystemClock
from exporter.model import Side, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model import Position

_BALANCE: Final = (
    {
        "userId": "1",
        "shortUid": "1",
        "asset": "USDT",
        "balance": "29998.1308",
        "equity": "29997.5680",
        "unrealizedProfit": "-0.5628",
        "realizedProfit": "0",
        "availableMargin": "29062.9496",
        "usedMargin": "934.6184",
        "frozenMargin": "0.0000",
    },
)
_TURNS: Final = 4


@contextmanager
def serve(count: int) -> Iterator[Exchange]:
    """Run an exchange whose only account has `count` positions."""
    with program([sys.executable, "-m", __name__, str(count)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        yield Exchange(url, ({"name": "main", "api_key": "key-of-nobody", "api_secret": "secret-of-nobody"},))


def _row(position: Position) -> dict[str, object]:
    return {
        "positionId": position.position_id,
        "symbol": position.symbol,
        "currency": position.asset,
        "positionAmt": str(position.amount),
        "availableAmt": str(position.available_amount),
        "positionSide": "LONG" if position.side is Side.LONG else "SHORT",
        "isolated": position.margin_mode == "isolated",
        "avgPrice": str(position.entry_price),
        "initialMargin": str(position.initial_margin),
        "margin": str(position.margin),
        "leverage": 10,
        "unrealizedProfit": str(position.unrealized_pnl),
        "realisedProfit": str(position.realized_pnl),
        "liquidationPrice": float(position.liquidation_price or 0),
        "pnlRatio": str(position.pnl_ratio),
        "maxMarginReduction": str(position.max_margin_reduction),
        "riskRate": str(position.risk_ratio),
        "markPrice": str(position.mark_price),
        "positionValue": str(position.value),
        "onlyOnePosition": False,
        "updateTime": 1_790_000_000_000,
    }


def _body(data: object) -> bytes:
    return json.dumps({"code": 0, "msg": "", "data": data}, separators=(",", ":")).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    positions: ClassVar[Iterator[bytes]] = iter(())

    def do_GET(self) -> None:
        """Answer whatever is asked."""
        body = self._answer(self.path.partition("?")[0])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str) -> bytes:
        if path == Endpoint.POSITIONS.path:
            return next(self.positions)
        if path == Endpoint.BALANCE.path:
            return _body(_BALANCE)
        if path == Endpoint.SERVER_TIME.path:
            return _body({"serverTime": to_milliseconds(SystemClock().now())})
        if path == Endpoint.PERMISSIONS.path:
            return json.dumps({"code": 0, "msg": "", "permissions": [2], "ipAddresses": []}).encode()
        return _body(None)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve as many positions as the command line says until the end of the process."""
    count = int(sys.argv[1])
    _Handler.positions = cycle(
        [_body([_row(one) for one in positions(count, turn=turn).positions]) for turn in range(_TURNS)]
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
