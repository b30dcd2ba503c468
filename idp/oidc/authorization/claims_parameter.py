"""The `claims` parameter (OpenID Connect Core section 5.5): single claims asked for by name, and how much each matters."""

from typing import Any

from idp.oidc import untrusted_json
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request

MAX_CLAIMS = 100
SCALAR = (str, int, float, bool)


def parse_claims(request: Request) -> None:
    """A JSON object of `userinfo` and `id_token`, each an object whose members are null or objects."""
    raw = request.get("claims")
    if not raw:
        return
    try:
        parsed = untrusted_json.read(raw)
    except ValueError:
        raise oauth_error("invalid_request", "claims is not JSON.") from None
    if not isinstance(parsed, dict):
        raise oauth_error("invalid_request", "claims must be a JSON object.")
    request.claims = {
        place: _parse_claims_requests(parsed[place]) for place in ("userinfo", "id_token") if parsed.get(place) is not None
    }


def _parse_claims_requests(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict) or len(asked) > MAX_CLAIMS:
        raise oauth_error("invalid_request", "claims asks for something that is not an object of claims.")
    return {name: _parse_claim_request(wish) for name, wish in asked.items()}


def _parse_claim_request(wish: Any) -> dict[str, Any] | None:
    # Only what the specification defines is kept: what is stored with the code has no depth that a caller chooses.
    if wish is None:
        return None
    values = wish.get("values", []) if isinstance(wish, dict) else None
    if not isinstance(values, list):
        raise oauth_error("invalid_request", "claims has a member that is neither null nor an object.")
    kept: dict[str, Any] = {"essential": wish.get("essential") is True}
    if isinstance(wish.get("value"), SCALAR):
        kept["value"] = wish["value"]
    return kept | {"values": [v for v in values if isinstance(v, SCALAR)][:MAX_CLAIMS]}
