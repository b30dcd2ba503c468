"""Providers as processes of their own, over stores that they share: started, killed and started again by a test."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.cli.conftest import ROOT, Operator
from tests.waiting import wait_until


@dataclass
class Provider:
    """One `idp serve`; `settings` are those of its environment besides the operator's."""

    operator: Operator
    port: int
    settings: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Returns when it is ready."""
        environment = self.operator.environment(IDP_PORT=str(self.port), IDP_WORKERS="2", **self.settings)
        with Path(self.operator.var / f"{self.port}.log").open("ab") as log:
            command = [sys.executable, "-m", "idp", "serve"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, start_new_session=True)
        self.is_ready()

    def is_ready(self) -> None:
        """Returns when it takes requests and its stores take what is written."""
        wait_until(self._ready, 120)

    def stop(self) -> None:
        """Ends it as systemd does, and returns when it is gone."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            finally:
                self.process.kill()
                self.process = None

    def workers(self) -> list[int]:
        """The processes that serve: children of the one that was started."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children]

    def lose(self, *workers: int) -> None:
        """Kills workers of it as the kernel does when memory is short; returns when they are gone."""
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not set(workers) & set(self.workers()))

    def recovers(self) -> None:
        """Returns when it serves again. Whose workers die twice within seconds gives up; systemd starts it again, and so do we."""

        def serves() -> bool:
            if self.process is not None and self.process.poll() is not None:
                self.start()
            return self._ready()

        wait_until(serves, 240)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=30, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


@contextmanager
def providers(operator: Operator, *ports: int, **settings: str) -> Iterator[list[Provider]]:
    """As many as there are ports, over the same tables and the same Redis, all ended with the block."""
    operator.reads("db", "upgrade")
    made = [Provider(operator, port, settings) for port in ports]
    try:
        for one in made:
            one.start()
        yield made
    finally:
        for one in made:
            one.stop()
