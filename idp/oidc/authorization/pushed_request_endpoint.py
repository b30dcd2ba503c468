"""The pushed authorization request endpoint (RFC 9126 section 2): a client hands its request over before the browser comes."""

from flask import Response

from idp.oidc.authorization import pipeline, proof_keys, pushed_requests
from idp.oidc.clients import authentication
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import dpop, endpoints

CREDENTIALS = frozenset({"client_secret", "client_assertion", "client_assertion_type"})


def par() -> Response:
    """RFC 9126 section 2: authenticates the client, validates the request whole, and keeps it."""
    return endpoints.respond(_push)


def _push(asked: Request) -> Response:
    client = authentication.authenticate(asked, "par")
    proof = dpop.presented()
    pipeline.run(pipeline.PUSHED_REQUEST_STEPS, asked)
    parameters = {name: value for name, value in asked.payload.data.items() if name not in CREDENTIALS}
    pushed = Request(parameters | {"client_id": client.client_id})
    pushed.pushed = True
    pipeline.validate(pushed)
    proof_keys.bind_to_proof(pushed, proof)
    answer = {"request_uri": pushed_requests.save_pushed_request(pushed), "expires_in": pushed_requests.REQUEST_URI_LIFE}
    return server().handle_response(201, answer, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
