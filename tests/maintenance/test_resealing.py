"""Keys rotate while people work: the new one writes, the old ones read, and rows move over one by one."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from idp import accounts, notices
from idp.accounts import Account
from idp.core import key_rings
from idp.core.clock import now
from idp.core.settings import ConfigError
from idp.core.values import EmailAddress
from idp.maintenance import resealing
from idp.storage import key_file, redis_store
from idp.storage.database import db
from idp.storage.sealing import sealer
from tests.account_rows import an_account, at_once, email, nik, phone, the


@pytest.fixture
def path(house: Any, tmp_path: Path) -> Path:
    """Key rings of the test's own."""
    found = tmp_path / "rings.json"
    found.write_text((house.stores.var / "secrets.json").read_text())
    return found


@pytest.fixture
def rotating(make_app: Callable[..., Flask], path: Path) -> Iterator[Flask]:
    """An application that runs on them."""
    app = make_app(secrets_file=path)
    with app.app_context():
        yield app
        app.extensions["idp.storage.redis_store"].redis.close()
        db.session.remove()
        db.engine.dispose()


def rows(model: Any) -> list[Any]:
    with db.engine.connect() as connection:
        return list(connection.execute(select(model.__table__)))


def key_ids(model: Any, column: str) -> set[str]:
    return {getattr(row, column).partition(".")[0] for row in rows(model)}


def ends() -> dict[str, resealing.Progress]:
    return {progress.name: progress for progress in resealing.run()}


@pytest.mark.every_store
@pytest.mark.parametrize("ring", ["sealing", "index"])
def test_rows_move_to_the_new_key_and_are_found_before_and_after(rotating: Flask, path: Path, ring: str) -> None:
    account = an_account()
    before = {"sealing": "nik_sealed", "index": "nik_index"}[ring]
    assert key_rings.rotate(path, ring) == "k2"
    key_file.refresh()
    assert accounts.find_by_nik(nik()) is account, "found by the old key"
    second = an_account(2)
    assert key_ids(Account, before) == {"k1", "k2"}
    done = ends()
    assert done["accounts.nik_sealed"].sealed == 1
    assert done["contacts.value_sealed"].sealed == 2
    assert sum(progress.stuck for progress in done.values()) == 0
    assert key_ids(Account, before) == {"k2"}
    assert resealing.rows_needing_key(ring, "k1") == {}
    key_rings.retire(path, ring, "k1")
    key_file.refresh()
    db.session.expire_all()
    found = accounts.find_by_identifier(email())
    assert found is not None
    assert (found.subject, found.nik, found.name.text) == (account.subject, nik(), "Budi Santoso")
    assert the(second.subject).phone == phone(2)
    assert not any(progress.sealed for progress in resealing.run()), "and run again it finds nothing"


def test_a_process_that_does_not_know_the_new_key_yet_reads_with_it(
    rotating: Flask, make_app: Callable[..., Flask], path: Path
) -> None:
    key_rings.rotate(path, "sealing")
    other = make_app(secrets_file=path)
    with other.app_context():
        subject = an_account().subject
        db.engine.dispose()
        other.extensions["idp.storage.redis_store"].redis.close()
    assert sealer().sealing.current == "k1"
    assert the(subject).phone == phone()
    assert sealer().sealing.current == "k2"


