"""The composition root: from a configuration to running parts, and back to nothing in under a second.

The only place that builds real parts. The command line, the demo and the end-to-end tests all start here.
"""

from exporter.app.application import App
from exporter.app.exchange import Exchange
from exporter.app.options import Options

__all__ = ["App", "Exchange", "Options"]
