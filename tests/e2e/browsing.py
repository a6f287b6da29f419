"""A real Chromium, what it shows of the status page, and all that it complains of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright
from support.processes import needed

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Every cell of a table by its label: the exact value where there is one, else the text; and what it reads.
READ_TABLE = """id => [...document.querySelectorAll(`#${id} tbody`)].flatMap(body =>
  [...body.querySelectorAll('tr')].map(row => {
    const cells = {};
    for (const cell of row.querySelectorAll('td')) {
      const data = cell.querySelector('data');
      const text = (data ?? cell).textContent.trim();
      cells[cell.dataset.label] = { value: data && data.value, text };
    }
    const name = row.querySelector('th') ?? body.querySelector('th');
    const part = css => name.querySelector(css)?.textContent ?? '';
    return { name: part('bdi') || name.textContent.trim(), side: part('.side'), mode: part('.tag'), cells,
             asset: row.querySelector('td .minor bdi')?.textContent ?? '' };
  }))"""

# The least contrast between a text and what is behind it, with the text.
CONTRAST = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = parts(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [99, ''];
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    if (!element.checkVisibility() || element.closest('.unseen, .skip, script')) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + .05) / (b + .05);
    if (contrast < worst[0]) worst = [contrast, element.textContent];
  }
  return worst;
}"""


@dataclass
class Visit:
    """An open page; `complaints` is what the console said, `strays` every request to somewhere else."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)

    def meet(self, dialog: Dialog) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()

    def stray(self, request: Request) -> None:
        self.strays.append(request.url)

    def table(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.page.evaluate(READ_TABLE, name)
        return rows


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, or skip."""
    program = needed("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, url: str, *, clock: bool = False, **settings: Any) -> Iterator[Visit]:  # noqa: ANN401 - the browser's own
    """Open `url` in a context of its own; `clock` lets the test move the time of the page."""
    context = browser.new_context(**settings)
    page = context.new_page()
    seen = Visit(page)
    origin = urlsplit(url).netloc
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("dialog", seen.meet)
    page.on("request", lambda request: None if urlsplit(request.url).netloc == origin else seen.stray(request))
    if clock:
        page.clock.install()
    try:
        page.goto(url)
        yield seen
    finally:
        context.close()
