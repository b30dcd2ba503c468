"""The store by each kind of URL, against real servers: TCP, unix socket, TLS, Sentinel, Cluster; and what an outage is."""

import datetime
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from idp.core.key_rings import ConfigError
from idp.storage.embedded_redis import _binary, embedded_redis, stop_embedded_redis
from idp.storage.redis_store import Script, StoreUnavailable, connect
from tests import stores
from tests.conftest import Outbox
from tests.person import Person
from tests.relying_party import RelyingParty
from tests.waiting import wait_until

BOTH = Script("return {redis.call('GET', KEYS[1]), ARGV[1]}")


@contextmanager
def server(directory, *options, port=None):
    """A redis-server with these options."""
    with stores.leashed([_binary(), "--save", "", "--dir", str(directory), *options]):
        if port:
            stores._wait_for_port(port)
        yield


def exercise(store):
    """Every kind of step that we build on."""
    store.put("a", "1", 60)
    assert store.get("a") == b"1"
    assert store.put_if_absent("a", "2", 60) is False
    assert store.run(BOTH, ("a",), ("x",)) == [b"1", b"x"]
    assert store.take("a") == b"1" and store.take("a") is None
    store.put_fields("h", {"f": "v"}, 60)
    assert store.fields("h", "f", "g") == [b"v", None]
    store.add("s", "m", 60)
    assert store.members("s") == {"m"}
    store.push("q", "1", "2", "3")
    assert store.listed("q") == [b"1", b"2", b"3"]
    store.drop("h", "s", "q")
    store.ping()
    store.close()
    assert store.run(BOTH, ("a",), ("x",)) == [None, b"x"]  # closed is not over
    store.close()


def test_unix_socket(tmp_path_factory):
    with stores.little() as place:
        exercise(connect(place.redis_url))


def test_tcp_with_password(tmp_path):
    with stores.redis_server(tmp_path) as url:
        exercise(connect(url))


def test_tls(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    port, plain = stores.free_port(), stores.free_port()
    # Not every build of redis-server speaks TLS: then a proxy in front of it does, as in many installations.
    with server(tmp_path, "--port", str(plain), "--bind", "127.0.0.1", port=plain), tls_proxy(port, plain, pem, private):
        exercise(connect(f"rediss://localhost:{port}/0?ssl_ca_certs={pem}"))
        with pytest.raises(StoreUnavailable):
            connect(f"rediss://localhost:{port}/0").ping()  # an unknown certificate is refused


@contextmanager
def tls_proxy(port, plain, pem, private):
    """Ends TLS on one port and passes on to another."""
    import socket
    import ssl
    import threading

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(0.1)
    over = threading.Event()

    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def accept():
        while not over.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                continue
            try:
                near = context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError):
                raw.close()
                continue
            far = socket.create_connection(("127.0.0.1", plain))
            pair = [threading.Thread(target=pump, args=ends) for ends in ((near, far), (far, near))]
            for thread in pair:
                thread.start()
            threads.extend([*pair])
            sockets.extend([near, far])

    threads, sockets = [], []
    loop = threading.Thread(target=accept)
    loop.start()
    try:
        yield
    finally:
        over.set()
        loop.join()
        listener.close()
        for one in sockets:
            one.close()
        for thread in threads:
            thread.join()


def test_sentinel_follows_the_master(tmp_path):
    port, watch = stores.free_port(), stores.free_port()
    conf = tmp_path / "sentinel.conf"
    conf.write_text(f"port {watch}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {port} 1\n")
    with ExitStack() as stack:
        stack.enter_context(server(tmp_path, "--port", str(port), "--bind", "127.0.0.1", port=port))
        stack.enter_context(stores.leashed([_binary(), str(conf), "--sentinel"]))
        stores._wait_for_port(watch)
        exercise(connect(f"redis+sentinel://127.0.0.1:{watch}/main/0"))


@contextmanager
def cluster(directory):
    """A cluster of one node that serves every slot."""
    port = stores.free_cluster_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf")
    with server(directory, *options, port=port):
        node = redis.Redis(port=port)
        node.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        wait_until(lambda: b"cluster_state:ok" in node.execute_command("CLUSTER", "INFO", NEVER_DECODE=[]))
        node.close()
        yield f"redis+cluster://127.0.0.1:{port}"


