"""Refresh tokens in SQL, by digest, in families: all that descend from one sign-in live and die together."""

from dataclasses import dataclass, replace
from typing import Any, cast

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    ForeignKey,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.accounts import Account
from idp.audit import trail
from idp.core import clock, crypto, lifetimes
from idp.oidc.tokens import approvals, revocation_marks
from idp.oidc.tokens.approvals import Approval
from idp.storage.database import Model, db
from idp.storage.unit_of_work import transaction, unit_of_work

SLIDING_LIFE = lifetimes.REFRESH_TOKEN_UNUSED.seconds
ABSOLUTE_LIFE = lifetimes.REFRESH_TOKEN.seconds
# Seconds in which a rotated token works again: its answer may have been lost on the way.
ROTATION_GRACE = lifetimes.ROTATION_GRACE.seconds
SWEEP_BATCH = 500


class RefreshFamily(Model):
    """What was approved, for as long as it may be refreshed; `id` is the digest of the code it came from."""

    __tablename__ = "refresh_families"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    client_id: Mapped[str] = mapped_column(String(255))
    sid: Mapped[str] = mapped_column(String(64), index=True, doc="The session it ends with; empty when offline.")
    approval: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    revoked_at: Mapped[int | None] = mapped_column(BigInteger, index=True)
    generation: Mapped[int] = mapped_column(BigInteger, server_default="0", doc="The account's when it was approved.")


class RefreshToken(Model):
    """One link: `used_at` is when it was rotated."""

    __tablename__ = "refresh_tokens"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("refresh_families.id", ondelete="CASCADE"), index=True)
    issued_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger, index=True)
    used_at: Mapped[int | None] = mapped_column(BigInteger)


REFRESH_FAMILIES = cast(Table, RefreshFamily.__table__)
REFRESH_TOKENS = cast(Table, RefreshToken.__table__)
ACCOUNTS = cast(Table, Account.__table__)
PREFIX = "r-"  # access tokens begin with two hexadecimal digits: which of the two a token is can be seen


@dataclass(frozen=True, slots=True)
class UsableRefreshToken:
    """A refresh token that may be used now."""

    digest: str
    family: str
    approval: Approval
    issued_at: int
    expires_at: int
    family_expires_at: int

    def check_client(self, client: Any) -> bool:
        """For Authlib: whether it was issued to this client."""
        return bool(self.approval.client_id == client.client_id)

    def get_scope(self) -> str:
        """For Authlib: the scope granted at first, which a refresh may narrow and never widen."""
        return self.approval.scope


