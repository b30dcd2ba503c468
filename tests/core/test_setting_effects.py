"""Every setting is read, and has an effect that a test proves: one that nobody reads is a promise not kept (H1)."""

import ast
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import time_machine
from flask import Flask

from idp.accounts import deletion, hashing
from idp.core import clock as house_clock
from idp.core.lifetimes import LIFETIMES
from idp.core.settings import Settings
from idp.core.values import Authentication
from idp.sessions import single_sign_on
from tests.account_rows import a_row
from tests.cli.conftest import Operator, equipped, operator, operators_redis  # noqa: F401
from tests.cli.test_serve import Server, fetched, server  # noqa: F401
from tests.relying_party import RelyingParty

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/core/test_setting_effects.py"

# The test that goes red when a setting loses its effect.
EFFECTS = {
    "environment": "tests/cli/test_config.py::test_a_mistaken_setting_is_named",
    "issuer": "tests/cli/test_serve.py::test_serve_migrates_answers_and_stops_in_peace",
    "bind": f"{HERE}::test_the_address_that_is_bound",
    "port": "tests/cli/test_serve.py::test_serve_names_a_taken_port",
    "management_bind": "tests/cli/test_serve.py::test_the_management_port_is_opened_on_the_address_that_is_named",
    "management_port": "tests/cli/test_serve.py::test_probes_have_a_port_of_their_own_that_ends_with_the_provider",
    "workers": f"{HERE}::test_so_many_workers_are_started",
    "var": "tests/cli/test_serve.py::test_serve_starts_and_stops_the_embedded_store",
    "database_url": "tests/cli/test_config.py::test_a_database_without_tables_is_one_sentence",
    "redis_url": "tests/cli/test_config.py::test_a_store_that_is_away_is_one_sentence",
    "clients_file": "tests/cli/test_client_commands.py::test_mistakes_are_told_by_line",
    "secrets_file": "tests/cli/test_config.py::test_new_secrets_are_private_and_never_overwritten",
    "civil_registry_url": "tests/cli/test_accounts.py::test_a_name_is_corrected_as_dukcapil_has_it_by_now",
    "civil_registry_ca": "tests/gateways/test_civil_registry_over_http.py::test_dukcapil_is_asked_as_the_settings_say",
    "civil_registry_caller_ip": "tests/gateways/test_civil_registry_over_http.py::test_dukcapil_is_asked_as_the_settings_say",
    "sms_url": "tests/gateways/test_sms.py::test_production_refuses_stand_ins",
    "sms_hourly_budget": "tests/limits/test_rate_limits.py::test_the_budget_is_counted_by_the_hour",
    "sms_report_token": "tests/gateways/test_delivery_reports.py::test_without_the_token_nothing_is_believed",
    "mail_url": "tests/gateways/test_mail.py::test_production_refuses_stand_ins",
    "mail_from": "tests/gateways/test_mail.py::test_an_unusable_sender_is_refused",
    "trusted_proxies": "tests/web/test_metrics.py::test_behind_our_own_proxy_the_readers_own_address_counts",
    "metrics_from": "tests/web/test_metrics.py::test_others_are_not_told_that_there_is_anything",
    "metrics_token": "tests/web/test_metrics.py::test_a_token_opens_them_from_anywhere",
    "limits": "tests/limits/test_rate_limits.py::test_settings_change_a_limit",
    "address_limits": "tests/limits/test_rate_limits.py::test_tracked_addresses_are_counted_and_not_refused",
    "argon2_memory_kib": f"{HERE}::test_passwords_are_hashed_with_this_work",
    "argon2_iterations": f"{HERE}::test_passwords_are_hashed_with_this_work",
    "constant_time_ms": "tests/one_time_codes/test_otp.py::test_pretended_and_neutral_take_the_same_time",
    "session_idle_minutes": f"{HERE}::test_a_session_ends_when_it_is_not_used_and_at_last_anyway",
    "session_hours": f"{HERE}::test_a_session_ends_when_it_is_not_used_and_at_last_anyway",
    "interaction_minutes": f"{HERE}::test_a_request_waits_so_long_in_our_pages",
    "deletion_days": f"{HERE}::test_an_account_waits_so_long_for_its_erasure",
    "registration_tokens": "tests/conformance/test_oidcc_dynamic.py::test_oidcc_server",
    "recovery_waiting": "tests/journeys/test_recovery_veto.py::test_where_only_officers_may_let_it_go_on_it_waits",
    **dict.fromkeys(
        ("help_phone", "help_whatsapp", "help_hours", "help_url", "help_address"),
        "tests/pages/test_pages_help_desk.py::test_the_help_desk_is_on_every_page_of_trouble",
    ),
    **dict.fromkeys(
        ("fetch_networks", "fetch_ca"),
        "tests/oidc/clients/test_fetch.py::test_a_service_inside_is_called_with_its_own_authority",
    ),
    "mtls_url": "tests/deploy/test_mutual_tls.py::test_services_prove_themselves_through_nginx",
    "log_level": "tests/web/test_logs.py::test_the_level_is_the_operators",
}


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def attributes_read() -> set[str]:
    """Names read as attributes anywhere in the house, or as the time that the table of lifetimes takes from a setting."""
    found = {known.amount for known in LIFETIMES if isinstance(known.amount, str)}
    for path in (ROOT / "idp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
    return found


def test_every_setting_is_read() -> None:
    """H1: IDP_LOG_LEVEL was documented, checked, and read nowhere."""
    assert set(Settings.model_fields) <= attributes_read()


def test_every_setting_has_a_test_of_its_effect() -> None:
    """H1."""
    assert set(EFFECTS) == set(Settings.model_fields), "name the test that proves what the new setting does"
    for name, test in EFFECTS.items():
        path, _, function = test.partition("::")
        assert function in functions(ROOT / path), f"{name}: {test} is not there"
        told = (ROOT / path).read_text()
        near = "".join(other.read_text() for other in (ROOT / path).parent.glob("conftest.py"))
        assert re.search(rf"\b(IDP_{name.upper()}|{name})\b", told + near), f"{name}: {path} never sets it"


# -- the effects that are nobody else's to prove -----------------------------------------------------------------------


@pytest.fixture
def setting(here: Flask) -> Any:
    """Exchanges settings of the running application: `setting(session_hours=2)`."""

    def change(**changes: Any) -> None:
        here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update=changes)

    return change


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on, at another address of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.2", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def test_the_address_that_is_bound(equipped: Operator, taken: int) -> None:  # noqa: F811
    there = {"IDP_BIND": "127.0.0.2", "IDP_PORT": str(taken)}
    assert "IDP_BIND=127.0.0.2" in equipped.errs("serve", **there)
    assert "lacks its tables" in equipped.errs("serve", **there | {"IDP_BIND": "127.0.0.1"})


