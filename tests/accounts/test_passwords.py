"""Passwords: the seed's five rules, what everybody uses, what is one's own, and hashes that cost everybody the same."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter, thread_time

import pytest
from flask import Flask

from idp.accounts import hashing, passwords
from idp.accounts.passwords import WeakPassword
from idp.core.key_rings import Ring
from idp.core.settings import Settings
from tests.account_rows import ANOTHER, PASSWORD, at_once

OWN = ["Siti Nurhaliza Rahayu", "6201015708900001", "081234562797", "siti.nur"]


def broken(text: str, personal: list[str] | None = None) -> list[str]:
    try:
        passwords.check(text, personal or [])
    except WeakPassword as weak:
        return weak.codes
    return []


def pepper(app: Flask, **keys: bytes) -> None:
    """Exchanges the pepper's ring; the last key is the current one."""
    ring = Ring(list(keys)[-1], keys)
    app.extensions["idp.secrets"] = replace(app.extensions["idp.secrets"], pepper=ring)


def seconds(act: Callable[[], object]) -> float:
    """The least of a few: what it costs when nothing else disturbs."""
    taken = []
    for _ in range(7):
        begun = thread_time()
        act()
        taken.append(thread_time() - begun)
    return min(taken)


@pytest.mark.parametrize(
    "text, code",
    [
        ("Kambin!7", None),
        ("Kambi!7", "min_length"),
        ("KAMBING!7", "lower"),
        ("kambing!7", "upper"),
        ("Kambing!!", "digit"),
        ("Kambing77", "symbol"),
        ("Kambing-77", "symbol"),
    ],
)
def test_each_of_the_five_rules_is_told_by_itself(text: str, code: str | None) -> None:
    assert [name for name, kept in passwords.rules(text).items() if not kept] == ([code] if code else [])


@pytest.mark.parametrize("symbol", "!@#$%^&*")
def test_every_symbol_of_the_guide_counts(symbol: str) -> None:
    assert broken(f"Kambing7{symbol}putih") == []


def test_128_characters_of_any_kind_and_no_more() -> None:
    assert broken("Aé7!" * 32) == []
    assert broken("Aé7!" * 32 + "x") == ["too_long"]
    assert broken(unicodedata.normalize("NFD", "Aé7!" * 32)) == [], "counted as they are read, not as they are coded"


@pytest.mark.parametrize("text", ["Password1!", "P@ssw0rd", "Qwerty123!", "Indonesia2024!", "1Qaz@Wsx", "Bismillah99*"])
def test_what_everybody_uses_is_refused_with_its_capital_and_its_tail(text: str) -> None:
    assert "common" in broken(text)


@pytest.mark.parametrize(
    "text", ["Nurhaliza!7", "xRAHAYU!7x", "X!a6201015708900001", "Xa!081234562797", "Xa!6281234562797", "Siti.Nur!77"]
)
def test_ones_own_data_are_refused(text: str) -> None:
    assert broken(text, OWN) == ["personal"]
    assert broken(text) == []


def test_short_parts_of_a_name_may_occur() -> None:
    assert broken("Kambing!7al", ["Al Ali"]) == []


def test_a_hash_fits_its_password_only(here: Flask) -> None:
    usual = {name: Settings.model_fields[name].default for name in ("argon2_memory_kib", "argon2_iterations")}
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update=usual)
    stored = hashing.hash_password(PASSWORD)
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored
    assert PASSWORD not in stored
    assert hashing.matches(PASSWORD, stored)
    assert not hashing.matches(ANOTHER, stored)
    assert not hashing.matches("", stored)
    assert hashing.hash_password(PASSWORD) != stored, "salted"


def test_two_ways_to_write_an_accent_are_one_password(here: Flask) -> None:
    stored = hashing.hash_password(unicodedata.normalize("NFC", "Café!7terbit"))
    assert hashing.matches(unicodedata.normalize("NFD", "Café!7terbit"), stored)


def test_the_hash_alone_is_worth_nothing_without_the_pepper(here: Flask) -> None:
    pepper(here, k1=b"1" * 32)
    stored = hashing.hash_password(PASSWORD)
    pepper(here, k1=b"2" * 32)
    assert not hashing.matches(PASSWORD, stored)


def test_the_pepper_rotates(here: Flask) -> None:
    pepper(here, k1=b"1" * 32)
    stored = hashing.hash_password(PASSWORD)
    assert not hashing.needs_rehash(stored)
    pepper(here, k1=b"1" * 32, k2=b"2" * 32)
    assert hashing.matches(PASSWORD, stored)
    assert hashing.needs_rehash(stored)
    pepper(here, k2=b"2" * 32)
    assert not hashing.matches(PASSWORD, stored), "a pepper that is gone fails closed"


def test_other_parameters_make_a_hash_outdated(here: Flask) -> None:
    stored = hashing.hash_password(PASSWORD)
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"argon2_iterations": 3})
    assert hashing.matches(PASSWORD, stored)
    assert hashing.needs_rehash(stored)


@pytest.mark.parametrize("stored", [None, "", "none", "k1$", "k1$nonsense", "gone$$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"])
def test_what_is_no_hash_matches_nothing(here: Flask, stored: str | None) -> None:
    assert not hashing.matches(PASSWORD, stored)
    assert not hashing.matches("", stored)


def test_no_account_a_lost_pepper_and_an_endless_password_cost_the_same_work(here: Flask) -> None:
    stored = hashing.hash_password(PASSWORD)
    usual = seconds(lambda: hashing.matches(ANOTHER, stored))
    assert seconds(lambda: hashing.matches(ANOTHER, None)) > usual * 0.5
    assert seconds(lambda: hashing.matches(ANOTHER, "gone$" + stored)) > usual * 0.5
    assert seconds(lambda: hashing.matches("x" * 600, stored)) > usual * 0.5


def test_a_hostile_text_keeps_no_core_busy(here: Flask) -> None:
    hostile = "A7!a" + "\u0315\u0300" * 60_000  # NFC sorts marks in quadratic time: half a minute
    begun = perf_counter()
    assert broken(hostile) == ["too_long"]
    assert not hashing.matches(hostile, hashing.hash_password(PASSWORD))
    assert perf_counter() - begun < 2


def test_a_text_cut_where_reading_ends_is_not_the_password(here: Flask) -> None:
    longest = "Aa7!" * 128
    assert not hashing.matches(longest + "x", hashing.hash_password(longest))


def test_beyond_the_line_people_are_asked_to_come_back(here: Flask) -> None:
    outcomes = at_once(here, [lambda: hashing.hash_password(PASSWORD)] * 24)
    assert outcomes.keys() == {"done", "Busy"}
    assert outcomes["done"] >= hashing.MAX_PENDING_HASHES - hashing.PLACES_KEPT[hashing.Turn.ORDINARY]
    assert hashing.hash_password(PASSWORD), "and then it is as before"
