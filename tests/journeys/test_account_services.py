"""Layanan Terhubung: what each service was given, and that disconnecting one ends all of it, and nothing else."""

import base64
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from tests.journeys.test_account import siti  # noqa: F401
from tests.simple_browser import SimpleBrowser
from tests.waiting import wait_until


@pytest.fixture
def outsider(house, service):
    """JKP as if it were not the ministry's own: people are asked; it may act while nobody is there."""
    changes = {
        "first_party": False,
        "grant_types": ("authorization_code", "refresh_token"),
        "scope": "openid profile email offline_access",
    }
    directory = house.app.extensions["idp.clients"]
    directory.known["jkp"] = directory.known["jkp"].model_copy(update=changes)
    jkp = service("jkp")
    jkp.scope = "openid profile email offline_access"
    return jkp


def connects(siti, party):  # noqa: F811
    party.sends(siti.browser)
    if siti.browser.url_of_service is None:
        siti.browser.submit(button=("decision", "allow"))
    party.receives(siti.browser)


def disconnects(siti, client_id):  # noqa: F811
    siti.browser.open("/account/services")
    return presses(siti.browser, client_id)


def presses(browser, client_id):
    form = next(form for form in browser.page.forms if form.action.endswith("/services/end"))
    return browser.submit(form=form, button=("client", client_id))


def test_each_service_is_listed_with_what_it_got_and_since_when(siti, outsider):  # noqa: F811
    connects(siti, outsider)
    text = siti.browser.open("/account/services").text
    jkp = text[text.index("Jaminan Kehilangan Pekerjaan") :]
    assert "Sejak 2 Maret 2026 pukul 12.01 WIB." in jkp
    assert "Anda izinkan melihat: Nama lengkap, Alamat Email" in jkp
    assert "Tetap terhubung walau Anda sudah keluar." in jkp
    assert "WLKP" in text
    assert "Akun SIAPkerja" not in text  # these pages themselves


def test_disconnecting_ends_tokens_and_consent_of_that_service_only(siti, outsider, service):  # noqa: F811
    """S21: whoever connects it again in the very second gets a code that is good."""
    wlkp = service("wlkp")
    connects(siti, wlkp)
    connects(siti, outsider)
    assert outsider.refresh().status_code == 200
    assert outsider.userinfo().status_code == wlkp.userinfo().status_code == 200
    disconnects(siti, "jkp")
    assert "Tetap terhubung" not in siti.page.text
    assert outsider.userinfo().status_code == 401
    assert outsider.refresh().status_code == 400
    assert wlkp.userinfo().status_code == 200
    outsider.sends(siti.browser)
    assert siti.page.form("decision")  # asked again
    connects(siti, outsider)
    assert outsider.userinfo().status_code == 200


def test_a_service_of_the_ministry_loses_its_access_token_too(siti, service, clock):  # noqa: F811
    wlkp = service("wlkp")
    connects(siti, wlkp)
    disconnects(siti, "wlkp")
    assert "WLKP" not in siti.page.text
    assert wlkp.userinfo().status_code == 401
    clock.shift(1)
    connects(siti, wlkp)
    assert wlkp.userinfo().status_code == 200


def test_a_code_on_its_way_is_worth_nothing_any_more(siti, service):  # noqa: F811
    wlkp = service("wlkp")
    wlkp.sends(siti.browser)
    code = wlkp.answered(siti.browser)["code"]
    disconnects(siti, "wlkp")
    assert wlkp.redeem(code).json()["error"] == "invalid_grant"


def test_nobody_else_is_disconnected(siti, service, person, house):  # noqa: F811
    budi, wlkp = person("Budi"), service("wlkp")
    wlkp.sends(budi.browser, prompt="create")
    budi.registers()
    wlkp.receives(budi.browser)
    disconnects(siti, "wlkp")
    assert wlkp.userinfo().status_code == 200


@contextmanager
def listening():
    """A service's back-channel address; what came there."""
    heard = []

    class Service(BaseHTTPRequestHandler):
        def do_POST(self):  # the name that http.server looks for
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard.append(json.loads(base64.urlsafe_b64decode(parse_qs(body)["logout_token"][0].split(".")[1] + "==")))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/logout", heard
        server.shutdown()
        thread.join()


def once(heard, number):
    """What was heard, once it is so many: notices go out behind the answers."""
    wait_until(lambda: len(heard) >= number)
    return [(token["sub"], token.get("sid")) for token in heard]


def test_the_service_is_told_of_each_session_or_of_the_person(siti, outsider, house, clock):  # noqa: F811
    with listening() as (address, heard):
        directory = house.app.extensions["idp.clients"]
        directory.known["jkp"] = directory.known["jkp"].model_copy(update={"backchannel_logout_uri": address})
        connects(siti, outsider)
        first = outsider.claims["sid"]
        disconnects(siti, "jkp")
        assert once(heard, 1) == [(siti.subject, first)]
        clock.shift(1)
        connects(siti, outsider)
        siti.browser.open("/account/sessions")
        siti.browser.press("/logout/confirm")
        assert once(heard, 2)[1] == (siti.subject, first)  # the session has ended, the refresh tokens live
        phone = SimpleBrowser(siti.browser.issuer)
        phone.open("/account/services")
        phone.submit(identifier=siti.nik, password=siti.password)
        presses(phone, "jkp")
        assert once(heard, 3)[2] == (siti.subject, None)
        assert outsider.refresh().status_code == 400
