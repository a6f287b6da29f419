"""aiohttp without its client, until somebody asks for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

DEFERRED = "import sys; from exporter.web.serving import defer_client; defer_client()"


def says(*lines: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_the_server_is_there_and_the_client_is_not() -> None:
    assert says(
        DEFERRED,
        "from aiohttp import web",
        "from aiohttp.payload import Payload",
        "print(web.Application.__name__, Payload.__name__, 'aiohttp.client' in sys.modules)",
    ) == ["Application", "Payload", "False"]


@pytest.mark.parametrize("name", ["ClientSession", "FormData", "BasicAuth"])
def test_a_name_of_the_package_itself_brings_the_whole_of_it(name: str) -> None:
    assert says(
        DEFERRED,
        "import aiohttp",
        "from aiohttp import web",
        f"print(aiohttp.{name}.__name__, aiohttp.web is web, type(aiohttp).__name__, 'aiohttp.client' in sys.modules)",
    ) == [name, "True", "module", "True"]


def test_its_version_is_known_and_what_it_has_not_is_an_attribute_error() -> None:
    found = says(
        DEFERRED,
        "import aiohttp, importlib.metadata",
        "print(aiohttp.__version__ == importlib.metadata.version('aiohttp'), hasattr(aiohttp, 'nothing_like_this'))",
        "print(hasattr(aiohttp, '__nothing__'))",
    )

    assert found == ["True", "False", "False"]


def test_a_package_that_is_there_already_stays_as_it_is() -> None:
    assert says("import aiohttp", "before = aiohttp", DEFERRED, "print(sys.modules['aiohttp'] is before)") == ["True"]
