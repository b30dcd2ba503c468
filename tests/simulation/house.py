"""The application under simulation: its stores put back to one beginning, requests in this thread, the clock of the seed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import time_machine
from flask import Flask
from sqlalchemy import insert, select, text

from idp import gateways, notices
from idp.audit import trail
from idp.core import crypto
from idp.limits.rate_limits import LIMITS
from idp.oidc.logout import back_channel
from idp.probation import answers
from idp.sessions import single_sign_on
from idp.storage.database import db
from tests.conftest import KEPT_TABLES, House, Outbox
from tests.relying_party import RelyingParty
from tests.simple_browser import Page, SimpleBrowser
from tests.simulation.failover import Copy, Redises
from tests.simulation.faults import LOST, ROLLED_BACK, Behind, Fault, Wire

BEGINNING = "2026-03-02T05:00:00Z"
# Histories are short and everybody has one address: what floods are refused by is another test's matter.
UNLIMITED = {
    name: 10**6
    for name, limit in LIMITS.items()
    if not limit.share and not limit.fixed and not name.startswith(("otp_wrong", "recovery_nik", "facts_nik"))
}
CLIENTS = Path(__file__).with_name("clients.yaml")
CHEAP = {"argon2_memory_kib": 8, "argon2_iterations": 1}


FAILURE = 500


class Failure(Exception):
    """The application says that something happened which nobody foresaw."""


class InThisThread(httpx.WSGITransport):
    """Requests without a socket; what goes on behind an answer is done when it is out, or dies with the process."""

    def __init__(self, app: Flask, behind: Behind) -> None:
        """To this application."""
        super().__init__(app=app)
        self.behind = behind

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer."""
        response = super().handle_request(request)
        response.read()
        if response.status_code == FAILURE:
            raise Failure(f"{request.method} {request.url.path} is answered with {FAILURE}")
        if self.behind.at_once is False:
            self.behind.run()
        return response


class Browser(SimpleBrowser):
    """A browser whose requests are answered in this thread."""

    def __init__(self, house: "SimulatedHouse") -> None:
        """New, without cookies."""
        self.house, self.issuer = house, house.issuer
        headers = {"Accept-Language": "id", "Accept": "text/html"}
        self.client = httpx.Client(transport=house.transport, headers=headers)
        self.url_of_service = self.last = None
        self.page = Page(house.issuer, 200, "")

    def copied(self) -> "Browser":
        """Another one that shows the same page, with a copy of the cookies of now."""
        other = Browser(self.house)
        other.client.cookies.update(self.client.cookies)
        other.page = self.page
        return other

    @property
    def session(self) -> str:
        """The cookie of the single sign-on session; empty when there is none."""
        return self.client.cookies.get("idp_session") or ""


class Service(RelyingParty):
    """A relying party whose calls are answered in this thread."""

    house: "SimulatedHouse"

    def post(self, path: str, **form: str) -> httpx.Response:
        """A call of the client's own."""
        return self.house.caller.post(self.issuer + path, data=form, auth=(self.client_id, self.secret))

    def told(self) -> dict[str, Any]:
        """What the ID token says; that it is signed well is another test's matter."""
        claims: dict[str, Any] = orjson.loads(crypto.unb64(self.tokens["id_token"].split(".")[1]))
        return claims

    def opens(self, token: str) -> bool:
        """Whether this access token still opens something."""
        bearer = {"Authorization": f"Bearer {token}"}
        return self.house.caller.get(f"{self.issuer}/userinfo", headers=bearer).status_code == 200

    def refreshes(self, token: str) -> httpx.Response:
        """Uses a refresh token."""
        return self.post("/token", grant_type="refresh_token", refresh_token=token)


class Sent(Outbox):
    """What the stand-in gateways sent; nothing is on its way when somebody looks."""

    def settles(self) -> None:
        """Nothing to wait for."""


