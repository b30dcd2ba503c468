"""A virtual user: one keep-alive connection, one cookie jar, and enough of a browser to walk our pages."""

import asyncio
import html
import re
from urllib.parse import urlencode, urlsplit

LEAVING = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
FORM = re.compile(r"<form(.*?)>(.*?)</form>", re.S)
INPUT = re.compile(r"<(?:input|button)\s(.*?)>", re.S)
ATTRIBUTE = re.compile(r'([\w-]+)=["\']([^"\']*)["\']')


class Failed(Exception):
    """A check did not hold: this is an error, not a unit of work."""


class Answer:
    """Status, headers (names in lower case) and body of one HTTP response."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Browser:
    """Speaks HTTP/1.1 to one loopback port; `requests` counts what it sent."""

    def __init__(self, port: int) -> None:
        self.port, self.jar, self.requests = port, {}, 0
        self.reader: asyncio.StreamReader | None = None

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """One exchange; a connection that the server has closed meanwhile is opened again once."""
        for attempt in (1, 2):
            try:
                return await self._exchange(method, path, headers or {}, body)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.reader = None
                if attempt == 2:
                    raise Failed(f"connection lost: {method} {path[:60]}") from None
        raise AssertionError

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.send("POST", path, form | headers, urlencode(fields).encode())

    async def walk(self, path: str, end: str, answers: dict[str, str] | None) -> str:
        """Follows redirects and fills in forms until a Location begins with `end`; no answers: no page may appear."""
        answer = await self.get(path, Accept="text/html")
        for _ in range(14):
            location = answer.headers.get("location") or _leaving(answer.text)
            if location and location.startswith(end):
                return location
            if location:
                path = _path(location)
                answer = await self.get(path, Accept="text/html")
            elif answer.status == 200 and answers is not None:
                path, fields = form_of(answer.text, path, answers)
                answer = await self.post(path, fields, Accept="text/html", Origin=f"http://127.0.0.1:{self.port}")
            else:
                raise Failed(f"unexpected page [{answer.status}] at {path[:60]}")
        raise Failed("too many steps")

    async def _exchange(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        cookie = "; ".join(f"{n}={v}" for (n, at), v in self.jar.items() if path.startswith(at))
        lines += [f"Cookie: {cookie}"] if cookie else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}"] if method == "POST" else []
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.requests += 1
        return await self._read()

    async def _read(self) -> Answer:
        assert self.reader is not None
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in head[1:-2]:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                self._keep(value)
            headers[name.lower()] = value
        length = int(headers.get("content-length", 0))
        return Answer(int(head[0].split()[1]), headers, await self.reader.readexactly(length))

    def _keep(self, line: str) -> None:
        pair, *attributes = line.split(";")
        name, _, value = pair.strip().partition("=")
        path = next((a.strip()[5:] for a in attributes if a.strip().lower().startswith("path=")), "/")
        if value and "Max-Age=0" not in line:
            self.jar[name, path] = value
        else:
            self.jar.pop((name, path), None)


def _leaving(page: str) -> str | None:
    """Where the page leads that stands for a redirect after a form."""
    found = LEAVING.search(page)
    return html.unescape(found[1]) if found else None


def _path(location: str) -> str:
    parts = urlsplit(location)
    return parts.path + ("?" + parts.query if parts.query else "")


def form_of(page: str, path: str, answers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Address and fields of the form that has one of the names in `answers`, filled in; raises Failed."""
    for attributes, inside in FORM.findall(page):
        inputs = [dict(ATTRIBUTE.findall(tag)) for tag in INPUT.findall(inside)]
        fields = {i["name"]: html.unescape(i.get("value", "")) for i in inputs if i.get("type") == "hidden" and "name" in i}
        wanted = {i["name"]: answers[i["name"]] for i in inputs if i.get("name") in answers}
        if wanted:
            action = dict(ATTRIBUTE.findall(attributes)).get("action")
            return _path(html.unescape(action)) if action else path, fields | wanted
    raise Failed(f"no form to fill in at {path[:60]}")
