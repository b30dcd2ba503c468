"""How every change of what an account proves itself with ends: committed with the notice of it, audited, sent."""

from typing import Literal

from idp import accounts, notices
from idp.audit import trail
from idp.core import clock
from idp.storage.database import db

Change = Literal["totp_added", "totp_removed", "passkey_added", "passkey_removed", "recovery_codes_made", "recovery_code_used"]


def commit_and_notify(subject: str, change: Change) -> None:
    """Commits what the caller has begun, and in the same step what its contacts are told; raises IntegrityError of the former.

    Nothing is changed that nobody hears of: a crash in between undoes both, a crash afterwards delays the notice.
    """
    try:
        account = accounts.find(subject)
        said = notices.authenticators_changed(change, clock.now())
        kept = notices.enqueue(account.contacts_in_use if account else [], said, subject, db.session.connection())
        db.session.commit()
    except Exception:
        db.session.rollback()
        raise
    if change != "recovery_code_used":  # audited as the second factor that it was
        trail.record(change, account=subject)
    notices.send(kept)


def commit_and_notify_if(found: int, subject: str, change: Change) -> bool:
    """The same where rows were `found` to change; else lets go at once: on SQLite nobody else writes until then."""
    if found:
        commit_and_notify(subject, change)
    else:
        db.session.rollback()
    return bool(found)
