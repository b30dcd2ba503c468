"""`idp serve`: the provider on granian, one worker per core, each with its own chores."""

import gc
import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

import click

from idp.cli import OperatorError, application, management
from idp.core.settings import Settings, environment_notices, load_settings
from idp.storage.embedded_redis import stop_embedded_redis
from idp.web import logs, metrics

if TYPE_CHECKING:
    from flask import Flask

BLOCKING_THREADS = 16  # a sign-in keeps one waiting while its password is hashed, see accounts.passwords.IN_LINE
# For requests in flight when the provider ends. Granian forgets a connection that it accepts in the very moment of the
# signal, and then waits for it all this time: whoever tries things out at a terminal must not wait that long.
GRACE_SECONDS = 15
GRACE_SECONDS_IN_DEVELOPMENT = 2


@click.command()
@click.option("--migrate", is_flag=True, help="Bring the tables up to date first.")
def serve(migrate: bool) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are finished."""
    run(migrate=migrate)


def run(*, migrate: bool, target: str = "idp.cli.serve:worker") -> None:
    """Serves with the settings of the environment until a signal; raises OperatorError when it cannot begin.

    `target` names what makes the application in each worker.
    """
    loaded = load_settings()
    _refuse_taken_port("", loaded.bind, loaded.port)
    if loaded.management_port:
        _refuse_taken_port("MANAGEMENT_", loaded.management_bind, loaded.management_port)
    metrics.share_between_workers(loaded)
    # Built once before the workers: a mistake is one sentence here instead of a traceback in each of them, and the
    # embedded stores are up before the first worker asks for them.
    with application():
        _prepare_tables(migrate)
    for sentence in environment_notices(loaded):
        click.echo(sentence, err=True)
    click.echo(f"SIAPkerja ID listens on http://{loaded.bind}:{loaded.port}, issuer {loaded.issuer}.", err=True)
    management.start(loaded)
    _run(loaded, target)
    _close(loaded)
    click.echo("Stopped.", err=True)


def _close(loaded: Settings) -> None:
    with application():  # drains what the workers' last requests recorded
        pass
    if loaded.redis_url.startswith("embedded:"):
        stop_embedded_redis(loaded.var)


def worker() -> "Flask":
    """What granian calls in each worker: the application, with its chores until the process ends."""
    _obey_the_parent_only()
    from idp import create_app
    from idp.maintenance import schedule

    app = create_app()
    schedule.start_chores(app, threading.Event())
    # What stands now stays: the collector need not walk the whole program again and again between two answers.
    gc.collect()
    gc.freeze()
    return app


def _obey_the_parent_only() -> None:
    """Makes this worker end when its parent says so by SIGTERM, or is gone; a terminal's Ctrl-C is the parent's affair.

    Ctrl-C reaches the whole foreground group, so that the parent's SIGTERM comes within microseconds of the SIGINT. Of two
    different signals the kernel gives the second to another thread, or both: then the main thread, which alone runs
    Python's handlers, is not woken, and the worker never ends. Threads that are started later inherit the mask.
    """
    # The parent's own handler was inherited: it would swallow a SIGTERM until granian installs the worker's.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), name="parent", daemon=True).start()


def _end_after(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _run(loaded: Settings, target: str) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels

    server = Granian(
        target,
        factory=True,
        address=loaded.bind,
        port=loaded.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=loaded.workers or os.cpu_count() or 1,
        blocking_threads=BLOCKING_THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS if loaded.production else GRACE_SECONDS_IN_DEVELOPMENT,
        log_level=LogLevels(loaded.log_level),
        log_dictconfig=logs.GRANIAN,
    )
    server.serve()


def _prepare_tables(migrate: bool) -> None:
    from sqlalchemy import inspect

    from idp.cli.database import refuse_older_tables, upgrade_tables
    from idp.storage.database import db

    if migrate:
        upgrade_tables()
    if not inspect(db.engine).has_table("audit_events"):
        raise OperatorError("The database lacks its tables: run `idp db upgrade`, or `idp serve --migrate`.")
    for sentence in refuse_older_tables():
        click.echo(sentence, err=True)


def _refuse_taken_port(prefix: str, bind: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as taken:
            names = f"IDP_{prefix}BIND={bind} IDP_{prefix}PORT={port}"
            raise OperatorError(f"{names} cannot be listened on ({taken.strerror}): choose others.") from None
