"""Nothing of before a change counts after it: each carrier, each change, also where a process dies or Redis forgets a second.

Closes S1 and S6 to S12 at their root. Whatever acts for an account, or waits to act, is a row of CARRIERS; every change
after which none of it may count is a row of CHANGES. A class or table that names an account and is in neither list fails.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass, replace
from typing import Any

import pytest
from flask import Flask, Response
from sqlalchemy import update

import idp
from idp import accounts
from idp.accounts import ReplacedCredentials, generations, lookup
from idp.accounts.model import Account
from idp.authenticators import remembered_devices, totp
from idp.authenticators.model import TOTP, Authenticator
from idp.core import clock, crypto
from idp.core.values import ACR_DATA, Authentication, PhoneNumber
from idp.oidc.authorization import consent
from idp.oidc.device import codes as device_codes
from idp.oidc.request import Request
from idp.oidc.tokens import access_tokens, authorization_codes, issuance, refresh_tokens
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.authorization_codes import AuthorizationCode
from idp.one_time_codes import otp
from idp.one_time_codes.otp import CodeExpired
from idp.probation import answers, transitions
from idp.probation.model import Recovery
from idp.probation.state_machine import Act, State
from idp.recovery import completion
from idp.recovery.draft import PHONE, Draft
from idp.sessions import known_devices, single_sign_on
from idp.storage.database import db
from idp.storage.embedded_redis import embedded_redis, stop_embedded_redis
from idp.storage.redis_store import store
from idp.storage.unit_of_work import UnitOfWork, unit_of_work
from tests import stores
from tests.account_rows import an_account, email, phone, the

CLIENT = "wlkp"
Use = Callable[[], bool]


class Died(BaseException):
    """The process is gone."""


@dataclass
class Stage:
    """An account and its only browser, in the generation that it is in now."""

    app: Flask
    subject: str
    cookies: str = ""
    numbers: int = 0

    @property
    def generation(self) -> int:
        return generations.current(self.subject)

    @property
    def proved(self) -> Authentication:
        return Authentication(self.subject, ("pwd",), clock.timestamp(), ACR_DATA, generation=self.generation)

    def approval(self, **changes: Any) -> Approval:
        given = Approval(
            self.subject, CLIENT, "openid offline_access", 1, ACR_DATA, ("pwd",), sid=self.sid, family=crypto.random_token(),
            generation=self.generation, service=generations.of_service(self.subject, CLIENT),
        )  # fmt: skip
        return replace(given, **changes)

    @property
    def sid(self) -> str:
        return crypto.hash_tag(self.subject) + crypto.random_token(16)

    @contextmanager
    def browser(self) -> Iterator[None]:
        """A request of the browser; what it is given it keeps."""
        with self.app.test_request_context(headers={"Cookie": self.cookies}):
            yield

    def keeps(self, response: Response) -> None:
        given = [value.partition(";")[0] for value in response.headers.getlist("Set-Cookie")]
        self.cookies = "; ".join([self.cookies, *given]).strip("; ")


# What carries an account --------------------------------------------------------------------------------------------------


def a_session(stage: Stage) -> Use:
    with stage.browser():
        response = Response()
        single_sign_on.establish(stage.proved, response)
        stage.keeps(response)

    def use() -> bool:
        with stage.browser():
            return single_sign_on.current() is not None

    return use


def a_sign_in_that_waits(stage: Stage) -> Use:
    proved = stage.proved
    return lambda: lookup.authentication_still_valid(proved)


def a_recovery_by_phone(stage: Stage) -> Use:
    draft = Draft(way=PHONE, account=stage.subject, generation=stage.generation, recipient=phone().value)

    def use() -> bool:
        account = accounts.find(stage.subject)
        try:
            return account is not None and completion.reset_password(draft, account, "Bintang!9terbit") is None
        except accounts.Outdated:
            return False

    return use


def a_contact_change(stage: Stage) -> Use:
    generation = stage.generation

    def use() -> bool:
        account = accounts.find(stage.subject)
        try:
            return account is not None and bool(accounts.replace_contact(account, phone(5), generation))
        except accounts.Outdated:
            return False

    return use


def a_one_time_code(stage: Stage) -> Use:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(otp.crypto, "numeric_code", lambda *_: "123456")
        stage.numbers += 1
        number = PhoneNumber(f"+62899000000{stage.numbers}")
        challenge = otp.send(None, "recovery-phone", number, stage.subject, generation=stage.generation)

    def use() -> bool:
        try:
            return otp.verify(challenge.id, "recovery-phone", "123456") is None
        except CodeExpired:
            return False

    return use


def a_code(stage: Stage) -> Use:
    code = authorization_codes.new_code(stage.subject)
    authorization_codes.save_code(code, AuthorizationCode(stage.approval(), "https://rp.example/cb"), 3600)
    return lambda: authorization_codes.take_code(code, CLIENT) is not None


def an_access_token(stage: Stage, **changes: Any) -> Use:
    token, now, from_ = access_tokens.new_access_token(stage.subject), clock.timestamp(), stage.approval()
    record = AccessToken(CLIENT, "openid", now, now + 600, stage.subject, generation=from_.generation, service=from_.service)
    assert access_tokens.save_access_token(token, replace(record, **changes))
    return lambda: access_tokens.find_access_token(token) is not None


def an_exchanged_token(stage: Stage) -> Use:
    service = generations.of_service(stage.subject, CLIENT)
    return an_access_token(stage, client_id="another", service=0, came_from=((CLIENT, service),))


def a_refresh_token(stage: Stage) -> Use:
    token = refresh_tokens.new_refresh_token()
    refresh_tokens.begin_family(stage.approval(), token)

    def use() -> bool:
        found = refresh_tokens.redeem(token, CLIENT)
        return found is not None and _gives_a_token(stage, found.approval)

    return use


def a_device_approval(stage: Stage) -> Use:
    begun = device_codes.begin(CLIENT, "openid", "")
    device_codes.allow(crypto.digest(begun.device_code), stage.approval())

    def use() -> bool:
        found = device_codes.poll(begun.device_code, CLIENT)
        return isinstance(found, Approval) and _gives_a_token(stage, found)

    return use


def _gives_a_token(stage: Stage, approval: Approval) -> bool:
    client = stage.app.extensions["idp.clients"].find(CLIENT)
    made = {"access_token": access_tokens.new_access_token(stage.subject), "expires_in": 600}
    asks = Request({})
    asks.client = client
    return issuance.issue_access_token(made, issuance.access_token_record(made, client, approval), asks)


def a_remembered_browser(stage: Stage) -> Use:
    with stage.browser():
        response = Response()
        remembered_devices.remember(stage.subject, response, stage.generation)
        stage.keeps(response)

    def use() -> bool:
        with stage.browser():
            return remembered_devices.is_remembered(stage.subject)

    return use


def a_known_browser(stage: Stage) -> Use:
    with stage.browser():
        response = Response()
        known_devices.remember_and_notify(stage.proved, response)
        stage.keeps(response)

    def use() -> bool:
        with stage.browser():
            return known_devices.is_known(stage.subject)

    return use


# Those that change nothing when they are used come first: of those that do, each is asked on a stage of its own.
CARRIERS: tuple[Callable[[Stage], Use], ...] = (
    a_session, a_sign_in_that_waits, an_access_token, an_exchanged_token, a_code, a_one_time_code, a_refresh_token,
    a_device_approval, a_remembered_browser, a_known_browser, a_recovery_by_phone, a_contact_change,
)  # fmt: skip
DISCONNECTED = (an_access_token, an_exchanged_token, a_code, a_refresh_token, a_device_approval)
ONE_USE = (a_code, a_one_time_code, a_device_approval)

# What ends it all ---------------------------------------------------------------------------------------------------------


def a_recovery(subject: str, state: State = State.PROVISIONAL) -> str:
    """A recovery of the account that gave somebody power over it."""
    row = transitions.create(subject, "index", self_service=True)
    known = {
        "state": state.value,
        "until": 0,
        "old_password_hash": "before",
        "old_contacts": [c.id for c in the(subject).contacts],
    }
    with unit_of_work():
        db.session.execute(update(Recovery).where(Recovery.id == row.id).values(known))
    return row.id


def removes_the_app(subject: str) -> None:
    with unit_of_work():
        db.session.add(Authenticator.of(subject, TOTP, secret="x"))
    assert totp.remove(subject)


def is_erased(subject: str) -> None:
    with unit_of_work():
        db.session.execute(update(Account).where(Account.subject == subject).values(state="deleting", delete_at=1))
    generations.forget(subject)
    assert accounts.erase(subject)


def is_undone(subject: str) -> None:
    accounts.undo_recovery(the(subject), ReplacedCredentials([c.id for c in the(subject).contacts], "before"))


CHANGES: dict[str, Callable[[str], object]] = {
    "own password": lambda s: accounts.change_password(the(s), the(s).password_hash, "Bintang!9terbit"),
    "password reset": lambda s: accounts.set_password_hash(the(s), "another"),
    "contact changed": lambda s: accounts.replace_contact(the(s), email(6)),
    "recovered by identity": lambda s: accounts.recover(the(s), phone(7), email(7), "another"),
    "contacts taken back": is_undone,
    "second factor removed": removes_the_app,
    "recovery vetoed": lambda s: answers.answer(a_recovery(s), Act.VETO, "contact"),
    "recovery affirmed": lambda s: answers.answer(a_recovery(s), Act.APPROVE, "officers"),
    "recovery undone": lambda s: answers.answer(a_recovery(s, State.FINAL), Act.UNDO, "officers"),
    "locked": lambda s: accounts.lock(the(s), "tiket 4711"),
    "deletion asked for": lambda s: accounts.request_deletion(the(s), clock.timestamp() + 86400),
    "erased": is_erased,
    "class withdrawn": lambda s: accounts.set_assurance_level(the(s), ACR_DATA, "tiket 4711"),
    "activity reported, signed out everywhere": lambda s: generations.raise_generation(s),
}


@pytest.fixture
def stage(here: Flask) -> Stage:
    return Stage(here, an_account(1).subject)


def everything(stage: Stage) -> dict[str, Use]:
    return {make.__name__: make(stage) for make in CARRIERS}


def still_good(uses: dict[str, Use]) -> list[str]:
    db.session.rollback()  # as another request sees it
    return [name for name, use in uses.items() if use()]


@pytest.mark.every_store
@pytest.mark.parametrize("make", CARRIERS, ids=lambda make: make.__name__)
def test_each_counts_while_nothing_changes(stage: Stage, make: Callable[[Stage], Use]) -> None:
    """The other tests of this file could not fail without it."""
    assert make(stage)()


@pytest.mark.every_store
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_of_before_a_change_counts_after_it(stage: Stage, change: str) -> None:
    """S1, S6, S7, S8, S10, S11, S12: within the same second, whatever was proved, kept or approved before is worth nothing."""
    uses = everything(stage)
    CHANGES[change](stage.subject)
    assert still_good(uses) == []


@pytest.mark.every_store
@pytest.mark.parametrize("change", CHANGES)
def test_a_process_that_dies_right_after_the_commit_leaves_nothing_good(
    stage: Stage, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S9: no call after the commit has to arrive for the change to hold."""
    uses = everything(stage)
    before = stage.generation

    def dies(unit: UnitOfWork) -> None:
        if generations.current(stage.subject) != before:
            raise Died

    monkeypatch.setattr(UnitOfWork, "committed", dies)
    with pytest.raises(Died):
        CHANGES[change](stage.subject)
    monkeypatch.undo()
    assert still_good(uses) == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_redis_that_forgets_its_last_second_brings_nothing_back(stage: Stage, house: Any, change: str) -> None:
    """S10: everything that Redis knew before the change is there again, under another run of the server."""
    uses = everything(stage)
    kept = snapshot()
    CHANGES[change](stage.subject)
    fail_over(house.stores, kept)
    assert still_good(uses) == []


