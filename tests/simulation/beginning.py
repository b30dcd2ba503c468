"""How every history begins: Siti and Budi have an account, and a browser each that it knows."""

from tests.person import Person
from tests.simulation.house import Browser, SimulatedHouse


def settle_people(house: SimulatedHouse) -> None:
    """Registers both, proves their addresses, and keeps the stores as the beginning of every history."""
    with house.history():
        for name in ("Siti", "Budi"):
            person = Person.named(name, house.issuer, house.sent)
            browser = person.browser = Browser(house)
            house.service("wlkp").sends(browser, prompt="create")
            person.registers()
            browser.open("/account/contacts/email")
            browser.submit(email=person.email)
            person.types_the_code(person.email)
            assert "Belum diverifikasi" not in browser.open("/account/contacts").text
            if name == "Siti":
                _goes_offline(house, browser)
        house.does_chores()
        house.keep()


def _goes_offline(house: SimulatedHouse, browser: Browser) -> None:
    """A service that Siti has consented to may go on while she is not there."""
    house.offline = house.service("jkp")
    house.offline.sends(browser, prompt="consent")
    browser.submit(button=("decision", "allow"))
    assert house.offline.redeem(house.offline.answered(browser)["code"]).status_code == 200
    assert "offline_access" in house.offline.tokens["scope"]
    house.tokens = dict(house.offline.tokens)
