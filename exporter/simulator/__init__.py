"""The exchange for demo and tests: a state machine behind a real HTTP server.

`Simulator(Options())` is all one needs from outside. It re-implements the rules of the exchange from the fact sheet
and knows only the wire: it shares no code with the exporter's client, lest the two share a misreading.
"""

from exporter.simulator.options import Options, SimAccount
from exporter.simulator.scenarios import SCENARIOS, Scenario
from exporter.simulator.server import Simulator

__all__ = ["SCENARIOS", "Options", "Scenario", "SimAccount", "Simulator"]
