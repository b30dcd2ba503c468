"""deploy/nginx.conf by real nginx: it loads, passes what the provider needs, keeps secrets to itself, and holds floods back."""

import json
import re
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests import stores
from tests.conftest import House
from tests.deploy import nginx
from tests.deploy.nginx import NAME, Nginx, Upstream
from tests.waiting import wait_until

NIK = "3174015203900017"
TOKEN = "V3t0-tOkEn_of-Siti-that-takes-the-recovery-back"
SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}
FEW = {"rate=100r/s": "rate=1r/m", "rate=500r/s": "rate=1r/m", "burst=1000": "burst=2", "burst=2000": "burst=2"}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A stand-in for the provider."""
    made = Upstream()
    yield made
    made.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where nginx has its files."""
    return tmp_path / "nginx"


@pytest.fixture
def plain(home: Path, upstream: Upstream) -> Iterator[Nginx]:
    """In front of the stand-in, as shipped."""
    with nginx.running(home, upstream.port) as made:
        yield made


@pytest.fixture
def front(home: Path, house: House) -> Iterator[Nginx]:
    """In front of the provider, as shipped."""
    with nginx.running(home, house.port) as made:
        yield made


def assert_friendly(answer: object, status: int, page: str) -> None:
    """Our page: both languages, a way on, nothing from elsewhere, nothing that nginx says by itself."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert page in answer.text
    assert '<html lang="id">' in answer.text
    assert '<section lang="en">' in answer.text
    assert "<a " in answer.text
    assert "nginx" not in answer.text
    assert not re.search(r"https?://|src=|<script", answer.text)


def test_nginx_loads_it_as_debian_includes_it(home):
    """S29: `log_format` stood where nginx does not take it, and nobody had tried."""
    made = nginx.prepare(home, 5000)
    debian = Path("/etc/nginx/nginx.conf").read_text()
    assert "include /etc/nginx/conf.d/*.conf;" in debian
    debian = debian.replace("include /etc/nginx/conf.d/*.conf;", f"include {made.home}/siapkerja-id.conf;")
    debian = re.sub(r"include /etc/nginx/(?:modules-enabled|sites-enabled)/\*\S*;", "", debian)
    debian = (
        re.sub(r"(?m)^user .*", "", debian).replace("/run/nginx.pid", f"{home}/pid").replace("/var/log/nginx", f"{home}/logs")
    )
    (home / "debian.conf").write_text(debian)
    command = [nginx.binary(), "-t", "-e", f"{home}/logs/start.log", "-p", str(home), "-c", f"{home}/debian.conf"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert tried.returncode == 0, tried.stderr
    assert "successful" in tried.stderr
    assert "[warn]" not in tried.stderr, tried.stderr


def test_a_journey_begins_through_it(front):
    """S29: from the address of a service to the page that asks who somebody is, with style and script."""
    answer = front.get(f"/authorize?{asks('s1')}")
    assert answer.status_code == 303
    cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    page = front.get(urlsplit(answer.headers["Location"]).path, headers={"Cookie": cookies})
    assert page.status_code == 200
    assert "WLKP Online" in page.text
    document = front.get("/.well-known/openid-configuration")
    assert document.json()["token_endpoint"].endswith("/token")
    assert front.get("/metrics").status_code == 404


def asks(state: str, **more: str) -> str:
    """An authorization request of the demo's first service."""
    known = {"client_id": "wlkp", "redirect_uri": "http://127.0.0.1:5001/callback", "response_type": "code", "scope": "openid"}
    challenge = {
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "nonce": "n-0S6_WzA2Mj",
    }
    return urlencode(known | challenge | {"state": state} | more)


@pytest.mark.parametrize("state", ["x" * 2048, "😀" * 2048], ids=["ascii", "every character four bytes"])
def test_the_longest_state_comes_back(state, front):
    """S29: with nginx's own buffers a long state is a 502 on the way back, or a 414 on the way in."""
    answer = front.get(f"/authorize?{asks(state, prompt='none')}")
    assert answer.status_code == 303, answer.text
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["state"] == [state]


def test_no_log_holds_a_query_a_token_or_a_number(home, house):
    """S29: neither our access log nor any error log, also where the provider does not answer and where a limit refuses."""
    with nginx.running(home / "well", house.port) as well, nginx.running(home / "ill", stores.free_port(), changes=FEW) as ill:
        for one in (well, ill):
            visit_with_secrets(one)
            written = one.everything_written()
            for secret in (NIK, TOKEN, "login_hint", "Rahasia", "siti.rahayu", "?"):
                assert secret not in written, f"{secret} was written down"
            log = one.log()
            for line in (
                '"GET /authorize"',
                '"GET /recovery/veto/*"',
                '"GET /interaction/*/login/otp"',
                '"GET /static/*"',
                '"GET *"',
                '"GET /"',
            ):
                assert line in log, log
        assert "upstream=502" in ill.log()
        assert "limit=REJECTED" in ill.log()


