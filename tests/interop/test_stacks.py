"""The programs of examples/stacks, from an empty folder to "signed in": each with the entry and lines of `idp clients add --for`."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from idp import accounts
from idp.accounts import hashing
from idp.cli import main
from idp.core.values import ACR_FULL, EmailAddress, FullName, Nik, PhoneNumber
from idp.oidc.clients import file
from tests import loopback
from tests.browser.tab import DEADLINE_MS, leaving, press
from tests.conftest import ROOT, House
from tests.interop.conftest import HERE, MODULES, arrive, send_from, visit
from tests.relying_party import RelyingParty
from tests.simple_browser import Page, SimpleBrowser

EXAMPLES = ROOT / "examples" / "stacks"
BUILT = HERE / "built"  # by `make stacks`: what takes minutes to compile
# Node 18 has no global crypto, which the clients expect.
NODE = ("node", "-r", str(HERE / "webcrypto.cjs"), "server.js")
# `manage.py migrate` and `manage.py runserver` in one process, which is half the work.
DJANGO = """
import os, sys, django
from django.core.management import call_command
os.environ["DJANGO_SETTINGS_MODULE"] = "layanan.settings"
django.setup()
call_command("migrate", verbosity=0)
call_command("runserver", sys.argv[1], use_reloader=False)
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "flask": (sys.executable, "-m", "flask", "--app", "app", "run", "--port", "{port}"),
    "django": (sys.executable, "-c", DJANGO, "127.0.0.1:{port}"),
    "express": NODE,
    "authjs": NODE,
    "go": (str(BUILT / "layanan"),),
    "spring": ("java", "-XX:TieredStopAtLevel=1", "-jar", str(BUILT / "layanan.jar"), "--server.port={port}", "--server.address=127.0.0.1"),
    "api": (sys.executable, "-m", "flask", "--app", "app", "run", "--port", "{port}"),
}  # fmt: skip


