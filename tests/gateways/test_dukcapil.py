"""Dukcapil's words: how names are written and what every answer means, known, old, new and broken."""

from typing import Any

import pytest

from idp.gateways import dukcapil
from idp.gateways.dukcapil import MOTHER, NAME
from idp.gateways.verdicts import RegistryUnavailable, Verdict


def row(**fields: Any) -> dict[str, Any]:
    return {"content": [{"NIK": "Sesuai", NAME: "Sesuai (100)", MOTHER: "Sesuai (100)"} | fields]}


def code(value: Any, name: str = "RESPONSE_CODE") -> dict[str, Any]:
    return {"content": [{name: value, "RESPONSE": "x"}]}


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("siti  nurhaliza ", "SITI NURHALIZA"),
        ("Nu\u2019man", "NU'MAN"),
        ("Nu`man", "NU'MAN"),
        ("Nu\u00b4man", "NU'MAN"),
        ("\uff33\uff29\uff34\uff29", "SITI"),
        ("SITI\u00a0AMINAH", "SITI AMINAH"),
        ("José", "JOSÉ"),
    ],
)
def test_names_are_written_as_dukcapil_keeps_them(typed: str, written: str) -> None:
    assert dukcapil.normalised(typed) == written


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("H. AGUS WIJAYA, S.H., M.M.", "AGUS WIJAYA"),
        ("HJ. NURUL HIDAYAH", "NURUL HIDAYAH"),
        ("DR. IR. AGUS WIJAYA", "AGUS WIJAYA"),
        ("PROF. DR. H. AGUS WIJAYA, S. H., M. M.", "AGUS WIJAYA"),
        ("AGUS WIJAYA SH MH", "AGUS WIJAYA"),
        ("DEWI, S.PD", "DEWI"),
        ("HJ", "HJ"),
        ("H. SE", "SE"),
        ("SITI MARIA", "SITI MARIA"),
        ("NI MADE SUKERTI", "NI MADE SUKERTI"),
    ],
)
def test_titles_fall_away_and_names_stay(name: str, bare: str) -> None:
    assert dukcapil.without_titles(name) == bare


def test_a_second_try_is_made_only_where_it_can_change_the_answer() -> None:
    names = {NAME: "H. AGUS", MOTHER: "TUTI"}
    assert dukcapil.second_names(names, frozenset({NAME})) == {NAME: "AGUS", MOTHER: "TUTI"}
    assert dukcapil.second_names(names, frozenset({MOTHER})) is None
    assert dukcapil.second_names({NAME: "AGUS", MOTHER: "TUTI"}, frozenset({NAME})) is None
    assert dukcapil.second_names(names, frozenset()) is None


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        (["03", "09", "04", "10", "16", "17", 3, "3"], "misconfigured"),
        (["05", 5], "quota"),
        (["06"], "closed"),
        (["07"], "incomplete"),
        (["02", "18", "99", "X", "Data Aneh", "٠١٢"], "unknown"),
    ],
)
@pytest.mark.parametrize("name", ["RESPONSE_CODE", "RESPON", "response_code", "Respon"])
def test_codes_that_say_nothing_about_the_person(codes: list[Any], reason: str, name: str) -> None:
    for value in codes:
        with pytest.raises(RegistryUnavailable) as unavailable:
            dukcapil.read(code(value, name), 90)
        assert unavailable.value.reason == reason, value


@pytest.mark.parametrize(("value", "reason"), [("02", "unknown"), ("?", "unknown"), ("Data Aneh", "unknown"), ("05", "quota")])
def test_a_code_outweighs_fields_that_match(value: str, reason: str) -> None:
    with pytest.raises(RegistryUnavailable) as unavailable:
        dukcapil.read(row(RESPONSE_CODE=value), 90)
    assert unavailable.value.reason == reason


