"""O2: an identity recovers once in 30 days, counted from what was recovered and not from what was tried."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
import time_machine
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from idp.accounts import Account
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.probation import frequency
from idp.recovery import completion
from idp.storage.database import db
from idp.storage.redis_store import store
from idp.storage.sealing import sealer
from tests.account_rows import PASSWORD, an_account, at_once, email, nik, phone, the
from tests.recoveries import DAY
from tests.recovery.test_completion import begun, requested  # noqa: F401 (a fixture)

pytestmark = pytest.mark.every_store


@pytest.fixture
def owner(requested: Flask, clock: time_machine.Traveller) -> Account:  # noqa: F811
    """Somebody whose account was quiet for long."""
    account = an_account(1, PASSWORD)
    clock.shift(40 * DAY)
    return account


@pytest.fixture
def outage(requested: Flask) -> Iterator[list[str]]:  # noqa: F811
    """While the list holds anything, SQL goes away in the very moment of a commit."""
    reasons: list[str] = []

    def away(_: object) -> None:
        if reasons:
            raise OperationalError("COMMIT", {}, Exception(reasons[0]))

    event.listen(db.engine, "commit", away)
    yield reasons
    event.remove(db.engine, "commit", away)


def index() -> str:
    return sealer().index(nik(1).value, "facts")


def refusal(account: Account, number: int = 1) -> TooManyAttempts:
    with pytest.raises(TooManyAttempts) as refused:
        completion.complete(begun(number), account)
    return refused.value


def test_a_process_that_dies_has_used_up_nothing(owner: Account, clock: time_machine.Traveller) -> None:
    """O2: all that a kill -9 leaves behind is the mark of who was at it, and that ends in a minute."""
    draft = begun()
    for subject in (index(), sealer().index(phone(71).value, "phone"), sealer().index(email(71).value, "email")):
        rate_limits.hit("recovery_now", subject)
    with pytest.raises(TooManyAttempts) as busy:
        completion.complete(draft, owner)
    assert busy.value.retry_after <= 60
    clock.shift(61)
    assert completion.complete(draft, the(owner.subject)) is not None


def test_an_outage_has_used_up_nothing(owner: Account, outage: list[str]) -> None:
    """O2: what was not committed did not happen; it is tried again at once."""
    draft = begun()
    outage.append("the server is gone")
    with pytest.raises(OperationalError):
        completion.complete(draft, owner)
    outage.clear()
    assert completion.complete(draft, the(owner.subject)) is not None


def test_what_was_recovered_counts_for_30_days_whatever_the_store_forgets(owner: Account, clock: time_machine.Traveller) -> None:
    """O2: the rows know it, so that a Redis that lost its data lets nobody recover twice."""
    assert completion.complete(begun(), owner) is not None
    store().redis.flushdb()
    clock.shift(DAY)
    told = refusal(the(owner.subject))
    assert (told.limit, told.retry_after) == ("recovery_nik", 29 * DAY)
    assert completion.contact_used_recently(phone(71))
    assert completion.contact_used_recently(email(71))
    clock.shift(29 * DAY)
    assert not completion.contact_used_recently(phone(71))
    assert frequency.seconds_left(index()) == 0


def test_one_contact_recovers_one_account(owner: Account) -> None:
    """A thief's phone recovers one account, and not a village."""
    assert completion.complete(begun(), owner) is not None
    assert refusal(an_account(2, PASSWORD), 2).limit == "recovery_contact"


def test_of_two_accounts_that_one_contact_recovers_at_once_one_wins(owner: Account, requested: Flask) -> None:  # noqa: F811
    """The rows are not there yet while both look: the mark in the store lets one in."""
    other = an_account(2, PASSWORD)
    drafts = {owner.subject: begun(1), other.subject: begun(2)}

    def act(subject: str) -> None:
        with requested.test_request_context():
            completion.complete(drafts[subject], the(subject))

    told = at_once(requested, [partial(act, subject) for subject in drafts])
    assert told == Counter(done=1, TooManyAttempts=1)


def test_an_officer_lets_somebody_recover_once_more(owner: Account) -> None:
    """O2: where the count is wrong for once, somebody can help; the word is good for one recovery."""
    completion.complete(begun(), owner)
    frequency.allow_once_more(index())
    assert frequency.seconds_left(index()) == 0
    with frequency.counted(index(), phone(72), email(72)):
        assert store().get(f"recovery:allowed:{index()}")
    assert frequency.seconds_left(index()) == 30 * DAY
