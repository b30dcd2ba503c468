"""Hypothesis strategies for requests that no client sends, and what every answer to one must hold."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus, urlsplit

from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

FORM = "application/x-www-form-urlencoded"
FOREIGN = "https://evil.example"
MARKUP = "<script>fuzz()</script>"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]

# The codes that the specifications of our endpoints define (RFC 6749, 6750, 7591, 7592, 8628, 8707, 9101, 9126).
OAUTH_ERRORS = {
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
    "unsupported_response_type", "access_denied", "invalid_token", "insufficient_scope", "invalid_redirect_uri",
    "invalid_client_metadata", "unapproved_software_statement", "authorization_pending", "slow_down", "expired_token",
    "invalid_target", "invalid_request_object", "invalid_request_uri", "request_not_supported", "request_uri_not_supported",
    "registration_not_supported", "unsupported_token_type", "login_required", "temporarily_unavailable", "invalid_dpop_proof",
    "use_dpop_nonce", "invalid_authorization_details",
}  # fmt: skip

NASTY: list[str | bytes] = [
    "", " ", "\0", "a\0b", "\r\nX-Injected: 1", "\t", "\x7f", "\u202e", "é", "𝔘", "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe", b"\xc0\xaf", '"', "\\", "'", "%", "%00", "%ff", "+", "*", MARKUP, "{{7*7}}", "${7*7}", "' OR 1=1 --",
    "../../etc/passwd", "javascript:alert(1)", "data:text/html,x", "https://evil.example/", "//evil.example", "/\\evil.example",
    "http://[", "https://[::1", "http://a:99999999/", "https://user@rp.example/cb", "urn:ietf:params:oauth:request_uri:x",
    "urn:ietf:params:oauth:grant-type:token-exchange", "null", "true", "0", "-1", "00", "1e400", "NaN", "9" * 40, "٣", "x" * 300,
    "x" * 5000, "é" * 3000, "a.b.c", "...", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiIsImtpZCI6W119.W10.AA",
    "{}", "[]", "[" * 2000, '{"id_token":{"acr":{"values":5}}}', '{"userinfo":5}', '{"id_token":{"sub":{"value":{}}}}',
    '{"id_token":{"acr":{"essential":true,"values":[null,[],{}]}}}', "openid\tprofile", "openid openid", "none login", "r-", "00",
    "r-" + "x" * 40, "00" + "x" * 43, "ff" + "é" * 43, "dyn-" + "a" * 24, "query fragment", "S256 plain",
]  # fmt: skip

RAW_BODIES = [
    b"\xff\xfe=1", b"=", b"&&&&", b"a=%zz", b"%00=1", b"a=1&" * 300, b"a=" + b"x" * 70_000, b"x" * 300_000, b"{}", b"[1]", b"null",
    b'{"a":', b"[" * 3000, b"\x1f\x8b\x08\0", b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n", b"--x\r\n",
]  # fmt: skip

CONTENT_TYPES = [
    "", "application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=",
    FORM + "; charset=utf-16", FORM + "; charset=\xff", "application/json; charset=latin-1", "application/xml", "x", "/", ";",
    "application/x-www-form-urlencoded, text/html", "x" * 9000,
]  # fmt: skip

ODD_HEADERS: list[tuple[str, str]] = [
    ("Origin", FOREIGN), ("Origin", "null"), ("Origin", "\xff"), ("Origin", ""), ("Sec-Fetch-Site", "cross-site"),
    ("Authorization", ""), ("Authorization", "Basic"), ("Authorization", "Basic "), ("Authorization", "Basic !!!"),
    ("Authorization", "Basic /w=="), ("Authorization", "Basic Og=="), ("Authorization", "Basic AAAAAA=="), ("Authorization", "basic YTpi"),
    ("Authorization", "Basic JWZmOiVmZg=="), ("Authorization", "Bearer"), ("Authorization", "Bearer "), ("Authorization", "Bearer \xff"),
    ("Authorization", "Bearer a b"), ("Authorization", "Bearer " + "x" * 20_000), ("Authorization", "Bearer a.b.c"),
    ("Authorization", "Bearer 00" + "x" * 43), ("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30."), ("Authorization", "DPoP x"),
    ("Authorization", "Negotiate x"), ("Authorization", "\xe9"), ("Authorization", "Digest username=\""), ("Cookie", "idp_session=x"),
    ("Cookie", "idp_session=" + "." * 50), ("Cookie", "idp_session=\xff.\xff; interaction=\xff; bahasa=\xff"), ("Cookie", "="),
    ("Cookie", ";;;"), ("Cookie", "bahasa=xx; idp_browser="), ("Cookie", 'idp_session="\\377\\000"'), ("Cookie", "idp_session=a.b.c.d"),
    ("Cookie", "a=" + "b" * 30_000), ("Host", "evil.example"), ("Host", "\xff"), ("Host", "a:b:c"), ("Host", ""),
    ("X-Forwarded-For", "\xff, ::1%lo"), ("X-Forwarded-For", "1" * 9000), ("X-Forwarded-Host", "evil.example"),
    ("Accept", "\xff"), ("Accept", "application/json;q=\xff"), ("Accept-Language", "\xff;q=x,*;q=9,en;q=-1"), ("Accept-Language", "x" * 9000),
    ("Accept-Encoding", ","), ("If-None-Match", "\xff"), ("If-Modified-Since", "never"), ("Range", "bytes=9-1"), ("Content-Encoding", "gzip"),
    ("Content-Length", "x"), ("Content-Length", "-1"), ("X-Junk", "y" * 60_000), ("Referer", "\xff"), ("User-Agent", "\xff" * 500),
    ("Access-Control-Request-Method", "PUT"), ("DPoP", "a.b.c"), ("X-HTTP-Method-Override", "DELETE"),
]  # fmt: skip


def thorough(examples: int) -> settings:
    """The same examples in every run, on whatever machine: a red test stays red until the code is mended."""
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink), print_blob=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One request, down to its bytes."""

    method: str
    path: str
    query: tuple[tuple[str, str | bytes], ...] = ()
    form: tuple[tuple[str, str | bytes], ...] = ()
    body: bytes | None = None
    kind: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def to(self, app: Flask) -> TestResponse:
        """Sends it to the whole application, middleware included."""
        body = _encoded(self.form) if self.body is None else self.body
        builder = EnvironBuilder(path="/", method=self.method, data=body)
        environ = builder.get_environ()
        environ["PATH_INFO"] = self.path
        environ["QUERY_STRING"] = _encoded(self.query).decode("latin-1")
        environ["CONTENT_TYPE"] = self.kind if self.kind is not None else FORM if body else ""
        environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.cookies)
        for name, value in self.headers:
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_LENGTH" else f"HTTP_{key}"] = value
        chunks, status, headers = run_wsgi_app(app, environ, buffered=True)
        request: Any = builder.get_request()
        return TestResponse(chunks, status, headers, request)