@pytest.mark.every_store
def test_a_process_that_dies_right_before_the_commit_has_changed_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark of the change stands, so everybody asks SQL, which knows of no change."""
    uses = everything(stage)

    def dies() -> None:
        raise Died

    with pytest.raises(Died), unit_of_work() as work:
        generations.raise_generation(stage.subject)
        monkeypatch.setattr(UnitOfWork, "rolled_back", lambda _: None)
        work.before_commit(dies)
    monkeypatch.undo()
    # The last two change the account when they are used: the one ends the other, as it should.
    assert still_good(uses)[: len(CARRIERS) - 1] == [make.__name__ for make in CARRIERS[:-1]]


@pytest.mark.parametrize("make", ONE_USE, ids=lambda make: make.__name__)
def test_nothing_is_good_twice_because_redis_forgot_its_use(stage: Stage, house: Any, make: Callable[[Stage], Use]) -> None:
    """S10: a code, a one-time code and a device approval of the former run are refused; the ordinary way goes on."""
    use = make(stage)
    kept = snapshot()
    assert use()
    fail_over(house.stores, kept)
    assert not use()
    assert make(stage)(), "and a new one works"


def test_a_session_goes_on_after_a_failover_and_one_that_was_ended_does_not(stage: Stage, house: Any) -> None:
    """S10: SQL is asked once; nobody has to sign in again, and a logout holds."""
    goes_on, ended = a_session(stage), Stage(stage.app, an_account(2).subject)
    use = a_session(ended)
    kept = snapshot()
    with ended.browser():
        session = single_sign_on.current()
    assert session is not None
    single_sign_on.end(session.sid)
    fail_over(house.stores, kept)
    assert goes_on()
    assert not use()


def test_a_token_that_was_given_back_stays_so_after_a_failover(stage: Stage, house: Any) -> None:
    token, now = access_tokens.new_access_token(stage.subject), clock.timestamp()
    access_tokens.save_access_token(token, AccessToken(CLIENT, "openid", now, now + 600, stage.subject))
    kept = snapshot()
    access_tokens.revoke_access_token(token, stage.subject)
    fail_over(house.stores, kept)
    assert access_tokens.find_access_token(token) is None


@pytest.mark.every_store
def test_what_a_service_got_before_it_was_disconnected_is_worth_nothing(stage: Stage) -> None:
    """S8: one number for each service of an account, and no clock: what it gets in the same second afterwards is good."""
    uses = {make.__name__: make(stage) for make in DISCONNECTED}
    others = {make.__name__: make(stage) for make in (a_session, a_sign_in_that_waits)}
    consent.revoke(stage.subject, CLIENT)
    assert still_good(uses) == []
    assert still_good(others) == list(others)
    assert still_good({make.__name__: make(stage) for make in DISCONNECTED}) == [make.__name__ for make in DISCONNECTED]


@pytest.mark.every_store
def test_services_that_are_kept_go_on_after_a_new_password_and_sessions_do_not(stage: Stage) -> None:
    """They go on because the change issues them anew in its own transaction."""
    offline, online = refresh_tokens.new_refresh_token(), refresh_tokens.new_refresh_token()
    refresh_tokens.begin_family(stage.approval(), offline)
    refresh_tokens.begin_family(stage.approval(scope="openid"), online)
    with unit_of_work():
        before = stage.generation
        after = accounts.set_password_hash(the(stage.subject), "another")
        refresh_tokens.reissue_offline(stage.subject, before, after)
    found = refresh_tokens.redeem(offline, CLIENT)
    assert found is not None
    assert found.approval.generation == after
    assert _gives_a_token(stage, found.approval)
    assert refresh_tokens.redeem(online, CLIENT) is None


# The copy in the store ----------------------------------------------------------------------------------------------------


def test_of_two_changes_at_once_neither_lifts_the_others_mark(stage: Stage) -> None:
    keys = [generations.key(stage.subject), generations._marks(stage.subject)]
    for mark in ("one", "other"):
        store().run(generations._MARK, keys, (mark, 60))
    store().run(generations._LIFT, keys, ("one",))
    assert generations.lease(stage.subject) is None, "the other still stands: nobody writes a copy"
    store().run(generations._LIFT, keys, ("other",))
    assert generations.lease(stage.subject) is not None


def test_a_reader_who_was_slow_writes_no_older_copy(stage: Stage) -> None:
    leased = generations.lease(stage.subject)  # read SQL, and was held up
    generations.raise_generation(stage.subject)
    generations.keep(stage.subject, leased, {"generation": "0"})
    assert not generations.still_counts(stage.subject, 0)
    assert generations.still_counts(stage.subject, 1)
    generations.keep(stage.subject, leased, {"generation": "0"})
    assert generations.still_counts(stage.subject, 1)


def test_a_mark_that_a_failover_lost_leaves_an_older_copy_no_longer_than_the_outbox_takes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S9, S10: the mark is lost, somebody copies SQL of before, and whoever changes the account dies at the commit."""
    use, before = a_sign_in_that_waits(stage), stage.generation

    def fails_over() -> None:
        store().drop(generations._marks(stage.subject), generations.key(stage.subject))
        assert use(), "read from SQL, where nothing is committed yet, and copied"

    def dies(_: UnitOfWork) -> None:
        raise Died

    monkeypatch.setattr(UnitOfWork, "committed", dies)
    with pytest.raises(Died), unit_of_work() as work:
        generations.raise_generation(stage.subject)
        work.before_commit(fails_over)
    monkeypatch.undo()
    assert generations.current(stage.subject) == before + 1
    assert single_sign_on.deliver_due() == 1, "another worker's chore, seconds later"
    assert not use()


