"""The building blocks of the pages in a real browser: with the script, without it, and read by axe."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, render_template_string
from playwright.sync_api import Browser, BrowserContext, Page
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from idp.accounts import passwords
from idp.web.forms import Form
from tests.browser.tab import AXE, DEADLINE_MS

HERE = "http://127.0.0.1:1"  # nothing listens there: each request is answered by the application itself


class Everything(Form):
    nik = StringField("NIK", [InputRequired("Isi NIK Anda.")])
    mothers_name = StringField("Nama ibu kandung")
    password = PasswordField("Password", [InputRequired("Isi password Anda.")])
    code = StringField("Kode OTP", [InputRequired("Isi kode OTP.")])


PAGE = """{% extends "base.html" %}{% import "macros/ui.html" as ui %}{% block title %}Uji{% endblock %}
{% block content %}{{ ui.error_summary(form) }}<h1>Uji</h1>
{% call ui.form(form, id="nik") %}{{ ui.nik_field(form.nik) }}
{{ ui.text_field(form.mothers_name, echo=false) }}
{{ ui.new_password_field(form.password) }}{{ ui.code_field(form.code) }}
{{ ui.button("Berikutnya") }}{% endcall %}
{{ ui.resend("/kirim", 2) }}{{ ui.otp_advice() }}{{ ui.consent_terms() }}
{{ ui.choice_cards([{"href": "/a", "title": "Lewat email", "text": "Kode ke email", "icon": "mail"}]) }}
{% call ui.notice("warning", "Perhatian") %}<p>Isi.</p>{% endcall %}
{{ ui.summary_list([("NIK", "99*****0001")]) }}
{% endblock %}"""


def shown(app: Flask, context: BrowserContext, **typed: str) -> Page:
    """A page with one of each, as it comes after `typed` was sent (nothing: as it first opens)."""
    with app.test_request_context("/uji", method="POST" if typed else "GET", data=typed or None):
        form = Everything()
        if typed:
            form.validate()
        html = render_template_string(PAGE, form=form)
    page = context.new_page()
    page.set_default_timeout(DEADLINE_MS)
    page.route("**/*", lambda route: route.fulfill(**answer(app, html, route.request.url)))
    page.goto(f"{HERE}/uji")
    return page


def answer(app: Flask, html: str, url: str) -> dict[str, Any]:
    if "/static/" not in url:
        return {"body": html, "content_type": "text/html"}
    with app.test_client().get(url.removeprefix(HERE)) as file:
        return {"body": file.data, "content_type": file.content_type}


@pytest.fixture
def person(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(viewport={"width": 360, "height": 740}, locale="id-ID")
    yield context
    context.close()


def test_nik_is_grouped_and_counted_while_typing(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person)
    page.locator("#nik").press_sequentially("99990141")
    assert page.input_value("#nik") == "9999 0141"
    assert page.inner_text("#nik-count") == "8 dari 16 angka"
    page.locator("#nik").evaluate("e => e.setSelectionRange(2, 2)")
    page.keyboard.type("7")
    assert page.input_value("#nik") == "9979 9014 1"
    assert page.locator("#nik").evaluate("e => e.selectionStart") == 3


def test_password_rules_answer_while_typing(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person)
    page.fill("#password", "rahasia7")
    assert page.locator("[data-rule].met").evaluate_all("l => l.map(e => e.dataset.rule)") == [
        "min_length",
        "lower",
        "digit",
    ]
    page.fill("#password", "Rahasia7!")
    assert page.locator("[data-rule].met").count() == 5
    page.wait_for_function("document.getElementById('password-rules-said').textContent.startsWith('5 dari 5')")


def test_the_least_length_is_changed_in_one_place(app: Flask, person: BrowserContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """House, "the least length of a password": the table's number is the server's, the page's and the script's."""
    longer = tuple(replace(rule, least=12) if rule.least else rule for rule in passwords.RULES)
    monkeypatch.setattr(passwords, "RULES", longer)
    page = shown(app, person)
    assert page.get_by_text("Minimal 12 karakter").is_visible()
    assert page.locator("[data-rule=min_length]").get_attribute("data-least") == "12"
    page.fill("#password", "Rahasia7!")
    assert page.locator("[data-rule].met").evaluate_all("l => l.map(e => e.dataset.rule)") == [
        "lower",
        "upper",
        "digit",
        "symbol",
    ]
    page.fill("#password", "Rahasia7!ibu")
    assert page.locator("[data-rule].met").count() == 5
    with pytest.raises(passwords.WeakPassword) as weak:
        passwords.check("Kambing7!xy")
    assert [passwords.complaint(code) for code in weak.value.codes] == ["Minimal 12 karakter."]
    passwords.check("Kambing7!xyz")


@pytest.mark.parametrize("password", ["Éà٣!éèêë", "Rahasia7^", "rahasia7", "ŔÁHÁSÍÁ", "رمز سری ۷", "😀😀😀😀😀😀😀a", ""])
def test_script_and_server_judge_alike(app: Flask, person: BrowserContext, password: str) -> None:
    page = shown(app, person)
    page.fill("#password", password)
    met = page.locator("[data-rule].met").evaluate_all("l => l.map(e => e.dataset.rule)")
    assert met == [code for code, kept in passwords.rules(password).items() if kept]


def test_a_password_can_be_shown_and_is_hidden_again_when_sent(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person)
    page.click("text=Tampilkan")
    assert page.get_attribute("#password", "type") == "text"
    page.evaluate("document.getElementById('form-nik').addEventListener('submit', e => e.preventDefault())")
    page.click("text=Berikutnya")
    assert page.get_attribute("#password", "type") == "password"


def test_a_second_press_sends_nothing(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person)
    page.evaluate("window.sent = 0; document.getElementById('form-nik').addEventListener('submit', e => {"
                  "if (!e.defaultPrevented) window.sent += 1; e.preventDefault(); })")  # fmt: skip
    page.dblclick("text=Berikutnya")
    assert page.evaluate("window.sent") == 1


def test_resend_opens_when_its_time_has_come(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person)
    button = page.get_by_role("button", name="Kirim Ulang")
    assert button.is_disabled()
    assert "Kirim ulang dalam" in page.inner_text(".resend")
    button.click()  # waits until it is enabled


def test_the_error_summary_takes_the_focus_and_leads_to_the_field(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person, mothers_name="SITI")
    assert page.evaluate("document.activeElement.className") == "summary"
    assert page.title().startswith("Kesalahan:")
    page.click("text=Isi NIK Anda. >> nth=0")
    assert page.evaluate("document.activeElement.id") == "nik"


def test_the_mothers_name_is_never_written_back(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person, mothers_name="SITI", nik="1234")
    assert page.input_value("#mothers_name") == ""
    assert page.input_value("#nik") == "1234"
    assert "SITI" not in page.content()


def test_all_is_there_without_the_script(app: Flask, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = shown(app, context)
    assert page.get_by_role("button", name="Kirim Ulang").is_enabled()
    assert page.get_by_text("Minimal 8 karakter").is_visible()
    assert not page.get_by_text("Tampilkan", exact=True).is_visible()
    assert not page.locator("#nik-count").is_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("typed", [{}, {"mothers_name": "SITI"}])
def test_axe_finds_nothing(app: Flask, chromium: Browser, scheme: Any, width: int, typed: dict[str, str]) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = shown(app, context, **typed)
    found = Axe().run(page, options=AXE).response["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_everything_to_press_is_at_least_44_pixels_high(app: Flask, person: BrowserContext) -> None:
    page = shown(app, person)
    small = page.locator("button:visible, input:visible, .choice, .foot a, .brand").evaluate_all(
        "l => l.filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"
    )
    assert small == []


def test_a_form_and_its_field_have_ids_of_their_own(app: Flask, person: BrowserContext) -> None:
    """U2: a form named as its field took the label away, and «Tampilkan» with it; on change-number and new-password pages."""
    page = shown(app, person)
    page.get_by_role("button", name="Tampilkan password").click()
    assert page.locator("#nik").evaluate("e => e.tagName") == "INPUT"
    assert page.get_by_label("NIK").get_attribute("name") == "nik"
    assert page.locator("#password").get_attribute("type") == "text"


def test_the_next_error_is_on_the_screen_after_a_click_in_the_summary(app: Flask, person: BrowserContext) -> None:
    """U3: the fragment of the summary's link does not survive the next sending."""
    page = shown(app, person, nik="")
    page.locator(".summary a").first.click()
    assert page.url.endswith("#nik")
    page.locator("#form-nik button[type=submit].primary").click()
    page.wait_for_url(f"{HERE}/uji")


