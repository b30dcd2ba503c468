"""Rich authorization requests (RFC 9396): what exactly a client may do for a person, in types that a service registered."""

from typing import TYPE_CHECKING, Any

from authlib.oauth2 import OAuth2Error

from idp.oidc import untrusted_json
from idp.oidc.clients.directory import clients
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request

if TYPE_CHECKING:
    from idp.oidc.clients.entry import DetailsType
    from idp.oidc.tokens.authorization_codes import AuthorizationCode

PARAMETER = "authorization_details"
MOST = 10  # in one request: a person has to read them
MAX_TEXT = 500  # characters of a value
# Grants whose tokens come from what a person approved, and so from details (section 6).
GRANTS = frozenset({"authorization_code", "refresh_token"})


def parse_authorization_details(request: Request) -> None:
    """Each of a type that this client's entry lists, with every member of the type and no other (sections 2 and 5)."""
    request.authorization_details = tuple(_checked(one, request) for one in _read(request))


def check_none_with_device(request: Request) -> None:
    """A device cannot ask for details: fails closed, since nobody would be shown them."""
    if request.get(PARAMETER):
        raise invalid("authorization_details cannot be asked for here.")


def check_grant(request: Request) -> None:
    """A token request with details is for tokens that a person approved; any other is refused, not half heard."""
    if request.get(PARAMETER) and request.get("grant_type") not in GRANTS:
        raise invalid("authorization_details cannot be asked for with this grant_type.")


def parse_details_of_code(request: Request, code: "AuthorizationCode") -> None:
    """At the redemption of a code."""
    narrow(request, code.approval.authorization_details)


def narrow(request: Request, approved: tuple[dict[str, Any], ...]) -> None:
    """Sets the details of the tokens about to be issued: those asked for, each as it was approved, else all (section 6.1)."""
    asked = tuple(_read(request))
    if any(one not in approved for one in asked):
        raise invalid("authorization_details goes beyond what was approved.")
    request.authorization_details = asked or approved


def in_words(details: tuple[dict[str, Any], ...], locale: str) -> list[tuple[str, str]]:
    """Label and text of each, for the page that asks: in the words of the service that registered the type."""
    told = []
    for one in details:
        kind = _type_of(one["type"])
        if kind is not None:
            text = "; ".join(f"{kind.word(labels, locale)}: {_shown(one[name])}" for name, labels in kind.members.items())
            told.append((kind.word(kind.label, locale), text))
    return told


def invalid(description: str) -> OAuth2Error:
    """The error of section 5."""
    return oauth_error("invalid_authorization_details", description)


def _read(request: Request) -> list[Any]:
    raw = request.get(PARAMETER)
    if not raw:
        return []
    try:
        asked = untrusted_json.read(raw)
    except ValueError:
        raise invalid("authorization_details is not JSON.") from None
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST:
        raise invalid(f"authorization_details is a list of 1 to {MOST} objects.")
    return asked


def _checked(one: Any, request: Request) -> dict[str, Any]:
    name = one.get("type") if isinstance(one, dict) else None
    kind = _type_of(name) if name in request.registered.authorization_details_types else None
    if kind is None:
        raise invalid("The client may not ask for authorization_details of this type.")
    if one.keys() != {"type", *kind.members} or not all(_is_plain(one[member]) for member in kind.members):
        raise invalid("authorization_details has not exactly the members of its type, each a text or a number.")
    return dict(one)


def _type_of(name: Any) -> "DetailsType | None":
    served = (kind for client in clients().all() for kind in client.authorization_details_served)
    return next((kind for kind in served if kind.type == name), None)


def _is_plain(value: Any) -> bool:
    """What a page can show as it is: no structure to read wrongly, no character that turns the line around."""
    return isinstance(value, int | float) or (isinstance(value, str) and value.isprintable() and 0 < len(value) <= MAX_TEXT)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
