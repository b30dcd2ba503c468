"""O4, O5: a store that hangs costs one wait; whoever needs it is told at once, whoever does not goes on."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from idp.storage import redis_store
from idp.storage.database import db
from idp.storage.silence import PAUSE, Silence
from tests.conftest import House
from tests.faults import line
from tests.faults.line import Line
from tests.gateways.servers import Watch
from tests.stores import LARGE
from tests.waiting import wait_until


@pytest.fixture(params=["redis", "postgresql"])
def behind(request: pytest.FixtureRequest, houses: Callable[[str], House]) -> Iterator[tuple[Flask, Line]]:
    """A provider that reaches one of its stores over a line that a test can let hang."""
    house = houses(LARGE)
    house.clean()
    name, server = f"{request.param}_url".replace("postgresql", "database"), getattr(line, f"to_{request.param}")
    with server(getattr(house.stores, name)) as (between, url):
        app = house.build(**{name: url})
        yield app, between
        with app.app_context():
            db.engine.dispose()
            redis_store.store().close()


def ready(app: Flask) -> bool:
    return app.test_client().get("/readyz").status_code == 200


def test_a_store_that_hangs_is_an_outage_and_comes_back(behind: tuple[Flask, Line]) -> None:
    """O4, O5: not a thread that waits for ever: 503 now, 200 once it answers, on connections that were not left half used."""
    app, store = behind
    wait_until(lambda: ready(app))
    assert app.test_client().get("/jwks.json").status_code == 200, "the keys were read once"
    store.hangs()
    assert not ready(app)
    assert not ready(app)
    assert app.test_client().get("/healthz").status_code == 200
    assert app.test_client().get("/jwks.json").status_code == 200
    store.is_whole()
    wait_until(lambda: ready(app))
    assert ready(app)


def test_a_store_whose_line_is_cut_comes_back(behind: tuple[Flask, Line]) -> None:
    app, store = behind
    wait_until(lambda: ready(app))
    store.is_cut()
    assert not ready(app)
    store.is_whole()
    wait_until(lambda: ready(app))


def test_one_waits_in_vain_and_the_others_are_turned_away() -> None:
    """O5: requests took as long as all their steps together, until no thread was left."""
    watch = Watch()
    silence = Silence(lambda: watch.now)
    assert not silence.turns_away()
    silence.begins()
    assert silence.turns_away()
    watch.now += PAUSE
    assert not silence.turns_away(), "one tries"
    assert silence.turns_away(), "and while it waits nobody else"
    silence.ends()
    assert not silence.turns_away()