LISTED = """{% extends "base.html" %}{% block width %}wide{% endblock %}{% block content %}<h1>Riwayat</h1>
<p><a href="/lain">Pilih cara lain</a></p><ul class="methods"><li><div><strong>Masuk dengan password</strong>
<span class="hint">5 Mei 2026 pukul 14.03 WIB · Firefox · Windows</span></div>
<form method="post" action="/lapor"><button class="button link" type="submit">Laporkan aktivitas ini</button></form></li></ul>
{% endblock %}"""


def test_a_list_is_of_cards_on_a_phone(app: Flask, person: BrowserContext) -> None:
    """U9: the words had a third of the line beside their button; U19: a link that stands alone is 44 px high."""
    with app.test_request_context("/uji"):
        html = render_template_string(LISTED)
    page = person.new_page()
    page.route("**/*", lambda route: route.fulfill(**answer(app, html, route.request.url)))
    page.goto(f"{HERE}/uji")
    box, words, act = (page.locator(f".methods {part}").bounding_box() for part in ("li", "li > div", "form"))
    assert box is not None and words is not None and act is not None
    assert words["width"] > 0.85 * box["width"] and act["y"] >= words["y"] + words["height"]
    link = page.get_by_role("link", name="Pilih cara lain").bounding_box()
    assert link is not None and link["height"] >= 44