@pytest.mark.parametrize("number", [1, 3])
def test_so_many_workers_are_started(server: Server, number: int) -> None:  # noqa: F811
    process, issuer = server(IDP_WORKERS=str(number))
    assert fetched(f"{issuer}/readyz")[0] == 200
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert len(re.findall(r"Spawning worker-\d", said)) == number
    assert all(line.startswith("{") or line == "Stopped." for line in said.splitlines()), said


def test_passwords_are_hashed_with_this_work(here: Flask, setting: Any) -> None:
    setting(argon2_memory_kib=20480, argon2_iterations=3)
    assert "$m=20480,t=3,p=1$" in hashing.hash_password("Matahari!7terbit")


def test_a_session_ends_when_it_is_not_used_and_at_last_anyway(here: Flask, setting: Any, clock: time_machine.Traveller) -> None:
    setting(session_idle_minutes=7, session_hours=1)

    def uses() -> bool:
        with here.test_request_context(headers={"Cookie": cookie}):
            return single_sign_on.current() is not None

    def signs_in() -> str:
        with here.test_request_context():
            answer = here.make_response("")
            single_sign_on.establish(
                Authentication("subject", ("pwd",), house_clock.timestamp(), "urn:siapkerja:acr:data"), answer
            )
            return answer.headers["Set-Cookie"].partition(";")[0]

    a_row("subject")
    cookie = signs_in()
    clock.shift(7 * 60 - 1)
    assert uses()
    clock.shift(7 * 60 + 1)
    assert not uses()
    cookie = signs_in()
    for _ in range(11):
        clock.shift(5 * 60)
        assert uses()
    clock.shift(5 * 60 + 1)
    assert not uses()


def test_an_account_waits_so_long_for_its_erasure(here: Flask, setting: Any, clock: time_machine.Traveller) -> None:
    setting(deletion_days=3)
    assert deletion.earliest_erasure() == house_clock.timestamp() + 3 * 86400


def test_a_request_waits_so_long_in_our_pages(
    here: Flask, setting: Any, clock: time_machine.Traveller, service: Callable[..., RelyingParty]
) -> None:
    setting(interaction_minutes=7)
    browser = here.test_client()
    asked = service("jkp").url()
    door = urljoin(asked, browser.get(asked).headers["Location"])
    clock.shift(7 * 60 - 1)
    assert browser.get(door, follow_redirects=True).status_code == 200
    clock.shift(2)
    assert browser.get(door, follow_redirects=True).status_code == 410
