"""A service on Flask: signs people in with SIAPkerja ID, greets them, and signs them out everywhere."""

import os
from urllib.parse import urlencode

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template_string, session

ISSUER, REDIRECT_URI = os.environ["SIAPKERJA_ISSUER"], os.environ["SIAPKERJA_REDIRECT_URI"]
HOME = REDIRECT_URI.removesuffix("callback")
PAGE = """<!doctype html><html lang="id"><title>Layanan</title>
{% if person %}<h1>Selamat datang, {{ person.name }} ({{ person.email }})</h1>
<form method="post" action="/logout"><button>Keluar</button></form>
{% else %}<h1>Layanan</h1>{{ told }}<p><a href="/login">Masuk dengan SIAPkerja ID</a></p>{% endif %}"""

app = Flask(__name__)
app.secret_key = os.environ["SESSION_SECRET"]
# On localhost all ports share their cookies: a name of its own keeps two services apart.
app.config |= {
    "SESSION_COOKIE_NAME": "layanan",
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_SECURE": HOME.startswith("https:"),
}
siapkerja = OAuth(app).register(
    "siapkerja",
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_id=os.environ["SIAPKERJA_CLIENT_ID"],
    client_secret=os.environ["SIAPKERJA_CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email", "code_challenge_method": "S256"},
)


@app.get("/")
def home():
    return render_template_string(PAGE, person=session.get("person"))


@app.get("/login")
def login():
    return siapkerja.authorize_redirect(REDIRECT_URI)


@app.get("/callback")
def callback():
    try:
        token = siapkerja.authorize_access_token()  # checks state, nonce, signature, iss, aud and exp
        person = siapkerja.userinfo(token=token)  # name and e-mail are here, not in the ID token
    except AuthlibBaseError as refused:  # the person said no, came back too late, or with an old link
        return render_template_string(PAGE, person=None, told=f"Belum masuk ({refused.error})."), 400
    if person["sub"] != token["userinfo"]["sub"]:
        return render_template_string(PAGE, person=None, told="Belum masuk."), 400
    # `sub` is the person for ever; name and e-mail can change.
    session["person"] = {"sub": person["sub"], "name": person["name"], "email": person.get("email", "")}
    session["id_token"] = token["id_token"]
    return redirect("/")


@app.post("/logout")
def logout():
    asked = {"id_token_hint": session.get("id_token", ""), "post_logout_redirect_uri": HOME}
    session.clear()
    return redirect(f"{siapkerja.load_server_metadata()['end_session_endpoint']}?{urlencode(asked)}", 303)