def visit_with_secrets(one: Nginx) -> None:
    """Requests with secrets wherever a person, a service or an attacker may put them."""
    one.send("POST", "/token", data={"password": "Rahasia-Siti-1"}, headers={"Referer": f"https://x/?nik={NIK}"})
    addresses = [
        "/", f"/authorize?login_hint={NIK}&state=Rahasia", f"/recovery/veto/{TOKEN}", f"/recovery/veto/{TOKEN}?nik={NIK}",
        f"/recovery/veto/{TOKEN}/more", f"/interaction/{TOKEN}/login/otp", f"/interaction/{TOKEN}/{NIK}", f"/{NIK}", f"/{NIK}/x", f"/static/{NIK}.js",
        f"/account/sessions/{TOKEN}/end", f"/login%2F{NIK}", f"//{NIK}", "/siti.rahayu@example.test",
    ]  # fmt: skip
    for address in addresses:
        one.get(address, headers={"User-Agent": f"Browser {NIK}", "Cookie": f"sid={TOKEN}"})
    for line in (
        f"GET /{'9' * 70000}{NIK} HTTP/1.1",
        f"GET https://{NIK}/{NIK} HTTP/1.1",
        f"GET /{NIK} {NIK}",
        f"{NIK} /{NIK} HTTP/1.1",
    ):
        assert one.raw(line)[0] in (400, 414, 421)
    with socket.create_connection(("127.0.0.1", one.plain)) as connection:
        connection.sendall(f"GET /authorize?login_hint={NIK} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        while connection.recv(65536):
            pass


def test_only_suites_with_forward_secrecy_are_spoken(home, upstream):
    """S29, C5, BCP 195: every suite of TLS 1.2 that this machine's OpenSSL knows is tried, with both kinds of certificates."""
    spoken = set()
    for rsa_key in (True, False):
        with nginx.running(home / str(rsa_key), upstream.port, rsa_key=rsa_key) as one:
            spoken |= {suite for suite in every_suite(one) if handshake(one, ssl.TLSVersion.TLSv1_2, suite)}
            assert handshake(one, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
            for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                assert not handshake(one, old)
    assert spoken == SUITES


def every_suite(one: Nginx) -> list[str]:
    context = one.context()
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"]


def handshake(one: Nginx, version: ssl.TLSVersion, suite: str = "ALL") -> str | None:
    """The version that was agreed on, or None."""
    context = one.context()
    context.set_ciphers(f"{suite}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", one.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as secured,
        ):
            return secured.version()
    except (ssl.SSLError, ConnectionError):
        return None


def test_other_names_get_no_certificate_and_no_answer(plain, upstream):
    """S29: the provider is not reached under a name that is not ours."""
    careless = ssl.create_default_context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
    with (
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
        socket.create_connection(("127.0.0.1", plain.port), timeout=10) as bare,
    ):
        careless.wrap_socket(bare, server_hostname="evil.example")
    assert plain.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert upstream.seen == []


def test_plain_http_leads_to_tls(plain):
    """S29: with the address kept, and to our own name whatever was asked for."""
    with plain.client() as client:
        answer = client.get(f"http://127.0.0.1:{plain.plain}/authorize?client_id=wlkp")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"https://{NAME}/authorize?client_id=wlkp"


def test_the_provider_hears_the_peers_own_address_only(plain, upstream):
    """S29: whatever a client says of itself is replaced, so that limits cannot be dodged by a header."""
    claimed = dict.fromkeys(
        ["X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"], "for=203.0.113.7"
    )
    plain.get("/", "127.0.0.7", headers=claimed)
    [seen] = upstream.seen
    assert seen["X-Forwarded-For"] == "127.0.0.7"
    assert seen["Host"] == NAME
    assert seen["X-Forwarded-Proto"] == "https"
    assert "203.0.113.7" not in json.dumps(seen)


def test_pages_are_not_compressed_and_styles_are(front):
    """S29: the length of a compressed page tells of the secrets in it (BREACH)."""
    page = front.get("/", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in page.headers
    style = re.search(r'href="(/static/[^"]+\.css)"', page.text)[1]
    assert front.get(style, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"


def test_a_flood_is_told_to_wait(home, upstream):
    """S29: people get a page, programs JSON, both with Retry-After; who comes from elsewhere is served."""
    with nginx.running(home, upstream.port, changes=FEW) as one:
        answers = [one.get("/authorize") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 3
        assert_friendly(answers[-1], 429, "Terlalu banyak permintaan sekaligus")
        assert answers[-1].headers["Retry-After"] == "10"
        assert one.get("/authorize", "127.0.0.2").status_code == 200
        refused = [one.send("POST", "/token") for _ in range(6)][-1]
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "10"
        assert refused.headers["Content-Type"] == "application/json"
        assert refused.json()["error"] == "temporarily_unavailable"


def test_one_network_of_ipv6_is_one_client(home, upstream):
    """S29: who has a /64 has 2^64 addresses; of two networks each has a limit of its own."""
    claims = "set_real_ip_from 127.0.0.1; real_ip_header X-Test-Address;"
    with nginx.running(home, upstream.port, changes=FEW, more=claims) as one:

        def statuses(*addresses: str) -> list[int]:
            return [one.get("/", headers={"X-Test-Address": address}).status_code for address in addresses]

        assert statuses(*[f"2001:db8:0:a:{i}::1" for i in range(1, 7)]) == [200] * 3 + [429] * 3
        assert statuses("2001:db8:0:b::1") == [200]
        # Eight octets with a line feed among them are a network like any other.
        assert statuses(*[f"2001:db8:a0a:a0a::{i}" for i in range(1, 7)]) == [200] * 3 + [429] * 3
        assert statuses("198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5") == [200] * 5


def test_one_network_cannot_hold_every_connection(home, upstream):
    """S29: requests that wait are counted too."""
    with nginx.running(home, upstream.port, changes={"connections 1000": "connections 2"}) as one:
        request = f"GET /slow HTTP/1.1\r\nHost: {NAME}\r\n\r\n"
        with one.asking(request), one.asking(request):
            wait_until(lambda: len(upstream.seen) == 2)
            assert_friendly(one.get("/authorize"), 429, "Terlalu banyak permintaan sekaligus")
            assert one.get("/authorize", "127.0.0.2").status_code == 200


def test_thousands_behind_one_address_are_no_flood():
    """S29: Indonesian carriers; the numbers as shipped are for floods only."""
    rates = dict(re.findall(r"zone=siapkerja_id_(\w+):20m rate=(\d+)r/s", nginx.SHIPPED))
    assert int(rates["pages"]) >= 100
    assert int(rates["machines"]) >= 500
    assert min(int(burst) for burst in re.findall(r"burst=(\d+) nodelay", nginx.SHIPPED)) >= 1000
    assert int(re.search(r"limit_conn siapkerja_id_connections (\d+)", nginx.SHIPPED)[1]) >= 1000


def test_a_provider_that_is_away_is_explained(home):
    """S29: bare pages in English helped nobody."""
    with nginx.running(home, stores.free_port()) as one:
        answer = one.get("/authorize?state=x")
        assert_friendly(answer, 502, "Layanan sedang tidak dapat dijangkau")
        assert answer.headers["Retry-After"] == "5"
        assert_friendly(one.send("POST", "/bahasa", data={"bahasa": "en"}), 502, "The service cannot be reached right now")


def test_a_provider_that_hangs_is_explained(home, upstream):
    """S29: after proxy_read_timeout, which is made short here."""
    with nginx.running(home, upstream.port, changes={"proxy_read_timeout 30s": "proxy_read_timeout 1s"}) as one:
        answer = one.get("/slow")
        assert_friendly(answer, 504, "Layanan sedang tidak dapat dijangkau")
        assert answer.headers["Retry-After"] == "5"


def test_programs_get_json_exactly_where_the_provider_says_so_itself(home, house):
    """S29: the list of nginx is the provider's own, and what it publishes for programs."""
    with nginx.running(home, stores.free_port()) as one:
        for segment in [*house.app.extensions["idp.refusals"], "jwks.json", ".well-known/openid-configuration"]:
            answer = one.get(f"/{segment}")
            assert answer.status_code == 502
            assert answer.headers["Content-Type"] == "application/json", segment
            assert answer.headers["Retry-After"] == "5"
            assert answer.json()["error"] == "temporarily_unavailable"
        for page in ("/", "/authorize", "/account", "/registered", "/tokens", "/device"):
            assert one.get(page).headers["Content-Type"].startswith("text/html"), page
        for name in ("busy.html", "unavailable.json"):
            assert one.get(f"/.pages/{name}").status_code == 404, "only nginx itself shows these"


def test_what_is_too_large_is_explained(plain, upstream):
    """S29: a body or an address beyond what the provider takes does not reach it."""
    answer = plain.send("POST", "/bahasa", content=b"x" * (256 * 1024 + 1))
    assert_friendly(answer, 413, "Permintaan ini tidak dapat diproses")
    assert "Retry-After" not in answer.headers
    assert plain.send("POST", "/token", content=b"x" * (256 * 1024 + 1)).json()["error"] == "invalid_request"
    status, text = plain.raw(f"GET /authorize?state={'x' * 65536} HTTP/1.1")
    assert status == 414
    assert "Permintaan ini tidak dapat diproses" in text
    assert_friendly(plain.get("/", headers={"Cookie": "x" * 65536}), 400, "Permintaan ini tidak dapat diproses")
    assert upstream.seen == []


def test_bodies_never_touch_the_disk(plain):
    """S29: a form holds a password; nginx keeps it in memory up to the largest that is taken."""
    files = plain.home / "body"
    files.rmdir()
    files.touch()  # where a directory was: whatever nginx wants to write there now fails
    assert plain.send("POST", "/bahasa", content=b"x" * 256 * 1024).status_code == 200