_FIND = (
    select(
        REFRESH_TOKENS.c.digest, REFRESH_TOKENS.c.family_id, REFRESH_TOKENS.c.used_at,
        REFRESH_TOKENS.c.issued_at, REFRESH_TOKENS.c.expires_at,
        REFRESH_FAMILIES.c.client_id, REFRESH_FAMILIES.c.subject, REFRESH_FAMILIES.c.approval, REFRESH_FAMILIES.c.revoked_at,
        REFRESH_FAMILIES.c.expires_at.label("family_expires_at"), REFRESH_FAMILIES.c.generation,
    )
    .join_from(REFRESH_TOKENS, REFRESH_FAMILIES)
    .join(ACCOUNTS, (ACCOUNTS.c.subject == REFRESH_FAMILIES.c.subject) & (ACCOUNTS.c.generation == REFRESH_FAMILIES.c.generation))
    .where(REFRESH_TOKENS.c.digest == bindparam("digest"))
)  # fmt: skip
# Built once, as every refresh runs them: building a statement costs more than running it.
_ADD = insert(REFRESH_TOKENS)
_MARK = (
    update(REFRESH_TOKENS)
    .where(REFRESH_TOKENS.c.digest == bindparam("used"), REFRESH_TOKENS.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)


_RENEW = (
    update(REFRESH_TOKENS)
    .where(REFRESH_TOKENS.c.digest == bindparam("used"), REFRESH_TOKENS.c.used_at.is_(None))
    .values(expires_at=bindparam("latest"))
)
_LOCK_FAMILY = select(REFRESH_FAMILIES.c.id).where(REFRESH_FAMILIES.c.id == bindparam("family")).with_for_update()
_USED_AT = select(REFRESH_TOKENS.c.used_at).where(REFRESH_TOKENS.c.digest == bindparam("used"))
# Whatever of the family was never used is a sibling of the one that is used now: its grace is over before it began.
_END_SIBLINGS = (
    update(REFRESH_TOKENS)
    .where(REFRESH_TOKENS.c.family_id == bindparam("family"), REFRESH_TOKENS.c.used_at.is_(None))
    .values(used_at=bindparam("before"))
)


def new_refresh_token() -> str:
    return PREFIX + crypto.random_token()


def is_refresh_token(token: str) -> bool:
    """Whether it has the looks of one of ours."""
    return token.startswith(PREFIX) and token.isascii() and len(token) < 64


def begin_family(approval: Approval, token: str) -> None:
    """Keeps a family and its first token."""
    now = clock.timestamp()
    family = {
        "id": approval.family,
        "subject": approval.subject,
        "client_id": approval.client_id,
        "sid": "" if approval.offline else approval.sid,
        "approval": approvals.approval_to_json(replace(approval, nonce="")),
        "created_at": now,
        "expires_at": now + ABSOLUTE_LIFE,
        "generation": approval.generation,
    }
    with transaction() as connection:
        connection.execute(insert(REFRESH_FAMILIES).values(family))
        _add_link(connection, approval.family, token, now, now + ABSOLUTE_LIFE)


def find(token: str, client_id: str) -> UsableRefreshToken | None:
    """A token of this client that may be used: alive, and not rotated or only just. Looking does no harm."""
    row = _look_up(token, client_id)
    now = clock.timestamp()
    if row is None or _is_reuse(row, now) or now >= min(row.expires_at, row.family_expires_at):
        return None
    approval = replace(Approval.load(orjson.loads(row.approval)), generation=row.generation)
    return UsableRefreshToken(row.digest, row.family_id, approval, row.issued_at, row.expires_at, row.family_expires_at)


def redeem(token: str, client_id: str) -> UsableRefreshToken | None:
    """The same for a token presented to be refreshed.

    One that was rotated more than 60 s ago is a stolen one, or the thief's victim presents it: its family
    ends
    (RFC 9700 section 4.14.2). Another client's token is not found and comes to no harm.
    """
    usable = find(token, client_id)
    if usable is not None:
        return usable
    row = _look_up(token, client_id)
    if row is not None and _is_reuse(row, clock.timestamp()):
        revoke_family(row.family_id, row.subject)
        trail.record("refresh_reused", account=row.subject, client=client_id)
    return None


def _look_up(token: str, client_id: str) -> Any:
    if not is_refresh_token(token):
        return None
    with db.engine.connect() as connection:
        row = connection.execute(_FIND, {"digest": crypto.digest(token)}).one_or_none()
    return row if row is not None and row.client_id == client_id and row.revoked_at is None else None


def _is_reuse(row: Any, now: int) -> bool:
    return row.used_at is not None and now - row.used_at > ROTATION_GRACE


def rotate(used: UsableRefreshToken, token: str) -> bool:
    """Adds `token` to the family and marks the used one; within the grace period this makes a sibling.

    Of siblings the first that is used in turn is the one whose holder goes on: the others end with it, and whoever comes
    with one of them later ends the family. So no second line lives on unseen. False when that has happened meanwhile.
    """
    now = clock.timestamp()
    with transaction() as connection:
        connection.execute(_LOCK_FAMILY, {"family": used.family})  # siblings that come at once take turns
        if connection.execute(_MARK, {"used": used.digest, "now": now}).rowcount:
            connection.execute(_END_SIBLINGS, {"family": used.family, "before": now - ROTATION_GRACE - 1})
        elif now - (connection.scalar(_USED_AT, {"used": used.digest}) or 0) > ROTATION_GRACE:
            return False
        _add_link(connection, used.family, token, now, used.family_expires_at)
    return True


def renew(used: UsableRefreshToken) -> bool:
    """Begins the time of a token anew that goes on working; False when it was rotated meanwhile."""
    latest = min(clock.timestamp() + SLIDING_LIFE, used.family_expires_at)
    with transaction() as connection:
        return bool(connection.execute(_RENEW, {"used": used.digest, "latest": latest}).rowcount)


def revoke_refresh_tokens(family: str) -> None:
    """Ends the refresh tokens of a family whose access tokens are marked as ended already."""
    _end(REFRESH_FAMILIES.c.id == family)


def revoke_family(family: str, subject: str) -> None:
    """Ends one family: its refresh tokens, and its access tokens with them."""
    with unit_of_work():
        revoke_refresh_tokens(family)
        revocation_marks.mark_ended(subject, family)


def revoke_for_session(sid: str) -> None:
    """Ends the refresh tokens that live no longer than this session; its access tokens fell with it already."""
    _end(REFRESH_FAMILIES.c.sid == sid)


def reissue_offline(subject: str, before: int, generation: int) -> None:
    """Issues anew, under another generation of the account, the families that need no session of the person."""
    kept = (REFRESH_FAMILIES.c.subject == subject) & (REFRESH_FAMILIES.c.generation == before) & (REFRESH_FAMILIES.c.sid == "")
    with transaction() as connection:
        connection.execute(update(REFRESH_FAMILIES).where(kept).values(generation=generation))


def revoke_for_account(subject: str, client_id: str | None = None) -> None:
    """Ends every family of an account, or those of one client."""
    mine = REFRESH_FAMILIES.c.subject == subject
    if client_id is not None:
        mine &= REFRESH_FAMILIES.c.client_id == client_id
    with db.engine.connect() as connection:
        alive = (
            connection.execute(select(REFRESH_FAMILIES.c.id).where(mine, REFRESH_FAMILIES.c.revoked_at.is_(None))).scalars().all()
        )
    _end(mine)
    for family in alive:
        revocation_marks.mark_ended(subject, family)


def revoke_for_client(connection: Connection, client_id: str) -> list[tuple[str, str]]:
    """Ends every family of a client, within this transaction; subject and id of each, whose access tokens are to be marked."""
    alive = (REFRESH_FAMILIES.c.client_id == client_id) & REFRESH_FAMILIES.c.revoked_at.is_(None)
    ended = update(REFRESH_FAMILIES).where(alive).values(revoked_at=clock.timestamp())
    return [
        (row.subject, row.id) for row in connection.execute(ended.returning(REFRESH_FAMILIES.c.subject, REFRESH_FAMILIES.c.id))
    ]


def sweep() -> int:
    """Forgets families that can never be refreshed again, a batch in each transaction; how many."""
    total = 0
    while (swept := _sweep_batch()) > 0:
        total += swept
    return total


def _sweep_batch() -> int:
    over = select(REFRESH_FAMILIES.c.id).where(REFRESH_FAMILIES.c.expires_at < clock.timestamp()).limit(SWEEP_BATCH)
    with transaction() as connection:
        gone = list(connection.scalars(over))
        if not gone:
            return 0
        connection.execute(delete(REFRESH_TOKENS).where(REFRESH_TOKENS.c.family_id.in_(gone)))
        return connection.execute(delete(REFRESH_FAMILIES).where(REFRESH_FAMILIES.c.id.in_(gone))).rowcount


def _end(which: Any) -> None:
    with transaction() as connection:
        connection.execute(
            update(REFRESH_FAMILIES).where(which, REFRESH_FAMILIES.c.revoked_at.is_(None)).values(revoked_at=clock.timestamp())
        )


def _add_link(connection: Connection, family: str, token: str, now: int, latest: int) -> None:
    link = {
        "digest": crypto.digest(token),
        "family_id": family,
        "issued_at": now,
        "expires_at": min(now + SLIDING_LIFE, latest),
    }
    connection.execute(_ADD, link)
