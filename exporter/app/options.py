"""What the command line says, as the parts that are built from it are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from exporter.config.shard import Shard
from exporter.web.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exporter.config import Config


class Options(Struct, frozen=True, kw_only=True):
    """What the flags say: where to listen, what to serve there, and which build this is.

    `on_progress` is told of the income history of each account as it is read, as a share from 0 to 1. `reread` reads
    the configuration anew, where that can be done; `auto_reload` does so by itself when one of its files changes, and
    `lifecycle` when somebody asks for it over HTTP. `web_config` is the file of `--web.config.file`; `protects_health`
    asks for a password at health and readiness, too. `shard` is which of the accounts are there for this process.
    """

    addresses: tuple[str, ...]
    telemetry_path: str = "/metrics"
    process_metrics: bool = True
    version: str = "unknown"
    revision: str = "unknown"
    on_progress: Callable[[str, float], None] = lambda _account, _share: None
    reread: Callable[[], Config] | None = None
    auto_reload: bool = False
    lifecycle: bool = False
    series_per_account: int = 20_000
    web_config: Path | None = None
    systemd_sockets: bool = False
    protects_health: bool = False
    most_requests: int = 40
    place: Place = field(default_factory=Place)
    shard: Shard = field(default_factory=Shard)
