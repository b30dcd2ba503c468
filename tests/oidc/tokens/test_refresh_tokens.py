"""Refresh tokens: rotation, a minute of grace, and the end of a family."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from idp.core import clock, crypto
from idp.oidc.tokens import access_tokens, refresh_tokens
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.refresh_tokens import REFRESH_TOKENS
from idp.storage.database import db
from tests.account_rows import a_row

pytestmark = pytest.mark.every_store

OF_SITI = Approval(
    subject="siti", client_id="wlkp", scope="openid offline_access", auth_time=1, acr="a", amr=("pwd",), sid="", family="f1"
)


@pytest.fixture
def moved(app: Flask) -> Iterator[time_machine.Traveller]:
    with app.app_context(), time_machine.travel("2030-01-01T00:00:00Z", tick=False) as traveller:
        a_row("siti")
        yield traveller


def begun(**changes: Any) -> str:
    token = refresh_tokens.new_refresh_token()
    refresh_tokens.begin_family(replace(OF_SITI, **changes), token)
    return token


def refreshed(token: str) -> str | None:
    used = refresh_tokens.redeem(token, "wlkp")
    if used is None:
        return None
    fresh = refresh_tokens.new_refresh_token()
    return fresh if refresh_tokens.rotate(used, fresh) else None


def an_access_token(family: str = "f1") -> str:
    token, now = access_tokens.new_access_token("siti"), clock.timestamp()
    access_tokens.save_access_token(token, AccessToken("wlkp", "openid", now, now + 600, "siti", ends_with=(family,)))
    return token


def test_a_refresh_token_gives_what_was_approved(moved: time_machine.Traveller) -> None:
    found = refresh_tokens.redeem(begun(nonce="n"), "wlkp")
    assert found is not None
    assert found.approval == OF_SITI  # the nonce belonged to the first ID token


def test_every_use_rotates(moved: time_machine.Traveller) -> None:
    first = begun()
    second = refreshed(first)
    assert second is not None
    assert second != first
    assert refreshed(second) is not None


def test_the_previous_token_works_again_for_a_minute_and_answers_with_a_sibling(moved: time_machine.Traveller) -> None:
    first = begun()
    second = refreshed(first)
    moved.shift(60)
    sibling = refreshed(first)
    assert second
    assert sibling
    assert sibling != second
    assert refresh_tokens.find(second, "wlkp")
    assert refresh_tokens.find(sibling, "wlkp")


def test_reuse_after_a_minute_kills_the_family_and_its_access_tokens(moved: time_machine.Traveller) -> None:
    first = begun()
    second = refreshed(first)
    access = an_access_token()
    moved.shift(61)
    assert refreshed(first) is None
    assert second is not None
    assert refresh_tokens.find(second, "wlkp") is None
    assert access_tokens.find_access_token(access) is None


def test_looking_at_a_spent_token_does_no_harm(moved: time_machine.Traveller) -> None:
    first = begun()
    second = refreshed(first)
    moved.shift(61)
    assert refresh_tokens.find(first, "wlkp") is None
    assert second is not None
    assert refresh_tokens.find(second, "wlkp") is not None


def test_another_client_can_neither_use_nor_harm_it(moved: time_machine.Traveller) -> None:
    first = begun()
    second = refreshed(first)
    moved.shift(61)
    assert refresh_tokens.redeem(first, "thief") is None
    assert second is not None
    assert refresh_tokens.redeem(second, "thief") is None
    assert refresh_tokens.find(second, "wlkp") is not None


def test_it_slides_for_thirty_days_and_ends_after_a_hundred_and_eighty(moved: time_machine.Traveller) -> None:
    token: str | None = begun()
    for _ in range(6):
        moved.shift(30 * 86400 - 1)
        assert token is not None
        token = refreshed(token)
    assert token is not None
    moved.shift(6)
    assert refresh_tokens.find(token, "wlkp") is None


def test_thirty_days_without_use_are_too_many(moved: time_machine.Traveller) -> None:
    token = begun()
    moved.shift(30 * 86400)
    assert refreshed(token) is None


def test_twenty_who_refresh_at_once_rotate_once_and_stay_one_family(app: Flask) -> None:
    with app.app_context():
        a_row("siti")
        first = begun()
        barrier = threading.Barrier(20)

        def one(_: int) -> str | None:
            with app.app_context():
                barrier.wait(60)
                return refreshed(first)

        with ThreadPoolExecutor(20) as pool:
            siblings = list(pool.map(one, range(20)))
        assert len(set(siblings)) == 20
        assert None not in siblings
        with db.engine.connect() as connection:
            rows = connection.execute(select(REFRESH_TOKENS.c.digest, REFRESH_TOKENS.c.used_at, REFRESH_TOKENS.c.family_id)).all()
        assert {row.digest for row in rows if row.used_at is not None} == {crypto.digest(first)}
        assert {row.family_id for row in rows} == {"f1"}


def test_revoking_ends_refresh_and_access_tokens(moved: time_machine.Traveller) -> None:
    token, access = begun(), an_access_token()
    refresh_tokens.revoke_family("f1", "siti")
    assert refresh_tokens.find(token, "wlkp") is None
    assert access_tokens.find_access_token(access) is None


def test_an_account_ends_everywhere_or_at_one_client(moved: time_machine.Traveller) -> None:
    here, there = begun(), begun(family="f2", client_id="jkp")
    refresh_tokens.revoke_for_account("siti", "jkp")
    assert refresh_tokens.find(here, "wlkp") is not None
    assert refresh_tokens.find(there, "jkp") is None
    refresh_tokens.revoke_for_account("siti")
    assert refresh_tokens.find(here, "wlkp") is None


def test_a_session_takes_along_only_what_was_not_offline(moved: time_machine.Traveller) -> None:
    offline, online = begun(sid="s1"), begun(sid="s1", family="f2", scope="openid")
    refresh_tokens.revoke_for_session("s1")
    assert refresh_tokens.find(offline, "wlkp") is not None
    assert refresh_tokens.find(online, "wlkp") is None


def test_what_can_never_be_used_again_is_swept(moved: time_machine.Traveller) -> None:
    begun()
    assert refresh_tokens.sweep() == 0
    moved.shift(181 * 86400)
    assert refresh_tokens.sweep() == 1
    with db.engine.connect() as connection:
        assert connection.execute(select(REFRESH_TOKENS)).all() == []


def test_rotated_tokens_are_swept_when_they_would_have_expired(moved: time_machine.Traveller) -> None:
    """O8: of a sign-in that goes on, each token that was ever rotated stayed for 180 days."""
    from idp.maintenance import retention

    (rule,) = [kept for kept in retention.POLICY if kept.name == "rotated refresh tokens"]
    first = begun()
    moved.shift(20 * 86400)
    newest = refresh_tokens.new_refresh_token()
    used = refresh_tokens.redeem(first, "wlkp")
    assert used is not None
    assert refresh_tokens.rotate(used, newest)
    assert rule.remove(10) == 0
    moved.shift(11 * 86400)
    assert (rule.remove(10), rule.remove(10)) == (1, 0)
    assert refresh_tokens.find(newest, "wlkp") is not None


def test_no_refresh_token_is_kept_in_the_clear(moved: time_machine.Traveller) -> None:
    token = begun()
    with db.engine.connect() as connection:
        assert connection.execute(select(REFRESH_TOKENS.c.digest)).scalars().all() == [crypto.digest(token)]


@pytest.mark.parametrize("nonsense", ["", "r-", "r-é", "r-" + "x" * 5000, "nothing"])
def test_nonsense_is_not_found(moved: time_machine.Traveller, nonsense: str) -> None:
    assert refresh_tokens.redeem(nonsense, "wlkp") is None


def test_of_two_siblings_the_one_that_is_not_used_ends(moved: time_machine.Traveller) -> None:
    """S21: a thief who used the token within its minute of grace had a line of their own for 180 days; now it ends, seen."""
    first = begun()
    second, sibling = refreshed(first), refreshed(first)
    assert second and sibling
    access = an_access_token()
    third = refreshed(second)
    assert third
    assert refresh_tokens.find(sibling, "wlkp") is None
    assert refresh_tokens.find(third, "wlkp")
    assert refreshed(sibling) is None
    assert refresh_tokens.find(third, "wlkp") is None, "whoever comes with the other line ends the family"
    assert access_tokens.find_access_token(access) is None


def test_an_answer_that_was_lost_costs_nothing(moved: time_machine.Traveller) -> None:
    """S21: the client that never read the second token goes on with its sibling."""
    first = begun()
    refreshed(first)
    sibling = refreshed(first)
    assert sibling
    third = refreshed(sibling)
    assert third
    assert refreshed(third)


def test_siblings_that_come_at_once_leave_one_line(app: Flask) -> None:
    """S21: of ten that are used in the same moment one goes on."""
    with app.app_context():
        a_row("siti")
        first = begun()
        siblings = [refreshed(first) for _ in range(10)]
        found = [refresh_tokens.find(str(token), "wlkp") for token in siblings]
        barrier = threading.Barrier(10)

        def one(used: Any) -> bool:
            with app.app_context():
                barrier.wait()
                return refresh_tokens.rotate(used, refresh_tokens.new_refresh_token())

        with ThreadPoolExecutor(10) as pool:
            assert sorted(pool.map(one, found)) == [False] * 9 + [True]
