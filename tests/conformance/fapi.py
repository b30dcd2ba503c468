"""A client of FAPI 2.0 as the suite plays it: private_key_jwt or a certificate, a DPoP key or a certificate, JARM or not."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey

from idp.core import clock, crypto
from tests import loopback
from tests.conformance.suite import ASSERTION, CALLBACK, SuiteClient
from tests.prover import Prover
from tests.service_certificates import Certified, certified

MTLS = "mtls.id.example.go.id"
VERIFIER = "v" * 64
SIGNING = ECKey.generate_key("P-256", {"kid": "its-key"})
RSA = RSAKey.generate_key(2048, {"kid": "its-rsa-key"})
CERTIFICATE = certified("suite")
JWKS = {"keys": [SIGNING.as_dict(private=False), RSA.as_dict(private=False), CERTIFICATE.jwk()]}


def jwt(claims: dict[str, Any], key: Key = SIGNING, alg: str = "ES256", **header: str) -> str:
    """A JWT of the client's; members that are None are left out. With `none` its signature is empty."""
    said = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": alg, "kid": key.kid} | header
    if alg == "none":
        return f"{crypto.b64(orjson.dumps(head))}.{crypto.b64(orjson.dumps(said))}."
    return jws.serialize_compact(head, orjson.dumps(said), key, algorithms=[alg])


@dataclass
class FapiClient(SuiteClient):
    """`by_certificate` proves it by mutual TLS, `bound_by_certificate` binds its tokens so; `signed` is Message Signing."""

    by_certificate: bool = False
    bound_by_certificate: bool = False
    signed: bool = False
    certificate: Certified = CERTIFICATE
    prover: Prover = field(default_factory=lambda: Prover(""))

    def __post_init__(self) -> None:
        self.prover = Prover(self.issuer)

    def assertion(self, key: Key = SIGNING, alg: str = "ES256", **changes: Any) -> dict[str, str]:
        """The members by which it proves itself."""
        now = clock.timestamp()
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self.issuer, "exp": now + 60, "iat": now}
        token = jwt(claims | {"jti": crypto.random_token()} | changes, key, alg)
        return {"client_assertion_type": ASSERTION, "client_assertion": token}

    def sends_form(self, path: str, headers: dict[str, str] | None = None, **form: str | None) -> httpx.Response:
        """A call of its own, proved; members that are None are left out."""
        proof = {} if self.by_certificate or "client_assertion" in form else self.assertion()
        said = {name: value for name, value in ({"client_id": self.client_id} | proof | form).items() if value is not None}
        return loopback.post(self.issuer + path, data=said, headers=self.shows() | (headers or {}))

    def shows(self) -> dict[str, str]:
        """What its proxy adds about the certificate of the connection."""
        if not self.by_certificate and not self.bound_by_certificate:
            return {}
        return {"Host": MTLS, "Client-Cert": self.certificate.escaped, "Client-Cert-Verify": "FAILED:self-signed"}

    def wants(self, **changes: str | None) -> dict[str, str]:
        """The parameters of its authorization request."""
        challenge = {"code_challenge": crypto.digest(VERIFIER), "code_challenge_method": "S256"}
        mode = {"response_mode": "jwt"} if self.signed else {}
        return self.asks(**challenge | mode | changes)

    def request_object(self, key: Key = SIGNING, alg: str = "ES256", typ: str = "oauth-authz-req+jwt", **changes: Any) -> str:
        """Its request, signed."""
        now = clock.timestamp()
        meant = {"iss": self.client_id, "aud": self.issuer, "nbf": now, "exp": now + 300}
        return jwt(self.wants() | meant | changes, key, alg, typ=typ)

    def pushes(self, headers: dict[str, str] | None = None, **changes: str | None) -> httpx.Response:
        """A pushed request, signed where it must be."""
        asked: dict[str, str | None] = {"request": self.request_object(**changes)} if self.signed else dict(self.wants(**changes))
        return self.sends_form("/par", headers, **asked)

    def follows(self, pushed: httpx.Response) -> dict[str, Any]:
        """Opens the pushed request, signs in where that is asked, and reads the answer."""
        assert pushed.status_code == 201, pushed.text
        self.opens(pushed)
        self.drives()
        return self.reads()

    def opens(self, pushed: httpx.Response) -> None:
        """Opens the pushed request in the person's browser."""
        self.browser.open(self.address(pushed))

    def address(self, pushed: httpx.Response) -> str:
        """Where the browser is sent."""
        return f"{self.issuer}/authorize?" + urlencode({"client_id": self.client_id, "request_uri": pushed.json()["request_uri"]})

    def reads(self) -> dict[str, Any]:
        """The answer, out of its JWT where it comes in one; with the issuer, once."""
        given: dict[str, Any] = self._arrived(self.browser, "?")
        if self.signed:
            assert given.keys() == {"response"}, given.keys()
            header = jws.extract_compact(given["response"].encode()).headers()
            given = self.verified_answer(given["response"])
            assert header["alg"] == "ES256"
            assert given.pop("aud") == self.client_id
            assert clock.timestamp() < given.pop("exp") <= clock.timestamp() + 600
        assert given.pop("iss") == self.issuer
        return given

    def verified_answer(self, response: str) -> dict[str, Any]:
        """The members of a signed answer that holds."""
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set(loopback.get(f"{self.issuer}/jwks.json").json())
        return dict(orjson.loads(jws.deserialize_compact(response, keys, algorithms=["ES256"]).payload or b""))

    def redeems_code(self, code: str, headers: dict[str, str] | None = None, **changes: str | None) -> httpx.Response:
        """The token endpoint; with a fresh proof unless headers are given."""
        form: dict[str, str | None] = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return self.sends_form(
            "/token", self.proof() if headers is None else headers, **form | {"code_verifier": VERIFIER} | changes
        )

    def proof(self, prover: Prover | None = None) -> dict[str, str]:
        """The proof of a token request, of a client whose tokens are bound by one."""
        return {} if self.bound_by_certificate else {"DPoP": (prover or self.prover).proof("/token")}

    def userinfo(self, access_token: str) -> httpx.Response:
        """The resource, with whatever the token is bound to."""
        bare = {"Authorization": f"Bearer {access_token}"}
        shown = self.shows() | bare if self.bound_by_certificate else self.prover.header("/userinfo", "GET", access_token)
        return loopback.get(f"{self.issuer}/userinfo", headers=shown)
