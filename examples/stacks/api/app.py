"""An API that takes access tokens: of each call it asks the provider whose token it is, and whether it was meant for this API."""

import os
import time

import requests
from flask import Flask, Response, jsonify, request

ISSUER, RESOURCE = os.environ["SIAPKERJA_ISSUER"], os.environ["SIAPKERJA_RESOURCE"]
SURE, FRESH = "urn:siapkerja:acr:mfa", 300  # seconds
SELF = (os.environ["SIAPKERJA_CLIENT_ID"], os.environ["SIAPKERJA_CLIENT_SECRET"])

app = Flask(__name__)


@app.get("/laporan")
def reports():
    token = told_of(request.headers.get("Authorization", ""))
    return refusal(token) or jsonify(owner=token["sub"], asked_by=token["client_id"], reports=["Januari", "Februari"])


@app.post("/laporan")
def sends_report():
    token = told_of(request.headers.get("Authorization", ""))
    return refusal(token) or step_up(token) or jsonify(sent_for=token["sub"])


def refusal(token):
    """What is answered to a token that opens nothing here; None for one that does."""
    # `active` is true only for a token made out to this API that has not ended, and whose owner has not signed out of it.
    # With `cnf` it is bound to a key or a certificate: shown as a bearer token somebody else may have stolen it.
    if not token.get("active") or "cnf" in token:
        return Response("", 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})
    if "openid" not in token["scope"].split():
        return Response("", 403, {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="openid"'})
    return None


def step_up(token):
    """Asks for a second factor, given within five minutes (RFC 9470): the caller sends the person to sign in so."""
    if token.get("acr") == SURE and time.time() - token["auth_time"] <= FRESH:
        return None
    wanted = f'error="insufficient_user_authentication", acr_values="{SURE}", max_age="{FRESH}"'
    return Response("", 401, {"WWW-Authenticate": f"Bearer {wanted}"})


def told_of(authorization):
    """What the provider tells of a bearer token (RFC 7662); nothing where none was sent."""
    kind, _, token = authorization.partition(" ")
    if kind.lower() != "bearer" or not token:
        return {}
    answer = requests.post(f"{ISSUER}/introspect", data={"token": token}, auth=SELF, timeout=5)
    answer.raise_for_status()
    return answer.json()
