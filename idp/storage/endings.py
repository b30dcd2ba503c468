"""What has ended before its time, by id, in SQL: a store that forgot its last second must not bring it back."""

from collections.abc import Iterable
from typing import cast

from sqlalchemy import BigInteger, String, Table, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.core import clock
from idp.storage.database import Model, db, inserting
from idp.storage.unit_of_work import transaction


class Ending(Model):
    """The id of a session, a family of tokens, a grant or a token that ended; kept longer than any of them lives."""

    __tablename__ = "endings"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    ended_at: Mapped[int] = mapped_column(BigInteger, index=True)


ENDINGS = cast(Table, Ending.__table__)


def note(ended: str) -> bool:
    """Notes that this has ended, in the unit of work that is open; False when it was noted before."""
    row = {"id": ended, "ended_at": clock.timestamp()}
    with transaction() as connection:
        written = connection.execute(inserting(connection, ENDINGS).values(row).on_conflict_do_nothing())
    return bool(written.rowcount)


def known(ids: Iterable[str]) -> list[str]:
    """Those of the ids that have ended."""
    wanted = list(ids)
    if not wanted:
        return []
    with db.engine.connect() as connection:
        return list(connection.scalars(select(ENDINGS.c.id).where(ENDINGS.c.id.in_(wanted))))
