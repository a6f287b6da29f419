"""Takes the pictures of the status page: the demo in a fall of prices, seen by Debian's Chromium.

Writes docs/images/status-{light,dark,phone}.png. The exchange falls for five minutes; the pictures are taken after
`--wait` seconds of it, when some positions are near their liquidation.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

IMAGES: Final = Path(__file__).parent.parent / "docs" / "images"
COMMAND: Final = Path(sys.executable).parent / "bingx-exporter"
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-lcd-text",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PICTURES: Final = (
    ("light", (1280, 800), "light"),
    ("dark", (1280, 800), "dark"),
    ("phone", (390, 844), "light"),
)
LARGEST_BYTES: Final = 150_000


@contextmanager
def demo(seed: int) -> Iterator[str]:
    """Run the demo and return where its page is."""
    command = [str(COMMAND), "demo", "--scenario=drawdown", f"--seed={seed}", "--web.listen-address=127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            yield next(line.split()[1] for line in process.stdout if "/metrics" in line).removesuffix("/metrics")
        finally:
            process.terminate()


def take(browser: Browser, url: str) -> None:
    """Take every picture, and tell of one that is too large for a page of text."""
    for name, (width, height), scheme in PICTURES:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]  # one of the two words
        page = context.new_page()
        page.goto(url)
        path = IMAGES / f"status-{name}.png"
        page.screenshot(path=path)
        context.close()
        size = path.stat().st_size
        print(f"{path.name}: {size:,} bytes" + (", too large" if size > LARGEST_BYTES else ""))


def main() -> int:
    """Start everything, wait, and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--wait", type=float, default=285.0, help="seconds")
    options = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        print("chromium is not installed; `make servers` installs it on Debian, as root")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo(options.seed) as url, sync_playwright() as playwright:
        threading.Event().wait(options.wait)
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        take(browser, url + "/")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