@pytest.mark.parametrize("name", ["RESPONSE_CODE", "RESPON", "response_code"])
def test_codes_about_the_record(name: str) -> None:
    for value in ("08", "13", "15", 13):
        assert dukcapil.read(code(value, name), 90).verdict is Verdict.NOT_FOUND
    for value in ("11", "12", "14"):
        assert dukcapil.read(code(value, name), 90).verdict is Verdict.NEEDS_ATTENTION


@pytest.mark.parametrize("found", ["00", "01", "", None, 0, 1])
def test_found_is_compared_field_by_field(found: Any) -> None:
    assert dukcapil.read(row(RESPONSE_CODE=found), 90).verdict is Verdict.MATCH
    wrong = dukcapil.read(row(RESPONSE_CODE=found, NAMA_LGKP="Tidak Sesuai (40)"), 90)
    assert (wrong.verdict, wrong.wrong) == (Verdict.MISMATCH, {NAME})


def test_the_older_service_answers_in_words() -> None:
    assert dukcapil.read(code("Data Tidak Ditemukan", "RESPON"), 90).verdict is Verdict.NOT_FOUND
    assert dukcapil.read(row(RESPON="Data Ditemukan"), 90).verdict is Verdict.MATCH
    with pytest.raises(RegistryUnavailable) as unavailable:
        dukcapil.read(code("Kuota Akses Hari ini telah Habis", "RESPON"), 90)
    assert unavailable.value.reason == "quota"


def test_an_empty_answer_is_nobody() -> None:
    assert dukcapil.read({"content": [], "quotaLimiter": 7}, 90).verdict is Verdict.NOT_FOUND


def test_any_case_will_do() -> None:
    said = {"content": [{"nik": "SESUAI", "nama_lgkp": "sesuai (95)", "Nama_Lgkp_Ibu": "SESUAI(95)"}]}
    assert dukcapil.read(said, 95).verdict is Verdict.MATCH


@pytest.mark.parametrize(("score", "verdict"), [(89, Verdict.MISMATCH), (90, Verdict.MATCH), (100, Verdict.MATCH)])
def test_the_score_is_judged_here_again(score: int, verdict: Verdict) -> None:
    assert dukcapil.read(row(NAMA_LGKP_IBU=f"Sesuai ({score})"), 90).verdict is verdict


def test_not_alike_is_no_match_however_high_the_score() -> None:
    assert dukcapil.read(row(NAMA_LGKP="Tidak Sesuai (99)"), 90).verdict is Verdict.MISMATCH
    assert dukcapil.read(row(NIK="Tidak Sesuai"), 90).verdict is Verdict.MISMATCH


@pytest.mark.parametrize(
    "said",
    [
        None, [], "Sesuai", 1, {}, {"content": None}, {"content": "Sesuai"}, {"content": ["Sesuai"]},
        {"content": [None]}, {"content": {}}, {"content": [{}]}, {"content": [{"NIK": "Sesuai"}]},
        row(NAMA_LGKP=None), row(NAMA_LGKP=True), row(NAMA_LGKP=""), row(NAMA_LGKP="Mungkin"),
        row(NAMA_LGKP="Sesuai (1000)"), row(NAMA_LGKP="Sesuai (x)"), row(NAMA_LGKP="Sesuai 95"),
        row(NIK="Data Tidak Ditemukan"), row(NAMA_LGKP_IBU=["Sesuai"]),
    ],
)  # fmt: skip
def test_the_unknown_is_never_a_match(said: Any) -> None:
    with pytest.raises(RegistryUnavailable) as unavailable:
        dukcapil.read(said, 90)
    assert unavailable.value.reason == "unknown"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"quotaLimiter": 1523}, 1523),
        ({"quotaLimiter": "9"}, 9),
        ({"quotaLimiter": "x"}, None),
        ({}, None),
        ([], None),
    ],
)
def test_the_quota_is_read_where_it_is_told(said: Any, left: int | None) -> None:
    assert dukcapil.quota_left(said) == left