def test_a_whole_journey_on_a_cluster(tmp_path, house):
    """Every script's keys share a slot: a cluster refuses the others."""
    from werkzeug.serving import make_server

    from tests.conftest import Quiet

    with cluster(tmp_path) as url:
        port = stores.free_port()
        app = house.build(redis_url=url, issuer=f"http://127.0.0.1:{port}")
        served = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
        import threading

        thread = threading.Thread(target=served.serve_forever, args=(0.05,))
        thread.start()
        try:
            siti = Person.named("Siti", f"http://127.0.0.1:{port}", Outbox(app))
            wlkp = RelyingParty.of_demo(f"http://127.0.0.1:{port}", "wlkp")
            wlkp.sends(siti.browser, prompt="create")
            siti.registers()
            siti.at(wlkp)
            assert wlkp.userinfo().json()["email"] == siti.email
            siti.browser.open(wlkp.logout_url())
            assert wlkp.userinfo().status_code == 401
        finally:
            served.shutdown()
            thread.join()
            served.server_close()
            app.extensions["idp.storage.redis_store"].close()


def test_an_outage_is_a_fact_and_the_next_call_connects_again(tmp_path_factory):
    with stores.little() as place:
        store = connect(place.redis_url)
        store.put("a", "1", 60)
        stop_embedded_redis(place.var)
        with pytest.raises(StoreUnavailable):
            store.get("a")
        with pytest.raises(StoreUnavailable):
            store.run(BOTH, ("a",), ("x",))
        embedded_redis(place.var)
        assert store.get("a") == b"1", "append-only: what was written is there again"
        assert store.run(BOTH, ("a",), ("x",)) == [b"1", b"x"]


def test_scripts_survive_a_server_that_has_forgotten_them():
    with stores.little() as place:
        store = connect(place.redis_url)
        store.run(BOTH, ("a",), ("x",))
        store.redis.script_flush()
        assert store.run(BOTH, ("a",), ("x",)) == [None, b"x"]


def test_a_script_on_a_line_that_broke_while_idle_is_asked_again():
    with stores.little() as place:
        store = connect(place.redis_url)
        store.run(BOTH, ("a",), ("x",))
        store.redis.client_kill_filter(_type="normal", skipme=True)
        assert store.run(BOTH, ("a",), ("x",)) == [None, b"x"]


def test_a_store_outlives_any_number_of_failovers():
    """The simulation found it: each break left a few connections behind that the pool went on counting, until it had none."""
    with stores.little() as place:
        store = connect(place.redis_url)
        for _ in range(store.redis.connection_pool.max_connections + 1):
            assert store.run(BOTH, ("a",), ("x",)) == [None, b"x"]
            store.redis.client_kill_filter(_type="normal", skipme=False)
        store.close()


def test_an_answer_that_came_too_late_is_never_the_next_ones():
    with stores.little() as place:
        store = connect(place.redis_url)
        store.run(BOTH, ("a",), ("x",))
        store.redis.client_pause(60_000, all=False)  # what writes; else it could not be told to go on
        with pytest.raises(StoreUnavailable):
            store.run(BOTH, ("a",), ("late",))
        store.redis.client_unpause()

        def answers() -> list[bytes | None] | None:
            with suppress(StoreUnavailable):  # for a moment nobody asks a store that was silent
                return store.run(BOTH, ("a",), ("x",))
            return None

        assert wait_until(answers) == [None, b"x"]


FORK = """
import os, sys
from idp.storage.redis_store import Script, connect
echo = Script("return ARGV[1]")
store = connect(sys.argv[1])
store.run(echo, ("a",), ("both",))
child = os.fork()
mine = str(os.getpid())
same = all(store.run(echo, ("a",), (mine,)).decode() == mine for _ in range(500))
if not child:
    os._exit(0 if same else 1)
sys.exit(0 if same and not os.waitpid(child, 0)[1] else 1)
"""


def test_a_server_that_forks_shares_no_line_with_its_child():
    with stores.little() as place:
        subprocess.run([sys.executable, "-c", FORK, place.redis_url], check=True, timeout=60)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "nonsense", "redis+sentinel://127.0.0.1:1"])
def test_a_url_that_we_do_not_know_is_told(url):
    with pytest.raises(ConfigError, match="IDP_REDIS_URL"):
        connect(url)
