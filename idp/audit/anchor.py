"""Where the audit trail begins once its oldest rows were removed: the last of them, sealed so that nobody else can say so."""

from typing import cast

from sqlalchemy import BigInteger, Connection, String, Table, Text, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from idp.audit.chain import Link
from idp.core import clock
from idp.storage.database import Model
from idp.storage.sealing import Unsealable, sealer


class AuditAnchor(Model):
    """A row that was removed by retention, with all before it; the newest anchor is the one that counts."""

    __tablename__ = "audit_anchors"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[int] = mapped_column(BigInteger, doc="When it was removed, epoch seconds.")
    link_sealed: Mapped[str] = mapped_column(Text, doc="Position and hash: whoever has the tables alone cannot write one.")


ANCHORS = cast(Table, AuditAnchor.__table__)


def latest(connection: Connection) -> Link:
    """After which row the trail begins; raises Unsealable for an anchor that we did not write."""
    row = connection.execute(select(ANCHORS).order_by(ANCHORS.c.position.desc()).limit(1)).first()
    if row is None:
        return Link()
    if sealer().open(row.link_sealed, _context(row.position)) != row.hash:
        raise Unsealable("an anchor of the audit trail was changed")
    return Link(row.position, row.hash)


def add(connection: Connection, link: Link) -> None:
    """Says that the trail begins after this row; raises IntegrityError if another worker has said so."""
    sealed = sealer().seal(link.hash, _context(link.position))
    row = {"position": link.position, "hash": link.hash, "at": clock.timestamp(), "link_sealed": sealed}
    connection.execute(insert(ANCHORS), row)


def _context(position: int) -> str:
    return f"audit_anchors.link:{position}"
