"""What an operator does to the keys that sign."""

import re
from collections import Counter

import pytest

from tests.cli.conftest import Operator


@pytest.fixture
def keyed(equipped: Operator) -> Operator:
    equipped.reads("db", "upgrade")
    return equipped


def listed(operator: Operator) -> list[list[str]]:
    return [line.split() for line in operator.reads("keys", "list").splitlines()]


def states(operator: Operator, alg: str) -> list[str]:
    return sorted(state for known, state, *_ in listed(operator) if known == alg)


def test_keys_are_listed(keyed: Operator) -> None:
    assert Counter((alg, state) for alg, state, *_ in listed(keyed)) == {
        (alg, "active"): 1 for alg in ("RS256", "PS256", "ES256", "EdDSA")
    }
    assert all(row[-2:] != row[-1:] and "start" in row for row in listed(keyed))


def test_a_next_key_waits_a_day_and_there_is_one_at_a_time(keyed: Operator) -> None:
    assert "signs in 24 hours" in keyed.reads("keys", "rotate", "ES256")
    assert states(keyed, "ES256") == ["active", "next"]
    assert states(keyed, "RS256") == ["active"]
    assert "has a next key already" in keyed.errs("keys", "rotate", "ES256")
    assert re.search(r"signs from \d{4}-\d\d-\d\d \d\d:\d\d WIB", keyed.reads("keys", "list"))


def test_a_leaked_key_is_replaced_and_retired(keyed: Operator) -> None:
    (leaked,) = [row[-1] for row in listed(keyed) if row[0] == "ES256"]
    said = keyed.types("keys", "rotate", "ES256", "--at-once", typed="n\n")
    assert said.exit_code == 1, "it asks first"
    assert states(keyed, "ES256") == ["active"]
    assert "signs from now on" in keyed.reads("keys", "rotate", "ES256", "--at-once", "--yes")
    assert states(keyed, "ES256") == ["active", "previous"]
    assert keyed.types("keys", "retire", leaked, typed="n\n").exit_code == 1
    assert "erased" in keyed.reads("keys", "retire", leaked, "--yes")
    assert leaked not in keyed.reads("keys", "list")
    assert "No published key" in keyed.errs("keys", "retire", leaked, "--yes")


def test_all_keys_rotate_together(keyed: Operator) -> None:
    keyed.reads("keys", "rotate", "all")
    assert Counter(state for _, state, *_ in listed(keyed)) == {"active": 4, "next": 4}
    assert "not one of" in keyed.errs("keys", "rotate", "HS256")
