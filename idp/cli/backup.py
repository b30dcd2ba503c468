"""`idp backup`: a backup is one when it was restored, opened and verified; not before."""

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import click

from idp.cli import OperatorError
from idp.core.settings import Settings, load_settings

SECONDS = 6 * 3600  # that a restore may take


@click.group()
def backup() -> None:
    """Prove that a backup can be restored."""


@backup.command()
@click.argument("dump", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", required=True, help="URL of an empty scratch database; never the one in use.")
def check(dump: Path, into: str) -> None:
    """Restore DUMP (of `pg_dump --format=custom`) into a scratch database, and prove it with the keys at hand.

    A copy of an SQLite file is taken as it is, into a file that does not exist yet.
    """
    loaded = load_settings()
    if into == loaded.database_url:
        raise OperatorError("--into names the database in use: create an empty one beside it, and name that.")
    scratch = loaded.model_copy(update={"database_url": into})
    _restore(dump, into)
    for sentence in _proofs(scratch):
        click.echo(sentence)
    click.echo("The backup is sound. Drop the scratch database: it holds everybody's data.")


def _restore(dump: Path, into: str) -> None:
    if into.startswith("sqlite:///"):
        target = Path(into.removeprefix("sqlite:///"))
        if target.exists():
            raise OperatorError(f"{target} exists: name a file that does not.")
        _copy(dump, target)
        return
    tool = shutil.which("pg_restore")
    if tool is None:
        raise OperatorError("pg_restore is not installed: install the package postgresql-client.")
    where = into.replace("postgresql+psycopg://", "postgresql://")
    done = subprocess.run(
        [tool, "--exit-on-error", "--no-owner", f"--dbname={where}", str(dump)],
        capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        # Its words may hold rows: the first line says what it was about.
        raise OperatorError(f"{dump} cannot be restored: {done.stderr.partition(chr(10))[0][:200]}.")


def _copy(dump: Path, target: Path) -> None:
    # Not byte by byte: what was written last stands in a log beside the file until SQLite has moved it.
    try:
        with closing(sqlite3.connect(dump)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error:
        raise OperatorError(f"{dump} is no SQLite database: name the copy of the file in IDP_DATABASE_URL.") from None


def _proofs(scratch: Settings) -> list[str]:
    from sqlalchemy import func, select

    from idp import create_app
    from idp.accounts import Account, opens_what_is_sealed
    from idp.audit import anchor, trail
    from idp.cli.database import refuse_older_tables
    from idp.storage.database import db

    app = create_app(scratch)
    with app.app_context():
        try:
            newer = refuse_older_tables()
            accounts = db.session.scalar(select(func.count()).select_from(Account))
            if not opens_what_is_sealed():
                raise OperatorError("The keys at hand do not open it: find those that were in use when it was made.")
            with db.engine.connect() as connection:
                end = trail.verified_chain(anchor.latest(connection), ())
            if isinstance(end, trail.BrokenChain):
                raise OperatorError(f"Its audit trail breaks at position {end.position}: {end.why}. Take another backup.")
        finally:
            db.session.remove()
            db.engine.dispose()
    return [*newer, f"{accounts} accounts, opened with the keys at hand.", f"The audit trail is whole up to {end.position}."]
