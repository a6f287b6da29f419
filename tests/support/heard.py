"""What the exporter writes into its log while a test listens; logging is afterwards as it was."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from exporter import logs


@contextmanager
def heard(level: str = "debug") -> Iterator[io.StringIO]:
    """Configure the log to go into the text that is yielded, as lines of logfmt."""
    root, text = logging.getLogger(), io.StringIO()
    before, handlers = root.level, list(root.handlers)
    logs.configure(level, "logfmt", text)
    try:
        yield text
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root.setLevel(before)
        for handler in [handler for handler in root.handlers if handler not in handlers]:
            root.removeHandler(handler)
