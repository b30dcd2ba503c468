"""The stores of the tests end with whoever started them, however that ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import processes
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
STARTS = """
import sys
from tests import stores
with getattr(stores, sys.argv[1])() as place:
    print(place.database_url, place.redis_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place():
    """A directory that PostgreSQL may look into too: as root we start it as somebody else."""
    made = Path(tempfile.mkdtemp(prefix="kill-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize(("stores", "servers"), [("little", ["redis-server"]), ("large", ["redis-server", "postgres"])])
def test_a_killed_run_leaves_no_server_behind(stores, servers, place):
    """H6: kill -9 leaves a process no moment to clean up."""
    command = [sys.executable, "-c", STARTS, stores]
    environment = os.environ | {"TMPDIR": str(place)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert "://" in run.stdout.readline()
        for server in servers:
            assert any(server in command for command in processes.running(naming=place))
        run.send_signal(signal.SIGKILL)
    wait_until(lambda: not processes.running(naming=place))


def test_a_store_of_two_outlives_the_first_that_is_killed(place):
    """H6: the embedded Redis is shared; it ends with its last user, and what it knew is there for the next."""
    command = [sys.executable, "-c", SHARES, str(place)]
    runs = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        assert {run.stdout.readline() for run in runs} == {"PONG\n"}
        runs[0].kill()
        runs[0].wait(10)
        runs[1].stdin.write("again\n")
        runs[1].stdin.flush()
        assert runs[1].stdout.readline() == "PONG\n"
    finally:
        for run in runs:
            run.kill()
            run.communicate()
    wait_until(lambda: not processes.running(naming=place))


SHARES = """
import sys
from pathlib import Path
import redis
from idp.storage.embedded_redis import embedded_redis
store = redis.Redis.from_url(embedded_redis(Path(sys.argv[1])))
while True:
    print("PONG" if store.ping() else "", flush=True)
    if not sys.stdin.readline():
        break
"""
