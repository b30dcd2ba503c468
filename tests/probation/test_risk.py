"""How risky a recovery is: security.md's weights, sum by sum."""

import pytest

from idp.probation.risk import DURATION_SECONDS, WEIGHTS, RiskDecision, RiskSignals, assess_risk, score


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
        assert score(RiskSignals(**{name: True})) == weight
    assert set(RiskSignals().to_dict()) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("given", "way"),
    [
        ([], RiskDecision.SHORT),
        (["dormant"], RiskDecision.SHORT),
        (["dormant", "surge"], RiskDecision.SHORT),  # 0
        (["old_phone_lives"], RiskDecision.LONG),  # 1
        (["used_elsewhere"], RiskDecision.WAIT),  # alive, whatever any gateway reports (S3)
        (["used_elsewhere", "known_device"], RiskDecision.SHORT),  # 0
        (["used_elsewhere", "old_phone_lives"], RiskDecision.WAIT),  # 4
        (["used_elsewhere", "seen_before"], RiskDecision.WAIT),
        (["used_elsewhere", "old_phone_lives", "old_proof"], RiskDecision.SHORT),  # 0
        (["used_elsewhere", "seen_before", "surge", "old_phone_lives", "old_proof"], RiskDecision.WAIT),  # 5
        (["seen_before", "known_device"], RiskDecision.SHORT),
    ],
)
def test_the_sum_decides(given: list[str], way: RiskDecision) -> None:
    assert assess_risk(RiskSignals(**dict.fromkeys(given, True))) is way


def test_how_long_each_way_lasts() -> None:
    assert {way: seconds // 3600 for way, seconds in DURATION_SECONDS.items()} == {
        RiskDecision.SHORT: 24,
        RiskDecision.LONG: 72,
        RiskDecision.WAIT: 72,
    }
