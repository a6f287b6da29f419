"""The page at `/`: what this is, and where to go from here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5; }}
body {{ max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }}
li {{ margin: .3rem 0; }}
</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p>{description}</p>
<p>Version {version}</p>
<ul>
{links}
</ul>
</main>
</body>
</html>
"""


def landing_page(*, name: str, version: str, description: str, links: Mapping[str, str]) -> str:
    """Return the page; `links` are path -> what stands there."""
    items = "\n".join(
        f'<li><a href="{escape(path)}">{escape(path)}</a> &ndash; {escape(text)}</li>' for path, text in links.items()
    )
    return _PAGE.format(name=escape(name), version=escape(version), description=escape(description), links=items)