@pytest.mark.every_store
def test_what_is_changed_meanwhile_is_not_overwritten(rotating: Flask, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = an_account()
    key_rings.rotate(path, "sealing")
    key_file.refresh()
    fresh = sealer().seal("Budi Baru", f"accounts.name:{account.subject}")
    batch, late_ones = resealing._batch, ["accounts"]

    def late(table: Any, *rest: Any) -> list[Any]:
        found = batch(table, *rest)
        if rest[0].column == "name_sealed" and late_ones:
            late_ones.clear()
            with db.engine.begin() as connection:
                connection.execute(update(table).values(name_sealed=fresh))
        return found

    monkeypatch.setattr(resealing, "_batch", late)
    ends()
    db.session.expire_all()
    assert the(account.subject).name.text == "Budi Baru"


@pytest.mark.every_store
def test_several_at_once_lose_nothing(rotating: Flask, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    people = [an_account(number) for number in range(1, 8)]
    key_rings.rotate(path, "sealing")
    key_rings.rotate(path, "index")
    key_file.refresh()
    at_once(rotating, [lambda: list(resealing.run())] * 3)
    ends()
    db.session.expire_all()
    assert key_ids(Account, "nik_sealed") == key_ids(Account, "nik_index") == {"k2"}
    assert [the(p.subject).email for p in people] == [email(number) for number in range(1, 8)]


def test_a_row_that_nobody_can_open_is_told_and_holds_up_no_other(rotating: Flask, path: Path) -> None:
    first, second = an_account(1), an_account(2)
    with db.engine.begin() as connection:
        moved = connection.scalar(select(Account.name_sealed).where(Account.subject == first.subject))
        connection.execute(update(Account).where(Account.subject == second.subject).values(name_sealed=moved))
    key_rings.rotate(path, "sealing")
    key_file.refresh()
    done = ends()["accounts.name_sealed"]
    assert (done.sealed, done.stuck, done.total) == (1, 1, 2)
    assert resealing.rows_needing_key("sealing", "k1") == {"accounts.name_sealed": 1}
    resealing.run_after_rotation()
    assert redis_store.store().get("resealed:k2:k1") is None, "the chore tries again"


def test_the_chore_does_it_once_for_each_rotation(rotating: Flask, path: Path) -> None:
    an_account()
    notices.enqueue([phone()], notices.password_changed(now()))
    key_rings.rotate(path, "sealing")
    key_file.refresh()
    resealing.run_after_rotation()
    assert key_ids(Account, "name_sealed") == {"k2"}
    assert redis_store.store().get("resealed:k2:k1") == b"1"


def test_a_staged_key_reads_and_writes_only_after_the_next_rotation(rotating: Flask, path: Path) -> None:
    assert key_rings.rotate(path, "sealing", stage=True) == "k2"
    key_file.refresh()
    assert sealer().seal("x", "a:b").startswith("k1.")
    assert key_rings.rotate(path, "sealing", stage=True) == "k2"
    assert key_rings.rotate(path, "sealing") == "k2"
    key_file.refresh()
    assert sealer().seal("x", "a:b").startswith("k2.")
    assert key_rings.rotate(path, "sealing") == "k3"


def test_a_broken_file_leaves_the_last_good_keys(rotating: Flask, path: Path) -> None:
    account = an_account()
    good = path.read_text()
    path.write_text("{}")
    key_file.refresh()
    db.session.expire_all()
    assert the(account.subject).email == email()
    with pytest.raises(ConfigError):
        key_rings.rotate(path, "sealing")
    assert path.read_text() == "{}"
    path.write_text(good)
    assert key_rings.rotate(path, "sealing") == "k2"


def test_two_rotations_at_once_and_a_wrong_retirement_change_nothing(path: Path) -> None:
    before = path.read_text()
    draft = path.with_name(f".{path.name}.new")
    draft.write_text("")
    with pytest.raises(ConfigError, match="another rotation"):
        key_rings.rotate(path, "index")
    draft.unlink()
    with pytest.raises(ConfigError, match="writes"):
        key_rings.retire(path, "index", "k1")
    with pytest.raises(ConfigError, match="no key k9"):
        key_rings.retire(path, "index", "k9")
    assert path.read_text() == before
    key_rings.rotate(path, "index")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["index"]["keys"]["k1"] == json.loads(before)["index"]["keys"]["k1"]


def test_no_sealed_or_indexed_column_is_forgotten(app: Flask) -> None:
    columns = {(table.name, column.name) for table in db.metadata.tables.values() for column in table.columns}
    sealed = {(known.table, known.column) for known in resealing.COLUMNS}
    indexed = {(known.table, known.index) for known in resealing.COLUMNS if known.index} | set(resealing.ONLY_INDEXED)
    assert {pair for pair in columns if pair[1].endswith("_sealed")} <= sealed
    assert {pair for pair in columns if pair[1].endswith("_index")} <= indexed
    assert sealed | indexed <= columns


@pytest.mark.parametrize("mail", [EmailAddress.parse("orang1@surat.example")])
def test_an_index_that_another_row_has_taken_is_stuck_and_told(rotating: Flask, path: Path, mail: EmailAddress) -> None:
    account = an_account(1)
    key_rings.rotate(path, "index")
    key_file.refresh()
    twin = an_account(2)
    with db.engine.begin() as connection:
        connection.execute(
            update(Account).where(Account.subject == twin.subject).values(nik_index=sealer().index(nik(1).value, "nik"))
        )
    assert ends()["accounts.nik_sealed"].stuck == 1
    assert accounts.find_by_identifier(mail) is account
