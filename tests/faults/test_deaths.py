"""Kill -9 of workers at the steps of whole journeys: nothing that a person has done is lost, done twice, or locks them out."""

import sqlite3
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest

from idp import create_app
from idp.core.settings import Settings
from idp.storage.database import db
from tests.cli.conftest import ROOT, Operator, equipped, operators_redis  # noqa: F401 (fixtures)
from tests.conftest import Outbox
from tests.faults.providers import Provider, providers
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.simple_browser import SimpleBrowser
from tests.stores import free_port
from tests.waiting import wait_until

NEW = {"phone": "081398765432", "email": "baru@surat.example"}


class FarOutbox(Outbox):
    """What workers of other processes have sent: it is waited for, since nobody here knows when they are done."""

    def code(self, recipient: str) -> str:
        """The newest one-time code sent there."""

        def found() -> str | None:
            try:
                return super(FarOutbox, self).code(recipient)
            except IndexError:
                return None

        return wait_until(found)


@pytest.fixture
def provider(equipped: Operator) -> Iterator[Provider]:  # noqa: F811
    """One provider of two workers, which their parent starts again when they die."""
    port = free_port()
    known = {"IDP_ISSUER": f"http://127.0.0.1:{port}", "IDP_CLIENTS_FILE": str(ROOT / "clients.yaml"), "IDP_LOG_LEVEL": "error"}
    with providers(equipped, port, **known) as (one,):
        yield one


@pytest.fixture
def outbox(provider: Provider) -> Iterator[Outbox]:
    """What its stand-ins have sent, read from the stores that it uses."""
    known = {name[4:].lower(): value for name, value in provider.operator.environment(**provider.settings).items()
             if name.startswith("IDP_")}  # fmt: skip
    app = create_app(Settings(**known))  # type: ignore[arg-type]
    yield FarOutbox(app)
    with app.app_context():
        db.engine.dispose()


def deadly(browser: SimpleBrowser, provider: Provider, seed: int) -> list[int]:
    """From now on a worker dies before some of the browser's requests, by the seed; how many have."""
    chance, killed = Random(seed), []

    def kill(_: httpx.Request) -> None:
        workers = provider.workers()
        if workers and chance.random() < 0.4:
            provider.lose(chance.choice(workers))
            provider.recovers()  # where it was the last one that listened: a proxy would show its page for these seconds
            killed.append(1)

    # A connection of its own for each request: those to the dead are no news, and browsers open new ones as well.
    browser.client.headers["Connection"] = "close"
    browser.client.event_hooks = {"request": [kill]}
    return killed


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(2))
def test_journeys_go_on_though_workers_die_at_their_steps(provider: Provider, outbox: Outbox, seed: int) -> None:
    """O2 and the table of faults: registration, sign-in, recovery by identity, each with deaths at steps drawn by the seed."""
    issuer = provider.settings["IDP_ISSUER"]
    siti = Person.named("Siti", issuer, outbox)
    service: Any = RelyingParty.of_demo(issuer, "wlkp")
    killed = deadly(siti.browser, provider, seed)
    service.sends(siti.browser, prompt="create")
    siti.registers()
    subject = siti.at(service)["sub"]
    siti.browser = SimpleBrowser(issuer)
    killed += deadly(siti.browser, provider, seed + 100)
    service.sends(siti.browser)
    siti.signs_in()
    assert siti.at(service)["sub"] == subject
    siti.browser = SimpleBrowser(issuer)
    killed += deadly(siti.browser, provider, seed + 200)
    service.sends(siti.browser)
    siti.recovers("identity", **NEW)
    assert siti.page.status == 200
    assert killed, "somebody died"
    provider.is_ready()
    with sqlite3.connect(provider.operator.var / "idp.db") as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (1,)
        ((state,),) = connection.execute("SELECT state FROM recoveries").fetchall()
    assert state in ("waiting", "provisional"), "completed once, and no limit of 30 days was spent on nothing"
    provider.stop()
    assert "as they were written" in provider.operator.reads("audit", "verify")