@pytest.fixture
def add(house: House, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Puts a service into the provider's file as its developer does; the lines that it was given."""

    def added(client_id: str, *asked: str) -> dict[str, str]:
        path = tmp_path / "clients.yaml"
        command = ["clients", "add", client_id, "--name", "Layanan", *asked, "--write", "--file", str(path)]
        result = CliRunner().invoke(main, command, env={"IDP_ISSUER": house.issuer})
        assert result.exit_code == 0, result.output
        house.app.extensions["idp.clients"].known |= file.load(path)
        return dict(line.split("=", 1) for line in result.stdout.splitlines())

    return added


@pytest.fixture
def run(
    add: Callable[..., dict[str, str]], start: Callable[..., str], free_port: Callable[[], int], tmp_path: Path
) -> Callable[[str], tuple[str, dict[str, str]]]:
    """Starts the program of a stack in a folder of its own; its address and its lines."""

    def running(stack: str) -> tuple[str, dict[str, str]]:
        folder, port = tmp_path / stack, free_port()
        shutil.copytree(EXAMPLES / stack, folder)
        (folder / "node_modules").symlink_to(MODULES)
        lines = add(f"layanan-{stack}", "--for", stack, "--url", f"http://127.0.0.1:{port}")
        command = [part.replace("{port}", str(port)) for part in COMMANDS[stack]]
        return start(*command, port=port, cwd=folder, **lines), lines

    return running


@pytest.fixture
def siti(house: House, person: Callable[..., Any]) -> Any:
    """Siti, with an account."""
    somebody = person("Siti")
    with house.app.app_context():
        facts = Nik.parse(somebody.nik), FullName.parse(somebody.full_name), PhoneNumber.parse(somebody.phone)
        hashed = hashing.hash_password(somebody.password)
        accounts.create(*facts, EmailAddress.parse(somebody.email), hashed, acr=ACR_FULL, email_verified=True)
    return somebody


def asks_to_sign_in(browser: SimpleBrowser, address: str) -> Page:
    """Presses the one button of a service's page; some libraries ask once more."""
    page = visit(browser, visit(browser, f"{address}/").link("Masuk dengan SIAPkerja ID"))
    return send_from(browser, page.forms[0]) if page.url.startswith(address) else page


def answers_consent(browser: SimpleBrowser, decision: str) -> Page:
    """At the provider, for a service of somebody else."""
    arrive(browser)
    browser.submit(button=("decision", decision))
    return arrive(browser)


@pytest.mark.parametrize("stack", ["flask", "django", "express", "authjs", "go", "spring"])
def test_a_program_signs_people_in_and_out(stack: str, run: Callable[[str], Any], siti: Any) -> None:
    """R1, R3: what a developer is given works as it stands; name and e-mail arrive, a refusal is survived."""
    needed = Path(COMMANDS[stack][0] if stack != "spring" else COMMANDS[stack][3])
    if needed.is_absolute() and not needed.exists():
        pytest.skip(f"{stack} is not compiled: `make stacks` does it, with its compiler")
    address, _ = run(stack)
    browser, greeting = siti.browser, f"Selamat datang, {siti.full_name} ({siti.email})"

    assert asks_to_sign_in(browser, address).url.startswith(browser.issuer)
    siti.signs_in()
    refused = answers_consent(browser, "deny")
    assert refused.url.startswith(address) and "Selamat datang" not in refused.text

    asks_to_sign_in(browser, address)
    siti.signs_in()
    assert greeting in answers_consent(browser, "allow").text
    assert greeting in visit(browser, f"{address}/").text

    page = send_from(browser, browser.page.forms[0])
    assert page.url == f"{address}/" and "Selamat datang" not in page.text
    assert "identifier" in asks_to_sign_in(browser, address).form("identifier").fields, "signed out at the provider too"


def test_a_browser_signs_in_to_a_program_beside_the_provider(run: Callable[[str], Any], siti: Any, chromium: Browser) -> None:
    """R3, in Chromium: cookies of two servers on one host, forms that leave, the way out and back."""
    address, _ = run("flask")
    context = chromium.new_context(locale="id-ID")
    page = context.new_page()
    page.set_default_timeout(DEADLINE_MS)
    page.goto(f"{address}/")
    press(page, "a")
    page.fill("[name=identifier]", siti.nik)
    page.fill("[name=password]", siti.password)
    with leaving(page):
        page.press("[name=password]", "Enter")
    press(page, "[name=decision][value=allow]")
    page.wait_for_url(f"{address}/")
    assert page.inner_text("h1") == f"Selamat datang, {siti.full_name} ({siti.email})"
    press(page, "button")
    page.wait_for_function("document.querySelector('h1')?.innerText === 'Layanan'")
    assert page.url == f"{address}/"
    context.close()


def test_an_api_takes_tokens_that_were_made_out_to_it(
    run: Callable[[str], Any], add: Callable[..., dict[str, str]], house: House, siti: Any
) -> None:
    """R4: introspection tells whose token it is; one for somebody else opens nothing, nor one after the sign-out."""
    address, lines = run("api")
    asked = add(
        "layanan-saya", "--redirect-uri", "http://127.0.0.1:1/callback", "--post-logout-redirect-uri", "http://127.0.0.1:1/"
    )
    known = house.app.extensions["idp.clients"].known
    known["layanan-saya"] = known["layanan-saya"].model_copy(
        update={"resources": (lines["SIAPKERJA_RESOURCE"],), "first_party": True}
    )
    assert asked == {}, "without a stack nothing goes to standard output"
    secret = "drawn-at-random-and-forty-characters-long"
    known["layanan-saya"] = known["layanan-saya"].model_copy(update={"client_secret_hash": None}).with_secret(secret)
    caller = RelyingParty(house.issuer, "layanan-saya", secret, "http://127.0.0.1:1/callback")

    def calls(token: str = "") -> Any:
        return loopback.get(f"{address}/laporan", headers={"Authorization": f"Bearer {token}"} if token else {})

    caller.sends(siti.browser, resource=lines["SIAPKERJA_RESOURCE"])
    siti.signs_in()
    caller.receives(siti.browser)
    token = caller.tokens["access_token"]
    assert calls(token).json() == {"owner": caller.claims["sub"], "asked_by": "layanan-saya", "reports": ["Januari", "Februari"]}
    assert [calls().status_code, calls("x" * 40).status_code] == [401, 401]
    caller.sends(siti.browser)
    caller.receives(siti.browser)
    assert calls(caller.tokens["access_token"]).status_code == 401, "made out to nobody in particular"
    steps_up(caller, siti, f"{address}/laporan", token, lines["SIAPKERJA_RESOURCE"])
    siti.browser.open(caller.logout_url())
    assert calls(token).status_code == 401


def steps_up(caller: RelyingParty, siti: Any, url: str, token: str, resource: str) -> None:
    """RFC 9470: what is sent wants a second factor given lately; the challenge, taken to /authorize as it is, leads there."""
    refused = loopback.post(url, headers={"Authorization": f"Bearer {token}"})
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', refused.headers["WWW-Authenticate"]))
    assert (refused.status_code, challenge.pop("error")) == (401, "insufficient_user_authentication")
    assert challenge == {"acr_values": "urn:siapkerja:acr:mfa", "max_age": "300"}
    caller.sends(siti.browser, resource=resource, **challenge)
    siti.browser.press("/send")
    siti.types_the_code()
    caller.receives(siti.browser)
    surer = loopback.post(url, headers={"Authorization": f"Bearer {caller.tokens['access_token']}"})
    assert surer.json() == {"sent_for": caller.claims["sub"]}