def _encoded(pairs: Sequence[tuple[str, str | bytes]]) -> bytes:
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()


texts = st.text(st.characters(codec="utf-8"), max_size=30)
values = st.one_of(st.sampled_from(NASTY), st.sampled_from(NASTY), texts, st.binary(max_size=12))
odd_headers = st.lists(st.sampled_from(ODD_HEADERS), max_size=2)


@st.composite
def bent(draw: st.DrawFn, base: Sent) -> Sent:
    """`base` with its parameters bent, and now and then its method, body, headers too."""
    where = "form" if base.form else "query"
    pairs = draw(bent_pairs(getattr(base, where)))
    sent = replace(base, headers=(*base.headers, *draw(odd_headers)), **{where: tuple(pairs)})
    match draw(st.integers(0, 9)):
        case 0:
            return replace(sent, method=draw(st.sampled_from(METHODS)))
        case 1:
            return replace(sent, kind=draw(st.sampled_from(CONTENT_TYPES)))
        case 2:
            body = draw(st.one_of(st.sampled_from(RAW_BODIES), st.binary(max_size=60)))
            return replace(sent, body=body, kind=draw(st.sampled_from([FORM, *CONTENT_TYPES])))
        case 3:
            return replace(sent, query=sent.form, form=sent.query)
        case _:
            return sent


@st.composite
def bent_pairs(draw: st.DrawFn, pairs: tuple[tuple[str, str | bytes], ...]) -> list[tuple[str, str | bytes]]:
    """Parameters with up to three of them duplicated, replaced, dropped or new."""
    bent_ones = list(pairs)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(bent_ones) - 1)))
        act = draw(st.sampled_from(["replace", "replace", "replace", "duplicate", "drop", "add"]))
        if act == "add" or not bent_ones:
            bent_ones.append((draw(texts), draw(values)))
        elif act == "replace":
            bent_ones[at] = (bent_ones[at][0], draw(values))
        elif act == "duplicate":
            bent_ones.append((bent_ones[at][0], draw(st.one_of(st.just(bent_ones[at][1]), values))))
        else:
            del bent_ones[at]
    return bent_ones


