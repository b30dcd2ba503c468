"""An API that takes access tokens: of each call it asks the provider whose token it is, and whether it was meant for this API."""

import os

import requests
from flask import Flask, Response, jsonify, request

ISSUER, RESOURCE = os.environ["SIAPKERJA_ISSUER"], os.environ["SIAPKERJA_RESOURCE"]
SELF = (os.environ["SIAPKERJA_CLIENT_ID"], os.environ["SIAPKERJA_CLIENT_SECRET"])

app = Flask(__name__)


@app.get("/laporan")
def reports():
    token = told_of(request.headers.get("Authorization", ""))
    # `active` is true only for a token made out to this API that has not ended, and whose owner has not signed out of it.
    if not token.get("active"):
        return Response("", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    if "openid" not in token["scope"].split():
        return Response("", 403, {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="openid"'})
    return jsonify(owner=token["sub"], asked_by=token["client_id"], reports=["Januari", "Februari"])


def told_of(authorization):
    """What the provider tells of a bearer token (RFC 7662); nothing where none was sent."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        return {}
    answer = requests.post(f"{ISSUER}/introspect", data={"token": token}, auth=SELF, timeout=5)
    answer.raise_for_status()
    return answer.json()
