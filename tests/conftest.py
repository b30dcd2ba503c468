"""What every test stands on: the application over real stores, a live server, the clock, the outbox, closed sockets."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
import time_machine
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import delete, event, insert, select, text
from sqlalchemy.pool import Pool
from werkzeug.serving import WSGIRequestHandler, make_server

from idp import create_app, gateways
from idp.cli.database import upgrade_tables
from idp.core.settings import Settings
from idp.gateways import outbox as kept
from idp.oidc.tokens.signing_keys import SIGNING_KEYS, key_ring
from idp.storage.database import db
from scripts import tour
from tests import stores
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.tripwire import Tripwire
from tests.waiting import settle

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# On a machine that does everything twenty times as slowly the stores are slow too, and not down.
PATIENCE, PATIENCE_SECONDS = "?socket_timeout=60&socket_connect_timeout=60", 60
# A tenth of the suite's time would be spent on hashing: the work of a real one is set where a test is about it.
CHEAP_HASHES = {"argon2_memory_kib": 64, "argon2_iterations": 1}
KEPT_TABLES = {"signing_keys", "alembic_version"}  # making RSA keys for each test would take most of the time


pytest_plugins = ["tests.choosing"]

# Connections to PostgreSQL, until the end of this process: one that is collected while it is open warns in whichever test
# runs at that moment, which has nothing to do with it.
CONNECTED: list[psycopg.Connection[Any]] = []


@event.listens_for(Pool, "connect")
def keep(connection: Any, _: Any) -> None:
    """Keeps the connection, unless it is to SQLite."""
    if isinstance(connection, psycopg.Connection):
        CONNECTED.append(connection)


class CompiledTemplates(BytecodeCache):
    """Pages compiled by one application of this process, for the next."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fills the bucket, if the page was compiled before."""
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps the page."""
        self.kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = CompiledTemplates()  # compiling the pages anew for each application would cost more than most tests


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Journeys, and whatever is marked `every_store`, run on both combinations of stores; the rest on the little one."""
    if "combination" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("every_store") or "journeys" in str(metafunc.definition.path)
        metafunc.parametrize("combination", [stores.LITTLE, stores.LARGE] if both else [stores.LITTLE], scope="session")


def pytest_configure(config: pytest.Config) -> None:
    """Registers our markers."""
    config.addinivalue_line("markers", "every_store: runs on SQLite with embedded Redis and on PostgreSQL with redis-server")
    config.addinivalue_line("markers", "late: what the gateway calls answers too late; it waits briefly")


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[list[Any]]:
    """Nothing of a test ever leaves this machine; the addresses elsewhere that somebody tried."""
    tried: list[Any] = []

    def guarded(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
        def only_here(self: socket.socket, address: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
                tried.append(address)
                raise OSError(f"tests talk to loopback only, not to {address[0]}")
            return connect(self, address)

        return only_here

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        yield tried


class House:
    """One application over one combination of stores, served on a loopback port of its own."""

    def __init__(self, place: stores.Stores, host: str = "127.0.0.1") -> None:
        self.stores, self.port = place, stores.free_port()
        self.issuer = f"http://{host}:{self.port}"
        self.others: list[Flask] = []
        self.app = self.build()
        with self.app.app_context():
            upgrade_tables()
            self.keys = self._signing_keys()
        self.clients = dict(self.app.extensions["idp.clients"].known)
        self.server = make_server("127.0.0.1", self.port, self.app, threaded=True, request_handler=Quiet)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def build(self, **changes: Any) -> Flask:
        """An application over these stores; settings can be changed."""
        settings: dict[str, Any] = {
            "environment": "test",
            "issuer": self.issuer,
            "var": self.stores.var,
            "database_url": self.stores.database_url,
            "redis_url": self.stores.redis_url + PATIENCE,
            "clients_file": ROOT / "clients.yaml",
            "secrets_file": self.stores.var / "secrets.json",
            # Pauses that hide who has an account, some in each journey: the tests that are about them ask for them.
            "constant_time_ms": 0,
        }
        app = create_app(Settings(**settings | changes).model_copy(update=CHEAP_HASHES))
        app.config["PROPAGATE_UNFORESEEN"] = True
        app.jinja_env.bytecode_cache = COMPILED
        with app.app_context():
            db.engine.pool._timeout = PATIENCE_SECONDS  # more threads race in a test than ever serve
        self.others.append(app)
        return app

    def clean(self) -> None:
        """As on the first day: empty stores, gateways that have seen nothing, the clients of the file."""
        settle(self.app)  # what the last test began behind its answers ends before the stores are emptied
        self._release_others()
        self.app.extensions["idp.storage.redis_store"].redis.flushall()
        with self.app.app_context(), db.engine.begin() as connection:
            for table in reversed(db.metadata.sorted_tables):
                if table.name not in KEPT_TABLES:
                    connection.execute(text(f"DELETE FROM {table.name}"))
        self._restore_keys()
        gateways.init_app(self.app)
        self.app.extensions.pop("idp.limits", None)
        self.app.extensions["idp.clients"].known = dict(self.clients)

    def _release_others(self) -> None:
        """Closes the database connections of further applications: one that is only forgotten warns in any later test."""
        while self.others:
            with self.others.pop().app_context():
                db.engine.dispose()

    def _signing_keys(self) -> list[dict[str, Any]]:
        key_ring().current()
        with db.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(SIGNING_KEYS).order_by(SIGNING_KEYS.c.kid)).mappings()]

    def _restore_keys(self) -> None:
        """The first keys, which have signed from the beginning of time: one rotated under a moved clock signs much later."""
        with self.app.app_context():
            if self._signing_keys() == self.keys:
                return
            with db.engine.begin() as connection:
                connection.execute(delete(SIGNING_KEYS))
                connection.execute(insert(SIGNING_KEYS), self.keys)
            key_ring().read()

    def close(self) -> None:
        """Stops serving."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.others.append(self.app)
        self._release_others()


class Quiet(WSGIRequestHandler):
    """Keeps connections open as a real server does, and writes no log."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="session")
