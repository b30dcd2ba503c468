"""Layanan Terhubung: what each service was given, and what disconnecting one ends, for it and for nobody else."""

import pytest

SERVICES = "/account/services"


@pytest.fixture
def wlkp(service):
    return service("wlkp")


@pytest.fixture
def siti(person, wlkp, clock):
    """Registered at WLKP a minute ago."""
    siti = person("Siti")
    wlkp.sends(siti.browser, prompt="create")
    siti.registers()
    siti.at(wlkp)
    clock.shift(61)
    return siti


def form_of(person):
    return next(form for form in person.browser.open(SERVICES).forms if form.action.endswith("/services/end"))


def disconnects(person, client_id):
    return person.browser.submit(form=form_of(person), button=("client", client_id))


def works(service):
    return service.userinfo().status_code == 200


def test_a_service_is_listed_with_what_it_may_see_and_since_when(siti):
    page = siti.browser.open(SERVICES)
    assert page.heading == "Layanan Terhubung"
    assert "Sejak 2 Maret 2026 pukul" in page.text
    assert "Cabut akses" in page.text
    assert 'src="http://127.0.0.1:5001/static/wlkp.svg"' in page.source, "people know services by their logo"
    assert "siapkerja-account" not in page.source


def test_the_access_token_of_a_disconnected_service_is_dead(siti, wlkp):
    assert works(wlkp)
    page = disconnects(siti, "wlkp")
    assert "Belum ada layanan yang terhubung." in page.text
    assert wlkp.userinfo().status_code == 401


def test_nothing_is_disconnected_from_elsewhere_or_without_the_token_of_the_page(siti, wlkp):
    form = form_of(siti)
    url = siti.browser.issuer + SERVICES + "/end"
    foreign = siti.browser.prepare(form, button=("client", "wlkp"))
    foreign.headers["Origin"] = "https://evil.example"
    foreign.headers["Sec-Fetch-Site"] = "cross-site"
    assert siti.browser.clone().client.send(foreign).status_code >= 400
    assert siti.browser.clone().client.post(url, data={"client": "wlkp"}).status_code >= 400
    assert works(wlkp)


def test_nobody_disconnects_the_service_of_another_person(siti, wlkp, person, service):
    budi = person("Budi")
    jkp = service("jkp")
    jkp.sends(budi.browser, prompt="create")
    budi.registers()
    budi.at(jkp)
    disconnects(budi, "wlkp")
    assert 'value="jkp"' in budi.browser.open(SERVICES).source
    assert works(wlkp)
