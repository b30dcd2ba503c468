"""The management port: health, readiness and metrics in a process of their own, which no flood of requests keeps busy."""

import http.client
import multiprocessing
import os
import signal
import threading
from multiprocessing import connection

from werkzeug.serving import WSGIRequestHandler, make_server

from idp.core.settings import Settings, load_settings

PATIENCE = 5  # seconds for a worker to answer, or to be taken for hung


class Quiet(WSGIRequestHandler):
    """Writes no log: a probe a second is nothing to read."""

    timeout = PATIENCE

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


def start(loaded: Settings) -> None:
    """Starts the process where the settings name a port; it ends with this one, however that ends."""
    if loaded.management_port:
        # Not forked: a server that has threads already would hand their locks down.
        process = multiprocessing.get_context("spawn").Process(target=serve_probes, name="management", daemon=True)
        process.start()


def serve_probes() -> None:
    """What the process does until its parent is gone."""
    from idp import create_app
    from idp.web.management import only_probes

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the parent's affair
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()
    loaded = load_settings()
    app = only_probes(create_app(loaded), lambda: answers(loaded))
    make_server(loaded.management_bind, loaded.management_port, app, threaded=True, request_handler=Quiet).serve_forever()


def answers(loaded: Settings) -> bool:
    """Whether a worker answers at the public port, whatever it says."""
    line = http.client.HTTPConnection(_reachable(loaded.bind), loaded.port, timeout=PATIENCE)
    try:
        line.request("HEAD", "/healthz")
        line.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
    return True


def _reachable(bind: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - asked here, not listened on


def _end_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(0)