def test_a_lock_and_an_own_change_at_once_leave_the_browser_signed_out(stage: Stage) -> None:
    """The session goes on in the generation of its own change only, never in that of whatever came right after it."""
    with stage.browser():
        response = Response()
        session = single_sign_on.establish(stage.proved, response)
        own = accounts.set_password_hash(the(stage.subject), "another")
        accounts.lock(the(stage.subject), "tiket 4711")
        single_sign_on.reissue(session, own, response)
        stage.keeps(response)
    with stage.browser():
        assert single_sign_on.current() is None


# Completeness -------------------------------------------------------------------------------------------------------------

# Classes and tables that name an account, and why they carry no generation.
NOTHING_ACTS = {
    "accounts": "the number itself", "service_generations": "the other number itself",
    "contacts": "data", "grants": "what was consented to: no change but its withdrawal ends it",
    "authenticators": "what is proved with: removed or suspended in the transaction of the change",
    "passkey_offers": "a note", "recoveries": "its own rule: a state machine, one recovery",
    "audit_events": "history", "audit_pending": "history", "outbox": "what was said",
    "ClaimedMessage": "what was said", "Draft": "what is to be said, and the drafts of rooms below",
    "SecondFactorContext": "what was proved is its Authentication",
    "PromptFacts": "one request, facts of now", "PromptRequirements": "what the client asks",
    "ComposedEmail": "the subject of a letter", "Words": "the subject of a letter", "Passage": "the subject of a letter",
    "Message": "the subject of a letter",
}  # fmt: skip
NAMES = {"subject", "account"}


