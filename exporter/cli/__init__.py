"""The command line: flags in, exit code out. 0 is good, 1 is failed, 2 is flags that are not understood."""

from exporter.cli.dispatch import run_command

__all__ = ["run_command"]