class SimulatedHouse:
    """One application over real stores, for many histories one after the other."""

    def __init__(self, house: House, redises: Redises) -> None:
        """Over the SQL database of that house, with Redis servers of its own."""
        self.redises = redises
        self.app = house.build(redis_url=redises.url, limits=UNLIMITED, clients_file=CLIENTS, log_level="error")
        known = self.app.extensions["idp.settings"]
        self.app.extensions["idp.settings"] = known.model_copy(update=CHEAP)
        self.issuer = house.issuer
        self.clients = dict(self.app.extensions["idp.clients"].known)
        self.behind = Behind()
        self.transport = InThisThread(self.app, self.behind)
        self.sent = Sent(self.app)
        with self.app.app_context():
            self.wire = Wire(db.engine)
        self.offline = self.service("jkp")  # holds a refresh token of Siti's from the beginning
        self.tokens: dict[str, Any] = {}
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._keys: Copy = {}

    @contextmanager
    def history(self) -> Iterator[time_machine.Traveller]:
        """The stores as on the first morning, and the clock of that morning."""
        with time_machine.travel(BEGINNING, tick=False) as clock, self.wire.tapped():
            with self.wire.aside():
                self._begin()
            try:
                yield clock
            finally:
                self.wire.begin(None)
                self.starts_anew()

    @property
    def caller(self) -> httpx.Client:
        """Somebody who calls without any cookie."""
        return httpx.Client(transport=self.transport)

    def keep(self) -> None:
        """From now on histories begin with what the stores know now."""
        self._keys = self.redises.copy()
        with self.app.app_context(), db.engine.connect() as connection:
            for table in db.metadata.sorted_tables:
                self._rows[table.name] = [dict(row) for row in connection.execute(select(table)).mappings()]

    def _begin(self) -> None:
        self.starts_anew()
        self.redises.begin(self._keys)
        with self.app.app_context(), db.engine.begin() as connection:
            for table in reversed(db.metadata.sorted_tables):
                if table.name not in KEPT_TABLES:
                    connection.execute(text(f"DELETE FROM {table.name}"))
            for table in db.metadata.sorted_tables:
                if table.name not in KEPT_TABLES and self._rows.get(table.name):
                    connection.execute(insert(table), self._rows[table.name])

    def starts_anew(self) -> None:
        """A process begins: it remembers nothing, and nobody does what the former one had begun."""
        self.behind.waiting.clear()
        self.behind.at_once = False
        self.app.extensions["idp.core.background"] = self.behind
        self.app.extensions["idp.clients"].known = dict(self.clients)
        self.app.extensions["idp.storage.redis_store"].close()
        gateways.init_app(self.app)

    def close(self) -> None:
        """Lets go of the stores."""
        self.app.extensions["idp.storage.redis_store"].close()
        with self.app.app_context():
            db.engine.dispose()

    def service(self, client_id: str) -> Service:
        """A relying party of the demo."""
        found = Service.of_demo(self.issuer, client_id)
        found.house = self
        if client_id == "jkp":
            found.scope = "openid profile email offline_access"
        return found

    @contextmanager
    def inside(self) -> Iterator[None]:
        """As a command or a chore: in the application, with everything that it begins done at the end."""
        with self.app.app_context():
            self.behind.at_once = True
            try:
                yield
            finally:
                self.behind.at_once = False

    def does_chores(self) -> None:
        """What a serving process does on the side."""
        with self.inside():
            for chore in (
                trail.drain_all,
                back_channel.deliver_due,
                notices.deliver_due,
                single_sign_on.deliver_due,
                answers.record_expired,
            ):
                chore()

    def struck_by(self, fault: Fault | None) -> None:
        """Prepares what a fault of this deed needs: what Redis knew when the deed began."""
        if fault is None or fault.kind not in (ROLLED_BACK, LOST):
            return
        with self.wire.aside():
            self._known = self.redises.copy() if fault.kind == ROLLED_BACK else {}

    def fails_over(self) -> None:
        """Another Redis takes over."""
        with self.wire.aside():
            self.redises.fail_over(self._known)
