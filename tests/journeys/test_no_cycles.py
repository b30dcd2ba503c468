"""The corridor from every state of an account, for every wish of a service: some page, or the service; never round and round.

`SimpleBrowser` fails after twelve redirects, so each visit here is a proof that the walk ended.
"""

import pytest

from idp import accounts
from idp.accounts import Account
from idp.core.values import Nik

NEW = "Rembulan!8terbit"
ESSENTIAL = '{"id_token":{"acr":{"essential":true,"value":"urn:siapkerja:acr:%s"}}}'
WISHES = [
    {},
    *({"prompt": prompt} for prompt in ("none", "login", "select_account", "create", "consent", "login consent")),
    *({"max_age": seconds} for seconds in ("0", "1", "1200")),
    *({"claims": ESSENTIAL % acr} for acr in ("mfa", "penuh", "data")),
    *({"acr_values": f"urn:siapkerja:acr:{acr}"} for acr in ("mfa", "penuh")),
    {"claims": ESSENTIAL % "mfa", "prompt": "login"},
    {"claims": ESSENTIAL % "mfa", "max_age": "0"},
]
ROOMS = (
    "login",
    "login/otp",
    "login/otp/sms",
    "login/otp/recovery-code",
    "login/passkey/offer",
    "register",
    "identity/number",
    "consent",
    "",
)


@pytest.fixture
def siti(person, service, clock):
    """Registered, and signed in anew with her password alone."""
    siti = person("Siti")
    service("wlkp").sends(siti.browser, prompt="create")
    siti.registers()
    siti.browser.forget_session()
    clock.shift(61)
    service("wlkp").sends(siti.browser)
    siti.signs_in()
    clock.shift(61)
    return siti


def changes_the_password(siti):
    siti.browser.open("/account/password")
    assert siti.browser.submit(old=siti.password, password=NEW).heading == "Password Anda sudah diubah"
    siti.password = NEW


@pytest.mark.parametrize("way", ["Tambah passkey", "Pasang aplikasi autentikator"])
def test_a_new_password_and_then_a_second_factor(siti, clock, way):
    """U1: the room of the second factor refused what the door took for a sign-in, and the browser went between them."""
    changes_the_password(siti)
    clock.shift(61)
    siti.browser.open("/account/methods")
    # Over http on an address there are no passkeys: the page itself is opened, as the link would.
    page = siti.browser.open("/account/methods/passkey" if "passkey" in way else siti.page.link(way))
    assert page.heading == "Verifikasi dua langkah"


def test_a_new_password_and_then_a_service_that_insists(siti, service, clock):
    """U1: the same, asked for by a service; the code by SMS leads into it."""
    changes_the_password(siti)
    wlkp = service("wlkp")
    assert wlkp.sends(siti.browser, claims=ESSENTIAL % "mfa").heading == "Verifikasi dua langkah"
    siti.browser.press("/send")
    siti.types_the_code()
    assert siti.at(wlkp)["amr"] == ["pwd", "sms", "mfa"]


def test_a_second_factor_is_not_renewed_by_a_new_password(siti, service, clock):
    """U1: whoever gave it long ago, and then the password alone, has not given it lately."""
    wlkp = service("wlkp")
    wlkp.sends(siti.browser, claims=ESSENTIAL % "mfa")
    siti.browser.press("/send")
    siti.types_the_code()
    before = siti.at(wlkp)["auth_time"]
    clock.shift(600)
    changes_the_password(siti)
    wlkp.sends(siti.browser)
    assert (siti.at(wlkp)["auth_time"], wlkp.claims["amr"]) == (before, ["pwd", "sms", "mfa"])


def test_an_event_that_no_longer_holds_leads_to_a_new_sign_in(siti, service, monkeypatch):
    """U1: a store that goes away between the new password and the renewed session leaves such an event behind."""
    monkeypatch.setattr("idp.account.access.single_sign_on.reissue", lambda session, generation, response: session)
    siti.browser.open("/account/password")
    assert siti.browser.submit(old=siti.password, password=NEW).heading == "Masuk"
    siti.password = NEW
    assert service("wlkp").sends(siti.browser, claims=ESSENTIAL % "mfa").heading == "Masuk"
    siti.signs_in()
    assert siti.page.heading == "Verifikasi dua langkah"


def nothing(siti, app):
    """Signed in with the password alone."""


def signed_out(siti, app):
    siti.browser.forget_session()


def with_a_new_password(siti, app):
    changes_the_password(siti)


def locked(siti, app):
    with app.app_context():
        accounts.lock(_account(siti), "tiket 4711")


def deleting(siti, app):
    siti.browser.open("/account/delete")
    siti.browser.submit(meant="y", form=next(form for form in siti.page.forms if form.id == "form-delete"))


def with_a_second_factor(siti, app):
    siti.browser.open("/account/methods/app")
    siti.browser.press("/send")
    siti.types_the_code()


def recovered(siti, app):
    siti.browser.forget_session()
    siti.browser.open("/account")
    siti.recovers("identity", phone="081298765432", email="siti.baru@surat.example")
    siti.browser.open("/account")
    siti.signs_in()


STATES = [nothing, signed_out, with_a_new_password, locked, deleting, with_a_second_factor, recovered]


def _account(siti) -> Account:
    return accounts.find_by_nik(Nik.parse(siti.nik))


@pytest.mark.parametrize("state", STATES)
def test_the_corridor_ends_from_every_state(siti, service, house, state):
    """U1: prompts and wishes times states; at each page that opens, the doors of all other rooms are tried too."""
    wlkp = service("wlkp")
    state(siti, house.app)
    for wish in WISHES:
        tab = siti.browser.clone()
        wlkp.sends(tab, **wish)
        if tab.url_of_service is None:
            assert tab.page.status < 500, wish
            corridor = tab.page.url.partition("/interaction/")[2].partition("/")[0]
            for room in ROOMS if corridor else ():
                again = tab.clone()
                again.open(f"/interaction/{corridor}/{room}".rstrip("/"))
                assert again.url_of_service or again.page.status in (200, 403, 404, 405, 410), (wish, room, again.page.status)
    for path in ("", "/password", "/methods/app", "/methods/passkey", "/methods/codes", "/contacts/phone", "/export", "/delete"):
        assert siti.browser.clone().open("/account" + path).heading, path