def houses() -> Iterator[Callable[..., House]]:
    """Houses by combination of stores, and by host: built when first asked for, two hosts over the same stores."""
    with ExitStack() as open_stores:
        places: dict[str, stores.Stores] = {}
        built: dict[tuple[str, str], House] = {}

        def house(name: str, host: str = "127.0.0.1") -> House:
            if name not in places:
                places[name] = open_stores.enter_context(stores.little() if name == stores.LITTLE else stores.large())
            if (name, host) not in built:
                built[name, host] = House(places[name], host)
                open_stores.callback(built[name, host].close)
            return built[name, host]

        yield house


@pytest.fixture
def house(houses: Callable[..., House], combination: str) -> House:
    """A clean house."""
    found = houses(combination)
    found.clean()
    return found


@pytest.fixture
def home(houses: Callable[..., House], house: House) -> House:
    """The same clean stores behind an issuer that is a name: browsers create no passkeys for an address."""
    found = houses(house.stores.name, "localhost")
    found.clean()
    return found


@pytest.fixture
def app(house: House) -> Flask:
    """The application, on clean stores."""
    return house.app


@pytest.fixture
def here(app: Flask) -> Iterator[Flask]:
    """The application with its context pushed; a test may exchange its settings, store or keys, and it is whole again."""
    known = dict(app.extensions)
    with app.app_context():
        yield app
    settle(app)
    app.extensions.clear()
    app.extensions.update(known)


@pytest.fixture
def make_app(house: House) -> Callable[..., Flask]:
    """Further applications on the same stores, with other settings."""
    return house.build


@pytest.fixture
def issuer(house: House) -> str:
    """Where the application is served over real HTTP."""
    return house.issuer


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still until a test moves it; the served application sees the same one."""
    with time_machine.travel("2026-03-02T05:00:00Z", tick=False) as moved:
        yield moved


class Outbox:
    """What the stand-in gateways would have sent."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def settles(self) -> None:
        """Waits for what is on its way behind an answer."""
        behind = self.app.extensions.get("idp.core.background")
        if behind is not None and not behind._shutdown:  # one that a test has shut stays, as after a crash
            settle(self.app)

    def to(self, recipient: str) -> list[kept.Message]:
        """Messages to a number (E.164) or address, oldest first; what is on its way behind an answer is waited for."""
        self.settles()
        with self.app.app_context():
            return kept.messages(recipient)

    def code(self, recipient: str) -> str:
        """The newest one-time code sent there."""
        found = [re.search(r"\b(\d{6})\b", message.text) for message in self.to(recipient)]
        return [match[1] for match in found if match][-1]


@pytest.fixture
def outbox(app: Flask) -> Outbox:
    """The outbox."""
    return Outbox(app)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all; each test opens contexts of its own, which share nothing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tour.chromium(), args=CHROMIUM_FLAGS, timeout=120_000)
        yield browser
        browser.close()


@pytest.fixture
def service(house: House) -> Callable[..., RelyingParty]:
    """Relying parties of the demo, speaking real HTTP: `service("jkp")`."""

    def made(client_id: str = "wlkp") -> RelyingParty:
        return RelyingParty.of_demo(house.issuer, client_id)

    return made


@pytest.fixture
def tripwire(house: House, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Tripwire]:
    """Fails the test when a fact that it was told shows up in a log line, a Redis value or a row of the tables."""
    wire = Tripwire()
    yield wire
    captured = capfd.readouterr()
    wire.search("a log line", caplog.text + captured.out + captured.err)
    wire.search_store(house.app.extensions["idp.storage.redis_store"].redis)
    with house.app.app_context():
        wire.search_tables(db.engine, db.metadata)


@pytest.fixture
def person(house: House, outbox: Outbox, request: pytest.FixtureRequest) -> Callable[..., Person]:
    """People with a browser each: `person("Siti")`; in journeys the tripwire knows all of their facts."""
    wire: Tripwire | None = request.getfixturevalue("tripwire") if "journeys" in str(request.path) else None

    def made(name: str = "Siti") -> Person:
        somebody = Person.named(name, house.issuer, outbox)
        if wire is not None:
            wire.watch(somebody.facts)
            somebody.before_the_code = lambda: wire.search_store(house.app.extensions["idp.storage.redis_store"].redis)
        return somebody

    return made
