"""The one table of cookies: names, attributes, and removal by the attributes that a cookie was set with."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, Response

from idp.web import cookies
from idp.web.cookies import COOKIES, Cookie

IDP = Path(cookies.__file__).resolve().parents[1]
each_cookie = pytest.mark.parametrize("cookie", COOKIES, ids=lambda cookie: cookie.base)


@pytest.fixture
def secure(make_app: Callable[..., Flask]) -> Flask:
    """The application as it is served over https."""
    return make_app(issuer="https://akun.kemnaker.go.id")


def sent(act: Callable[[Response], None]) -> tuple[str, set[str]]:
    """Name and attributes of the one cookie in an answer; without the value, and without what only a time changes."""
    response = Response()
    act(response)
    (header,) = response.headers.getlist("Set-Cookie")
    pair, *attributes = header.split("; ")
    return pair.partition("=")[0], {attribute for attribute in attributes if not attribute.startswith(("Expires", "Max-Age"))}


@each_cookie
def test_a_cookie_is_deleted_by_the_name_and_attributes_that_it_was_set_with(secure: Flask, cookie: Cookie) -> None:
    with secure.app_context():
        given = sent(lambda response: cookies.set_cookie(response, cookie, "x"))
        assert given == sent(lambda response: cookies.delete_cookie(response, cookie))


@each_cookie
def test_over_https_a_cookie_is_secure_and_a_host_only_one_cannot_be_planted(secure: Flask, cookie: Cookie) -> None:
    with secure.app_context():
        name, attributes = sent(lambda response: cookies.set_cookie(response, cookie, "x"))
    assert attributes >= {"Secure", f"Path={cookie.path}"}
    assert cookie.path == "/" or not cookie.host_only, "browsers refuse a __Host- name with another path"
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert name.startswith("__Host-") is cookie.host_only


def test_scripts_read_one_cookie_and_frames_of_others_send_one() -> None:
    assert [cookie.base for cookie in COOKIES if cookie.for_scripts or cookie.in_frames] == ["idp_browser_state"]


def test_over_http_no_name_claims_more_than_it_holds(app: Flask) -> None:
    with app.app_context():
        for cookie in COOKIES:
            name, attributes = sent(lambda response, cookie=cookie: cookies.set_cookie(response, cookie, "x"))
            assert name == cookie.base
            assert "SameSite=Lax" in attributes, "None is refused without Secure"


def test_no_other_module_sets_reads_or_names_a_cookie() -> None:
    direct = re.compile(r"response\.(set|delete)_cookie\(|(?<!_)request\.cookies\.get\(|[\"']__Host-")
    others = [path for path in IDP.rglob("*.py") if path != Path(cookies.__file__)]
    assert [path.relative_to(IDP).as_posix() for path in others if direct.search(path.read_text())] == []
