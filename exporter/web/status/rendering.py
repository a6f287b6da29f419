"""From a view to the document: one template, with its style and script inside and nothing else allowed to run.

Style and script are named to the browser by their hashes; the page loads nothing, and speaks to its own origin only.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from exporter.web.site import Document
from exporter.web.status import drawing, wording
from exporter.web.status.considerate import considerate

if TYPE_CHECKING:
    from jinja2 import Template

    from exporter.web.status.view import Status

_POLICY: Final = (
    "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


_PIECES_AT_ONCE: Final = 200
"""Of the template; less than half a millisecond's work."""


class StatusPage:
    """Renders the page; the template is read and compiled when somebody first asks for it."""

    def render(self, status: Status) -> Document:
        """Return the page that shows `status`."""
        pieces = considerate(self._template.generate(status=status), every=_PIECES_AT_ONCE)
        return Document(html="".join(pieces), security_policy=self._policy)

    @cached_property
    def _style(self) -> str:
        return _text("status.css")

    @cached_property
    def _script(self) -> str:
        return _text("status.js")

    @cached_property
    def _policy(self) -> str:
        return _POLICY.format(style=_hash(self._style), script=_hash(self._script))

    @cached_property
    def _template(self) -> Template:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - paid for by who looks at the page
        from markupsafe import Markup  # noqa: PLC0415 - the same

        from exporter.web.status import elements  # noqa: PLC0415 - the same

        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters |= {
            "as_change": elements.change,
            "as_distance": elements.distance,
            "as_money": elements.money,
            "as_multiple": elements.multiple,
            "as_percent": elements.percent,
            "as_quantity": elements.quantity,
            "duration": wording.duration,
            "extent": drawing.extent,
            "lines": drawing.lines,
            "moment": wording.moment,
            "money": wording.money,
            "nearness": drawing.nearness,
            "percent": wording.percent,
        }
        # Our own files, and not a word of anybody else.
        environment.globals |= {"style": Markup(self._style), "script": Markup(self._script)}  # noqa: S704 - as the line above says
        environment.globals["unknown"] = elements.unknown
        return environment.from_string(_text("status.html"))


def _text(name: str) -> str:
    return (files("exporter.web.status") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
