"""O12: two providers behind real nginx are restarted one after the other, while people and services go on: no request fails."""

import os
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import Operator, equipped, operators_redis  # noqa: F401 (fixtures)
from tests.deploy import nginx
from tests.deploy.nginx import NAME, Nginx
from tests.faults.providers import providers
from tests.stores import free_port
from tests.waiting import wait_until

REQUESTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("GET", "/.well-known/openid-configuration", {}),
    ("GET", "/", {}),
    ("POST", "/token", {"data": {"grant_type": "authorization_code", "code": "x", "client_id": "nobody"}}),
)
EXPECTED = {200, 401}


class Load:
    """People and programs who ask one thing after the other, each on a connection of its own, until they are told to stop."""

    def __init__(self, front: Nginx) -> None:
        self.front, self.answers, self.failures = front, Counter[int](), list[str]()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._go_on, args=request, daemon=True) for request in REQUESTS]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def goes_on(self) -> None:
        """Returns when thirty more were answered."""
        before = self.answers.total()
        wait_until(lambda: self.failures or self.answers.total() >= before + 30)

    def _go_on(self, method: str, path: str, what: dict[str, Any]) -> None:
        while not self._stop.is_set():
            try:
                status = self.front.send(method, path, **what).status_code
            except httpx.HTTPError as broken:
                self.failures.append(f"{method} {path}: {type(broken).__name__}")
                continue
            self.answers[status] += 1


class Upstreams:
    """The two servers in nginx's file, of which one can be taken out: what the guide says to do before a restart."""

    def __init__(self, front: Nginx, ports: list[int]) -> None:
        self.front, self.ports = front, ports
        self.file = front.home / "siapkerja-id.conf"
        self.master = int((front.home / "pid").read_text())

    def take_out(self, out: int | None) -> None:
        """Reloads nginx; returns when no worker of before is left, and so no request of theirs."""
        text = self.file.read_text()
        for port in self.ports:
            plain, down = f"server 127.0.0.1:{port};", f"server 127.0.0.1:{port} down;"
            text = text.replace(down, plain).replace(plain, down if port == out else plain)
        self.file.write_text(text)
        before = self._workers()
        os.kill(self.master, signal.SIGHUP)
        wait_until(lambda: not before & self._workers())

    def _workers(self) -> set[str]:
        return set(Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split())


@pytest.mark.faults
def test_no_request_fails_while_providers_are_restarted_one_by_one(equipped: Operator, tmp_path: Path) -> None:  # noqa: F811
    """O12: restarts within ten seconds were answered with 502. Half of the load is POST, which nobody may send again."""
    ports = [free_port(), free_port()]
    known = {"IDP_ISSUER": f"https://{NAME}", "IDP_ENVIRONMENT": "development", "IDP_TRUSTED_PROXIES": "127.0.0.1"}
    both = {f"server 127.0.0.1:{ports[0]};": "\n    ".join(f"server 127.0.0.1:{port};" for port in ports)}
    with (
        providers(equipped, *ports, IDP_LOG_LEVEL="error", **known) as (first, second),
        nginx.running(tmp_path / "nginx", ports[0], changes=both) as front,
        Load(front) as load,
    ):
        upstreams = Upstreams(front, ports)
        for one in (first, second):
            upstreams.take_out(one.port)
            load.goes_on()
            one.stop()
            load.goes_on()
            one.start()
            upstreams.take_out(None)
            load.goes_on()
    assert load.failures == []
    assert set(load.answers) <= EXPECTED, load.answers
    assert len(load.answers) == len(EXPECTED)
