"""O2: somebody at the help desk can let a person try again, and the trail knows who and why."""

import re

from tests.cli.conftest import Operator
from tests.cli.test_accounts import REASON, events, nik, seed, seeded  # noqa: F401 (fixtures)


def spends(operator: Operator, who: str) -> None:
    """Uses up what wrong facts may be given for this NIK."""
    from unittest.mock import patch

    from idp import create_app
    from idp.limits import rate_limits
    from idp.storage.sealing import sealer

    ours = {name: value for name, value in operator.environment().items() if name.startswith("IDP_")}
    with patch.dict("os.environ", ours), create_app().app_context():
        for _ in range(3):
            rate_limits.hit("facts_nik_day", sealer().index(who, "facts"))


def test_a_persons_limits_are_shown_and_cleared_with_a_reason(seeded: Operator, nik: str) -> None:  # noqa: F811
    assert seeded.reads("limits", "show", nik) == "None is used up.\n"
    spends(seeded, nik)
    assert seeded.reads("limits", "show", "-", typed=f"{nik}\n") == "facts_nik_day\n"
    assert "--reason" in seeded.errs("limits", "clear", nik)
    assert "Cleared" in seeded.reads("limits", "clear", nik, *REASON)
    assert seeded.reads("limits", "show", nik) == "None is used up.\n"
    (fact,) = events(seeded, "limits_cleared")
    assert re.fullmatch(r"\S+: tiket 4711", fact["reason"])
    assert nik not in str(fact)


def test_wrong_facts_of_somebody_without_account_are_cleared_too(seeded: Operator) -> None:  # noqa: F811
    spends(seeded, "9901011204850077")
    assert seeded.reads("limits", "show", "9901011204850077") == "facts_nik_day\n"
    seeded.reads("limits", "clear", "9901011204850077", *REASON)
    assert seeded.reads("limits", "show", "9901011204850077") == "None is used up.\n"
    assert "digit by digit" in seeded.errs("limits", "show", "99")
