"""`idp demo provider`: a provider for somebody's own service, started by one command."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import loopback
from tests.cli.conftest import ROOT, Operator
from tests.relying_party import RelyingParty
from tests.simple_browser import SimpleBrowser
from tests.stores import free_port
from tests.waiting import wait_until

CALLBACK = "http://localhost:8000/callback"


def test_a_developer_signs_in_to_their_own_service(tmp_path: Path) -> None:
    """Issue 10: issuer, client id and secret are printed; people of every kind sign in; nothing is left behind."""
    port = str(free_port())
    command = [sys.executable, "-m", "idp", "demo", "provider", "--port", port]
    misleading = {"IDP_ISSUER": "https://id.go.id", "TMPDIR": tempfile.mkdtemp(prefix="s", dir="/tmp")}
    process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | misleading | {"PYTHONPATH": str(ROOT)}, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip
    try:
        assert process.stdout is not None and process.stderr is not None
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, said + process.stderr.read()
            said += line
        wait_until(lambda: _serves(port), 240)
        _tries_it(said, port)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 0
    left = Path(misleading["TMPDIR"])
    wait_until(lambda: not list(left.iterdir()))
    left.rmdir()
    assert not list(tmp_path.iterdir())


def _serves(port: str) -> bool:
    try:
        return bool(loopback.get(f"http://localhost:{port}/healthz").is_success)
    except httpx.TransportError:
        return False


def _tries_it(said: str, port: str) -> None:
    told = dict(re.findall(r"^SIAPKERJA_(\w+)=(.*)$", said, re.MULTILINE))
    assert told["ISSUER"] == f"http://localhost:{port}"
    scope = "openid profile email nik roles"
    own = RelyingParty(told["ISSUER"], told["CLIENT_ID"], told["CLIENT_SECRET"], told["REDIRECT_URI"], scope)
    password = re.search(r"^Password of all: (\S+)$", said, re.MULTILINE)
    people = re.findall(r"^(\d{16})  0\d+  \S+  (.+)$", said, re.MULTILINE)
    assert password is not None and len(people) == 8

    def signs_in(nik: str) -> SimpleBrowser:
        browser = SimpleBrowser(own.issuer)
        own.sends(browser)
        browser.submit(identifier=nik, password=password[1])
        return browser

    def ends_with(nik: str, check: Callable[[SimpleBrowser], None]) -> None:
        browser = signs_in(nik)
        check(browser)
        browser.client.close()

    def is_told_everything(browser: SimpleBrowser) -> None:
        assert own.receives(browser)["acr"] == "urn:siapkerja:acr:penuh"
        told = own.userinfo().json()
        assert (told["nik"], told["roles"]) == (people[0][0], ["jobseeker"])

    def is_checked_by_data(browser: SimpleBrowser) -> None:
        assert own.receives(browser)["acr"] == "urn:siapkerja:acr:data"

    def is_refused(browser: SimpleBrowser) -> None:
        assert browser.url_of_service is None
        own.sends(browser, prompt="none")
        assert own.answered(browser)["error"] == "login_required"

    def gets_what_it_wishes_for(browser: SimpleBrowser) -> None:
        own.sends(browser, login_hint="simulasi:temporarily_unavailable")
        assert own.answered(browser)["error"] == "temporarily_unavailable"
        own.sends(browser, login_hint="simulasi:invalid_grant", prompt="none")
        assert own.redeem(own.answered(browser)["code"]).json()["error"] == "invalid_grant"
        own.sends(browser, login_hint="simulasi:nonsense", prompt="none")
        assert "code" in own.answered(browser)
        browser.open(own.url(login_hint="simulasi:access_denied", redirect_uri="https://evil.example/"))
        assert browser.url_of_service is None and browser.page.error == "invalid_request"

    ends_with(people[2][0], gets_what_it_wishes_for)
    ends_with(people[0][0], is_told_everything)
    ends_with(people[6][0], is_checked_by_data)
    ends_with(people[7][0], is_refused)


def test_the_provider_itself_grants_no_wishes(person: Callable[..., Any], service: Callable[..., Any]) -> None:
    """Issue 10: the switches are the simulator's alone."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, login_hint="simulasi:access_denied")
    assert siti.page.form("identifier", "password")


@pytest.mark.parametrize(
    ("asked", "words"),
    [(["--redirect-uri", "http://layanan.go.id/cb"], "use https://"), (["--redirect-uri", "javascript:x"], "redirect_uris")],
)
def test_an_address_that_no_entry_may_have_is_one_sentence(operator: Operator, asked: list[str], words: str) -> None:
    assert words in operator.errs("demo", "provider", *asked, "--var", str(operator.var / "kept"))