plain_json = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), texts,
    st.sampled_from([value for value in NASTY if isinstance(value, str)]),
)  # fmt: skip


def nested(depth: int) -> Any:
    """A list in a list in a list …"""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


# One of each kind of surprise: for every member of a body in turn.
ODD_JSON: list[Any] = [
    None, True, False, 0, -1, 1.5, 2**31, 2**63, 2**64, 2**70, 1e300, "", " ", "x", "\0", "\ud800", "x" * 5000, MARKUP,
    [], [None], [0], [""], ["\0"], ["\ud800"], [[]], [{}], ["x"] * 300, {}, {"": ""}, {"x": None}, {"value": {}}, {"keys": 5},
    {"keys": [{}]}, {"keys": [None]}, {"keys": [{"kty": []}]}, {"keys": [{"kty": "EC", "x": 5}]}, {"keys": [{"kty": "RSA", "n": {}}]},
    nested(40), nested(260), {"id_token": {"x": nested(260)}}, {"userinfo": {"x": {"values": nested(260)}}}, {"keys": [{"x": nested(260)}]},
    "https://[", "https://a:99999", "javascript:x", ["https://[::1"], ["https://a:x/"], ["javascript:x"], ["HTTPS://RP.EXAMPLE/cb"],
]  # fmt: skip

any_json = st.one_of(
    st.recursive(plain_json, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5),
    st.sampled_from(
        [nested(260), {"id_token": {"x": nested(300)}}, {"keys": nested(255)}, nested(900), {"": ""}, [None], {"keys": [{}]}]
    ),
)


@st.composite
def bent_members(draw: st.DrawFn, members: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """A JSON object with up to three members of other types than anybody expects."""
    changed = dict(members)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.one_of(st.sampled_from(list(known)), st.sampled_from(list(known)), texts))
        if draw(st.booleans()) and isinstance(changed.get(name), list):
            changed[name] = [*changed[name], draw(any_json)]
        else:
            changed[name] = draw(any_json)
    return changed


def as_bytes(value: Any) -> bytes:
    """JSON; what cannot be UTF-8 is escaped."""
    return json.dumps(value).encode()


# -- what every answer must hold ---------------------------------------------------------------------------------------


def judge(sent: Sent, answer: TestResponse, allowed: Sequence[str]) -> None:
    """No failure of ours, no way out but to `allowed` addresses, nothing of the caller's in a header or as markup."""
    assert answer.status_code < 500, f"{answer.status_code} {answer.get_data(as_text=True)[:300]}"
    location = answer.headers.get("Location")
    if location is not None:
        ours = location.startswith("/") and not location.startswith(("//", "/\\"))
        assert ours or any(location.startswith(one) for one in allowed), location
        assert "evil.example" not in urlsplit(location).netloc
    assert "X-Injected" not in answer.headers
    assert answer.headers.get("Access-Control-Allow-Origin") in (None, "*"), "nobody registered a foreign origin"
    if answer.mimetype == "text/html" and sent.method != "HEAD":
        assert MARKUP not in answer.get_data(as_text=True)


def judge_oauth(sent: Sent, answer: TestResponse) -> None:
    """A client's endpoint: whatever is refused is refused with an OAuth error in JSON (RFC 6749 section 5.2)."""
    if answer.status_code < 400 or sent.method == "HEAD":
        return
    assert answer.mimetype == "application/json", f"{answer.status_code} {answer.mimetype}"
    assert "no-store" in answer.headers["Cache-Control"]
    told = json.loads(answer.data)
    if told or answer.status_code != 401:  # RFC 6750 section 3.1: no code for a request without any token
        judge_error(told.get("error"), told.get("error_description", ""))
    if answer.status_code == 401 and dict(sent.headers).get("Authorization", "").startswith(("Basic ", "Bearer ")):
        assert answer.headers.get("WWW-Authenticate")
    if answer.status_code == 405:
        assert answer.headers["Allow"]


def judge_error(error: str | None, description: str) -> None:
    """A registered code, and a description of the characters that RFC 6749 section 5.2 allows."""
    assert error in OAUTH_ERRORS, error
    assert all(" " <= c <= "~" and c not in '"\\' for c in description), description


def judge_page(sent: Sent, answer: TestResponse) -> None:
    """A person's endpoint: whatever is refused is a page with its policy, that says what went wrong."""
    if answer.status_code < 400 or sent.method == "HEAD":
        return
    assert answer.mimetype == "text/html", f"{answer.status_code} {answer.mimetype}"
    assert "<main" in answer.get_data(as_text=True)
    assert "script-src" in answer.headers["Content-Security-Policy"]