def classes() -> Iterator[type]:
    for module in pkgutil.walk_packages(idp.__path__, "idp."):
        if ".migrations" in module.name or module.name == "idp.__main__":
            continue
        loaded = importlib.import_module(module.name)
        for found in vars(loaded).values():
            if isinstance(found, type) and found.__module__ == module.name and is_dataclass(found):
                yield found


def carries(found: type) -> bool:
    return any("generation" in name for name in found.__dataclass_fields__)  # type: ignore[attr-defined]


def test_whatever_names_an_account_carries_its_generation_or_says_why_not(app: Flask) -> None:
    tables = {table.name: set(table.columns.keys()) for table in db.metadata.sorted_tables}
    missing = [name for name, columns in tables.items() if NAMES & columns and "generation" not in columns]
    missing += [found.__name__ for found in classes() if NAMES & found.__dataclass_fields__.keys() and not carries(found)]
    assert sorted(set(missing) - NOTHING_ACTS.keys()) == []


def snapshot() -> dict[bytes, tuple[bytes, int]]:
    """Everything that Redis knows now."""
    redis = store().redis
    return {key: (redis.dump(key), max(0, redis.pttl(key))) for key in redis.scan_iter("*")}


def fail_over(place: stores.Stores, kept: dict[bytes, tuple[bytes, int]]) -> None:
    """Another server takes over that knows this, and nothing of later."""
    stop_embedded_redis(place.var)
    embedded_redis(place.var)
    redis = store().redis
    redis.flushall()
    for key, (value, life) in kept.items():
        redis.restore(key, life, value, replace=True)
