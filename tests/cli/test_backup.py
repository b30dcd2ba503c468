"""`idp backup check`: a backup that was restored, opened and verified; and each way in which it is none."""

import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests import stores
from tests.cli.conftest import Operator
from tests.cli.test_accounts import seed, seeded  # noqa: F401 (fixtures)


def scratch(operator: Operator, name: str) -> str:
    return f"sqlite:///{operator.var}/{name}.db"


def test_a_sound_backup_is_proved_and_the_one_in_use_is_left_alone(seeded: Operator) -> None:  # noqa: F811
    """O9: a dump that nobody restored is no backup."""
    copy = seeded.var / "copy"
    shutil.copyfile(seeded.var / "idp.db", copy)
    said = seeded.reads("backup", "check", str(copy), "--into", scratch(seeded, "scratch"))
    assert "6 accounts, opened with the keys at hand" in said
    assert "The backup is sound" in said
    assert "in use" in seeded.errs("backup", "check", str(copy), "--into", scratch(seeded, "idp"))
    assert "exists" in seeded.errs("backup", "check", str(copy), "--into", scratch(seeded, "scratch"))


def test_a_backup_that_is_none_is_told(seeded: Operator) -> None:  # noqa: F811
    """O9: changed, of an older version, or of other keys."""
    copy = seeded.var / "copy"
    shutil.copyfile(seeded.var / "idp.db", copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE audit_events SET event = 'sign_out' WHERE position = 2")
    assert "breaks at position 2" in seeded.errs("backup", "check", str(copy), "--into", scratch(seeded, "a"))
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0014'")
    assert "idp db upgrade" in seeded.errs("backup", "check", str(copy), "--into", scratch(seeded, "b"))
    another = seeded.var / "another"
    shutil.copyfile(seeded.var / "idp.db", another)
    (seeded.var / "secrets.json").unlink()
    seeded.reads("secrets", "new")
    assert "find those that were in use" in seeded.errs("backup", "check", str(another), "--into", scratch(seeded, "c"))


@pytest.mark.slow
def test_a_dump_of_postgresql_is_restored_and_proved(equipped: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """O9: with PostgreSQL's own pg_dump and pg_restore."""
    with stores.postgresql(equipped.var) as url:
        home = Path(url.partition("host=")[2])
        binaries = stores.binaries(home)
        monkeypatch.setenv("PATH", str(binaries), prepend=":")
        equipped.reads("db", "upgrade", IDP_DATABASE_URL=url)
        equipped.reads("demo", "seed", IDP_DATABASE_URL=url)
        plain, dump = url.replace("+psycopg", ""), equipped.var / "idp.dump"
        subprocess.run([binaries / "pg_dump", "--format=custom", f"--file={dump}", plain], check=True, timeout=120)
        subprocess.run([binaries / "createdb", "-h", home, "-U", "idp", "scratch"], check=True, timeout=120)
        into = url.replace("/postgres?", "/scratch?")
        said = equipped.reads("backup", "check", str(dump), "--into", into, IDP_DATABASE_URL=url)
        assert "6 accounts, opened with the keys at hand" in said
        dump.write_bytes(dump.read_bytes()[:2000])
        subprocess.run([binaries / "createdb", "-h", home, "-U", "idp", "other"], check=True, timeout=120)
        told = equipped.errs("backup", "check", str(dump), "--into", into.replace("scratch", "other"), IDP_DATABASE_URL=url)
        assert "cannot be restored" in told
