"""The commands against running stores, and `idp serve` as a process."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from tests import processes
from tests.cli.conftest import ROOT, Operator
from tests.stores import free_port
from tests.waiting import wait_until

Server = Callable[..., tuple["subprocess.Popen[str]", str]]


def tables(operator: Operator) -> set[str]:
    with sqlite3.connect(operator.var / "idp.db") as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def fetched(url: str) -> tuple[int, str]:
    def asked() -> tuple[int, str] | None:
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                return int(response.status), response.read().decode()
        except urllib.error.HTTPError as answered:
            with answered:
                return answered.code, answered.read().decode()
        except urllib.error.URLError as away:
            if not isinstance(away.reason, ConnectionRefusedError):
                raise
            return None

    return wait_until(asked, 120)


@pytest.fixture
def server(equipped: Operator) -> Iterator[Server]:
    started: list[subprocess.Popen[str]] = []

    def start(**changes: str) -> tuple[subprocess.Popen[str], str]:
        port = str(free_port())
        issuer = f"http://127.0.0.1:{port}"
        known = {"IDP_PORT": port, "IDP_WORKERS": "2", "IDP_ISSUER": issuer} | changes
        command = [sys.executable, "-m", "idp", "serve", "--migrate"]
        environment = equipped.environment(**known)
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        assert process.stderr is not None
        assert any(f"listens on {issuer}" in line for line in process.stderr)
        return process, issuer

    yield start
    for process in started:
        process.terminate()  # not kill: it would leave the workers behind
        process.communicate(timeout=60)


def test_tables_go_up_and_down_and_up(equipped: Operator) -> None:
    equipped.reads("db", "upgrade")
    assert "audit_events" in tables(equipped)
    equipped.reads("db", "downgrade", "base")
    assert tables(equipped) <= {"alembic_version"}
    equipped.reads("db", "upgrade")
    assert "audit_events" in tables(equipped)
    assert "All well" in equipped.reads("config", "check", "--connect")


def test_a_broken_trail_is_found(equipped: Operator) -> None:
    equipped.reads("db", "upgrade")
    for again in ("6 created", "0 created"):
        assert again in equipped.reads("demo", "seed")
    assert re.search(r"All [1-9]\d* events", equipped.reads("audit", "verify"))
    with sqlite3.connect(equipped.var / "idp.db") as connection:
        connection.execute("UPDATE audit_events SET event = 'sign_out' WHERE position = 1")
    assert "position 1" in equipped.errs("audit", "verify")


def test_the_trail_of_a_backup_is_accepted_with_a_reason(equipped: Operator) -> None:
    """Who restores a backup has a shorter trail than the store remembers: an officer says so, and the trail verifies again."""
    equipped.reads("db", "upgrade")
    equipped.reads("demo", "seed")
    with sqlite3.connect(equipped.var / "idp.db") as connection:
        connection.execute("DELETE FROM audit_events WHERE position > 3")
    assert "rows at the end were removed" in equipped.errs("audit", "verify")
    assert "--reason" in equipped.errs("audit", "accept-restored")
    said = equipped.reads("audit", "accept-restored", "--reason", "tiket 4711")
    assert re.search(r"ends at 3; [1-9]\d* events after it are lost", said)
    assert "All 4 events" in equipped.reads("audit", "verify")
    with sqlite3.connect(equipped.var / "idp.db") as connection:
        ((event, facts),) = connection.execute("SELECT event, facts FROM audit_events WHERE position = 4")
        assert event == "audit_head_accepted"
        assert ": tiket 4711" in facts
        connection.execute("UPDATE audit_events SET event = 'sign_out' WHERE position = 1")
    assert "Restore another backup" in equipped.errs("audit", "accept-restored", "--reason", "tiket 4711")


def test_a_reference_is_explained(equipped: Operator, server: Server) -> None:
    _, issuer = server()
    status, page = fetched(f"{issuer}/no/such/page")
    reference = re.search(r"\b\d{10}\b", page)
    assert status == 404
    assert reference
    said = equipped.reads("explain", reference[0])
    assert "page 404" in said
    assert "WIB" in said
    assert "Nothing is known" in equipped.errs("explain", "no-such-reference")


def test_serve_migrates_answers_and_stops_in_peace(equipped: Operator, server: Server) -> None:
    process, issuer = server()
    assert fetched(f"{issuer}/.well-known/openid-configuration")[0] == 200
    assert "audit_events" in tables(equipped)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Stopped." in said
    assert "Traceback" not in said


def test_probes_have_a_port_of_their_own_that_ends_with_the_provider(server: Server) -> None:
    """O4: health, readiness and numbers in a process of their own, not behind the requests that keep the workers busy."""
    port = str(free_port())
    process, issuer = server(IDP_MANAGEMENT_PORT=port)
    probes = f"http://127.0.0.1:{port}"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert wait_until(lambda path=path: fetched(probes + path)[0] == 200)
        assert fetched(issuer + path)[0] == 404
    assert fetched(f"{probes}/")[0] == 404
    process.kill()
    process.wait(60)
    assert wait_until(lambda: _refuses(int(port)))


def test_the_management_port_is_opened_on_the_address_that_is_named(equipped: Operator) -> None:
    elsewhere = {"IDP_MANAGEMENT_PORT": str(free_port()), "IDP_MANAGEMENT_BIND": "203.0.113.7"}
    assert "IDP_MANAGEMENT_BIND=203.0.113.7" in equipped.errs("serve", **elsewhere)


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_every_worker_ends_in_peace_when_the_whole_group_is_told(ending: signal.Signals, server: Server) -> None:
    """O13: Ctrl-C at a terminal reaches the workers and their parent, which tells them again within microseconds."""
    process, issuer = server(IDP_LOG_LEVEL="warning")
    assert fetched(f"{issuer}/readyz")[0] == 200
    os.killpg(process.pid, ending)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Stopped." in said
    assert "refused to gracefully stop" not in said, "a worker hung, and granian killed it"
    assert "Traceback" not in said
    assert not processes.running(group=process.pid)


def test_workers_do_not_outlive_a_parent_that_is_killed(equipped: Operator, server: Server) -> None:
    """O13, H6: left alone they would start the embedded store again whenever somebody stops it."""
    process, issuer = server(IDP_REDIS_URL="embedded:")
    assert fetched(f"{issuer}/readyz")[0] == 200
    assert processes.running(naming=equipped.var), "the embedded store runs"
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not processes.running(group=process.pid, naming=equipped.var))


def test_serve_names_a_taken_port(equipped: Operator) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "IDP_PORT" in equipped.errs("serve", "--migrate", IDP_PORT=str(taken.getsockname()[1]))


def test_serve_starts_and_stops_the_embedded_store(equipped: Operator, server: Server) -> None:
    process, issuer = server(IDP_REDIS_URL="embedded:")
    assert fetched(f"{issuer}/.well-known/openid-configuration")[0] == 200
    assert (equipped.var / "redis" / "redis.sock").exists()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not (equipped.var / "redis" / "redis.sock").exists()


def test_an_embedded_store_that_dies_is_started_again_with_what_it_knew(server: Server, equipped: Operator) -> None:
    import redis

    _, issuer = server(IDP_REDIS_URL="embedded:")
    path = str(equipped.var / "redis" / "redis.sock")
    with redis.Redis(unix_socket_path=path) as store:
        store.set("known", "before")
        store.shutdown(save=False)
    wait_until(lambda: fetched(f"{issuer}/readyz")[0] == 200)
    with redis.Redis(unix_socket_path=path) as store:
        assert store.get("known") == b"before"
        assert store.info("server")["process_id"] == int((equipped.var / "redis" / "redis.pid").read_text())
