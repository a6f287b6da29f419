"""aiohttp as a server: its client, which nobody here calls, is imported by who asks for it and not before.

`import aiohttp` imports the client, and the client reads the certificate authorities of the machine once more, for
itself: some 60 ms and several MiB. This module puts a package into the place of aiohttp that knows its submodules and
imports the rest when a name is asked for that none of them has. Owns nothing but that; an aiohttp that is there
already stays as it is.
"""

from __future__ import annotations

import sys
from importlib import import_module, reload
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Final

_PACKAGE: Final = "aiohttp"


class _Late(ModuleType):
    """A package of which the submodules can be imported at once, and what its `__init__` adds once it is missed."""

    def __getattr__(self, name: str) -> object:
        if name == "__version__":
            return version(self.__name__)
        if name.startswith("__"):
            raise AttributeError(name)
        if find_spec(f"{self.__name__}.{name}") is not None:
            return import_module(f"{self.__name__}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment]  # a module may change its class, says the language
        reload(self)
        return getattr(self, name)


def defer_client() -> None:
    """Have `aiohttp` without its client, if it is not there yet."""
    spec = find_spec(_PACKAGE) if _PACKAGE not in sys.modules else None
    if spec is not None:
        package = module_from_spec(spec)
        package.__class__ = _Late
        sys.modules[_PACKAGE] = package
