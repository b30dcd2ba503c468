"""Takes the pictures of README's tour from the running demo, so that they stay true; tests/browser/test_tour.py walks it too.

Run after a change that can be seen:  python scripts/tour.py
"""

import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "tour"
PICTURE = {"width": 960, "height": 720}
QUALITY = 80  # of WebP, in per cent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
PATIENCE = 30_000  # milliseconds that one page may take on a busy machine

Look = Callable[[str], None]


@dataclass(frozen=True)
class Demo:
    """A running demo: where each of its parts is, and as whom to sign in."""

    provider: str
    wlkp: str
    jkp: str
    pelatihan: str
    identifier: str
    password: str


class Running:
    """`make run` on ports and in a directory of its own; `demo` says where."""

    def __init__(self, var: Path) -> None:
        ports = _free_ports("IDP", "WLKP", "JKP", "PELATIHAN")
        moved = {f"{name}_PORT": str(port) for name, port in ports.items()} | {"IDP_VAR": str(var)}
        self._process = subprocess.Popen(
            [sys.executable, "scripts/run.py"], cwd=ROOT, env=os.environ | moved, text=True, stdout=subprocess.PIPE
        )
        said = self._listened()
        services = {name.lower(): f"http://127.0.0.1:{port}" for name, port in ports.items() if name != "IDP"}
        identifier = _found(r"^(\d{16})  08", said)
        password = _found(r"Password of all: (\S+)", said)
        self.demo = Demo(f"http://localhost:{ports['IDP']}", **services, identifier=identifier, password=password)

    def _listened(self) -> str:
        said = ""
        assert self._process.stdout is not None
        while "Ctrl-C" not in said:
            line = self._process.stdout.readline()
            if not line:
                raise SystemExit(f"`make run` has not started:\n{said}")
            said += line
        return said

    def stop(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=120)


# -- the tour: one function for each picture, in the order of README ------------------------------------------------


def landing(page: Page, demo: Demo) -> None:
    """WLKP, signed out: what it is for, and one way in."""
    page.goto(f"{demo.wlkp}/")
    page.locator("main a.go").wait_for()


def sign_in(page: Page, demo: Demo) -> None:
    """The provider's page, which says for which service."""
    page.locator("main a.go").click()
    page.fill("main [name=identifier]", demo.identifier)
    page.fill("main [name=password]", demo.password)


def signed_in(page: Page, demo: Demo) -> None:
    """WLKP greets by name."""
    page.locator("main form:has([name=password]) button[type=submit]").first.click()
    page.wait_for_url(f"{demo.wlkp}/")
    page.locator("dl").first.wait_for()


def hop(page: Page, demo: Demo) -> None:
    """JKP, by its card: nothing is asked again."""
    page.locator("a.hop", has_text="JKP").click()
    page.wait_for_url(re.compile(re.escape(demo.jkp) + r"/(\?lang=\w+)?$"))
    page.locator("dl").first.wait_for()


def claim(page: Page, demo: Demo) -> None:
    """JKP's claim page, which asks for a class of its own."""
    page.locator("main a.go").first.click()
    page.wait_for_url(f"{demo.jkp}/klaim")
    page.locator(".enough").wait_for()


def sign_out(page: Page, demo: Demo) -> None:
    """Out at JKP, and so at the provider."""
    page.locator("header form[action$='/logout'] button").click()
    page.wait_for_url(f"{demo.provider}/logout**")
    page.locator("main h1").wait_for()


def out_everywhere(page: Page, demo: Demo) -> None:
    """WLKP has heard of it: whoever opens it again is signed out there too."""
    hears(page, demo.wlkp, "WLKP")


def hears(page: Page, address: str, name: str) -> None:
    """Opens a service until it knows of the sign-out: the notice travels from server to server, which takes a moment."""
    page.goto(f"{address}/")
    deadline = time.monotonic() + PATIENCE / 1000
    while not page.locator("main a[href='/login']").count():
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} has not heard of the sign-out")
        page.wait_for_timeout(100)
        page.reload()


TOUR = (landing, sign_in, signed_in, hop, claim, sign_out, out_everywhere)


def walk(page: Page, demo: Demo, look: Look) -> None:
    """Goes through the whole tour in one browser; `look` is called on each page with the name of its picture."""
    for number, step in enumerate(TOUR, 1):
        step(page, demo)
        look(f"{number}-{step.__name__.replace('_', '-')}")


def main() -> None:
    """Takes every picture anew."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.webp"):
        old.unlink()
    with tempfile.TemporaryDirectory() as var, sync_playwright() as playwright:
        running = Running(Path(var))
        try:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            page = browser.new_context(viewport=PICTURE, locale="id-ID", color_scheme="light").new_page()
            page.set_default_timeout(PATIENCE)
            walk(page, running.demo, lambda name: _take(page, name))
            browser.close()
        finally:
            running.stop()


def chromium() -> str | None:
    """The system's Chromium."""
    found = (shutil.which(name) for name in ("chromium-headless-shell", "chromium", "chromium-browser"))
    return next((path for path in found if path), None)


def _take(page: Page, name: str) -> None:
    asked = {"format": "webp", "quality": QUALITY}
    taken = base64.b64decode(page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)["data"])
    (PICTURES / f"{name}.webp").write_bytes(taken)
    print(f"{len(taken):>6}  docs/tour/{name}.webp")


def _free_ports(*names: str) -> dict[str, int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: one.getsockname()[1] for name, one in zip(names, held, strict=True)}
    for one in held:
        one.close()
    return ports


def _found(pattern: str, said: str) -> str:
    match = re.search(pattern, said, re.MULTILINE)
    if match is None:
        raise SystemExit(f"`make run` does not say {pattern}:\n{said}")
    return match[1]


if __name__ == "__main__":
    main()
