"""A simple browser over real HTTP: a cookie jar, redirects, forms filled in by their labels' names; no JavaScript."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from tests import loopback

TEXT_BOXES = {"text", "password", "email", "tel", "search", "url", "number"}


@dataclass
class Form:
    """A form of a page: where it goes and what it holds."""

    action: str
    method: str
    id: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a page holds: forms, links, headings, text."""

    def __init__(self, url: str, status: int, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.url, self.status, self.source = url, status, source
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.attributes: dict[str, dict[str, str]] = {}
        self.ids: list[str] = []
        self.boxes: list[dict[str, str]] = []
        self._labelled: set[str] = set()
        self._refresh: str | None = None
        self._texts: list[str] = []
        self._inside: list[str] = []
        self._heading: list[str] = []
        self._link: str | None = None
        self.feed(source)

    @property
    def text(self) -> str:
        """All that a person reads, in one line."""
        return " ".join(" ".join(self._texts).split())

    @property
    def heading(self) -> str:
        """The first heading."""
        return " ".join(" ".join(self._heading).split())

    @property
    def error(self) -> str | None:
        """The code of an error page."""
        return self.attributes.get("main", {}).get("data-error")

    @property
    def refresh(self) -> str | None:
        """Where the page goes on by itself, at once or a moment later; None when it stays."""
        return self._refresh and urljoin(self.url, self._refresh)

    @property
    def faults(self) -> list[str]:
        """What no page may have: one id twice, a text box that no label names (U2)."""
        twice = sorted({known for known in self.ids if self.ids.count(known) > 1})
        nameless = [box for box in self.boxes if box.get("id") not in self._labelled and "aria-label" not in box]
        return [f"id twice: {known}" for known in twice] + [f"box without a name: {box.get('name')}" for box in nameless]

    def form(self, *names: str) -> Form:
        """The form that has all of these fields."""
        for form in self.forms:
            if set(names) <= form.fields.keys() | {name for name, _ in form.buttons}:
                return form
        raise AssertionError(
            f"no form with {names} on «{self.heading}» ({self.status} {urlsplit(self.url).path}): {self.text[:300]}"
        )

    def link(self, words: str) -> str:
        """Where the link with these words leads."""
        for text, href in self.links:
            if words in " ".join(text.split()):
                return urljoin(self.url, href)
        raise AssertionError(f"no link «{words}» on «{self.heading}»: {[t for t, _ in self.links]}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects."""
        given = {name: value or "" for name, value in attrs}
        self.attributes.setdefault(tag, given)
        self._inside.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        if tag == "meta" and given.get("http-equiv") == "refresh":
            self._refresh = given["content"].partition("url=")[2]
        if tag == "label":
            self._labelled.add(given.get("for", ""))
        elif tag == "textarea" or (tag == "input" and given.get("type", "text") in TEXT_BOXES):
            self.boxes.append(given)
        if tag == "form":
            self.forms.append(
                Form(
                    urljoin(self.url, given.get("action") or self.url),
                    given.get("method", "get"),
                    given.get("id", ""),
                    attributes=given,
                )
            )
        elif tag == "a":
            self._link = given.get("href", "")
            self.links.append(("", self._link))
        elif tag in ("input", "button", "textarea", "select") and self.forms and "name" in given:
            self._field(tag, given)
        if tag in ("input", "meta", "link", "img", "br", "path", "hr"):
            self._inside.pop()

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form = self.forms[-1]
        if tag == "button" or given.get("type") == "submit":
            form.buttons.append((given["name"], given.get("value", "")))
        elif given.get("type") not in ("checkbox", "radio") or "checked" in given:
            form.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        """Leaves the element."""
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass
        if tag == "a":
            self._link = None

    def handle_data(self, data: str) -> None:
        """Collects what is read."""
        if self._inside[-1:] in (["script"], ["style"]):
            return
        self._texts.append(data)
        if "h1" in self._inside:
            self._heading.append(data)
        if self._link is not None:
            words, href = self.links[-1]
            self.links[-1] = (words + data, href)


class LeftForService(Exception):
    """A redirect leads out of the provider, back to a service: the browser stops here."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class SimpleBrowser:
    """One browser: `page` is what it shows, `url_of_service` where it was sent when it left us."""

    def __init__(self, issuer: str, language: str = "id") -> None:
        self.issuer = issuer
        self.client = loopback.Client(follow_redirects=False, headers={"Accept-Language": language, "Accept": "text/html"})
        self.page: Page = Page(issuer, 200, "")
        self.url_of_service: str | None = None
        self.last: httpx.Response | None = None

    def open(self, url: str) -> Page:
        """Types an address, and follows redirects within the provider."""
        return self._walk(self.client.build_request("GET", urljoin(self.issuer, url)))

    def click(self, words: str) -> Page:
        """Follows a link."""
        return self.open(self.page.link(words))

    def submit(self, *, button: tuple[str, str] | None = None, form: Form | None = None, **typed: str) -> Page:
        """Fills in the page's form that has these fields, and sends it."""
        chosen = form or self.page.form(*typed, *([button[0]] if button else []))
        return self._walk(self.prepare(chosen, button=button, **typed))

    def prepare(self, form: Form, *, button: tuple[str, str] | None = None, **typed: str) -> httpx.Request:
        """The request that sending the form would make."""
        fields = form.fields | typed | (dict([button]) if button else {})
        headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
        return self.client.build_request(form.method.upper(), form.action, data=fields, headers=headers)

    def back_to_service(self) -> Page:
        """Presses «Kembali ke …»."""
        form = next(f for f in self.page.forms if f.action.endswith("/cancel"))
        return self.submit(form=form)

    def press(self, ending: str) -> Page:
        """Sends the form whose action ends so."""
        return self.submit(form=next(f for f in self.page.forms if urlsplit(f.action).path.endswith(ending)))

    def forget_session(self) -> None:
        """Loses all cookies, as a browser that was closed."""
        self.client.cookies.clear()

    def clone(self) -> "SimpleBrowser":
        """Another tab: the same cookies, a page of its own."""
        other = SimpleBrowser(self.issuer)
        other.client._cookies = self.client._cookies  # one jar: httpx copies it otherwise
        other.page = self.page
        return other

    def send(self, request: httpx.Request) -> httpx.Response:
        """Sends a request as it is, follows nothing."""
        return self.client.send(request)

    def _walk(self, request: httpx.Request) -> Page:
        self.url_of_service = None
        for _ in range(12):
            response = self.last = self.client.send(request)
            location = response.headers.get("Location")
            if location is None:
                self.page = Page(str(response.url), response.status_code, response.text)
                location = self.page.refresh
            if location is None:
                assert response.status_code != 500, self.page.text[:500]
                assert not self.page.faults, (self.page.url, self.page.faults)
                return self.page
            target = urljoin(str(response.url), location)
            if not target.startswith(self.issuer):
                self.url_of_service = target
                self.page = Page(target, response.status_code, "")
                return self.page
            # So that refresh and back repeat nothing.
            assert request.method == "GET" or response.status_code == 303, "a POST must be answered with 303"
            request = self.client.build_request("GET", target)
        raise AssertionError("too many redirects")


def parameters(url: str | None) -> dict[str, Any]:
    """The query (or fragment) parameters of the address that a service was called with."""
    from urllib.parse import parse_qsl

    assert url is not None, "the browser has not arrived at the service"
    parts = urlsplit(url)
    return dict(parse_qsl(parts.query or parts.fragment, keep_blank_values=True))


def onward(response: Any) -> str:
    """Where an answer leads, by a redirect or by the page that stands for one after a form (U14); empty when it stays."""
    address: str = (
        response.headers.get("Location") or Page(str(response.request.url), response.status_code, response.text).refresh or ""
    )
    return address
