"""A client's slow server holds up few: the threads that serve people are never all waiting for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from idp.oidc.clients import fetch
from idp.oidc.clients.fetch import FetchRefused
from tests.gateways.servers import Call, Reply, scripted


def test_more_than_a_few_fetches_are_turned_away_at_once(here: Flask) -> None:
    """S27: thousands of requests that name one dripping request_uri took every thread."""
    entered = threading.Semaphore(0)

    def slow(_: Call) -> Reply:
        entered.release()
        server.silence(20)
        return 200, b"{}"

    def one(_: int) -> str:
        with here.app_context():
            return str(fetch.fetch(f"http://127.0.0.1:{server.port}/jwks").status)

    with scripted(slow) as server, ThreadPoolExecutor(fetch.MAX_AT_ONCE) as waiting:
        served = [waiting.submit(one, number) for number in range(fetch.MAX_AT_ONCE)]
        for _ in range(fetch.MAX_AT_ONCE):
            assert entered.acquire(timeout=20)
        with pytest.raises(FetchRefused, match="too often"):
            fetch.fetch(f"http://127.0.0.1:{server.port}/jwks")
        server.over.set()
        assert {future.result(20) for future in served} == {"200"}
        assert fetch.fetch(f"http://127.0.0.1:{server.port}/jwks").status == 200
