"""How risky a recovery is: security.md's weights, sum by sum."""

import pytest

from idp.probation.risk import STAYS, WEIGHTS, Circumstances, Way, score, verdict


def test_every_circumstance_has_the_weight_that_was_decided() -> None:
    assert WEIGHTS == {
        "used_elsewhere": 3,
        "old_phone_lives": 1,
        "seen_before": 3,
        "surge": 2,
        "known_device": -3,
        "old_proof": -4,
        "dormant": -2,
    }
    for name, weight in WEIGHTS.items():
        assert score(Circumstances(**{name: True})) == weight
    assert set(Circumstances().to_dict()) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ([], Way.SHORT),
        (["dormant"], Way.SHORT),
        (["dormant", "surge"], Way.SHORT),  # 0
        (["old_phone_lives"], Way.LONG),  # 1
        (["used_elsewhere"], Way.LONG),  # 3
        (["used_elsewhere", "old_phone_lives"], Way.WAIT),  # 4
        (["used_elsewhere", "seen_before"], Way.WAIT),
        (["used_elsewhere", "old_phone_lives", "old_proof"], Way.SHORT),  # 0
        (["used_elsewhere", "seen_before", "surge", "old_phone_lives", "old_proof"], Way.WAIT),  # 5
        (["seen_before", "known_device"], Way.SHORT),
    ],
)
def test_the_sum_decides(given: list[str], way: Way) -> None:
    assert verdict(Circumstances(**dict.fromkeys(given, True))) is way


def test_how_long_each_way_lasts() -> None:
    assert {way: seconds // 3600 for way, seconds in STAYS.items()} == {Way.SHORT: 24, Way.LONG: 72, Way.WAIT: 72}
