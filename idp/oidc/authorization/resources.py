"""Resource indicators (RFC 8707): which resources a client may ask tokens for, and which a token is made out to."""

from typing import TYPE_CHECKING

from authlib.oauth2 import OAuth2Error

from idp.oidc.clients.directory import clients
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request, words

if TYPE_CHECKING:
    from idp.oidc.tokens.authorization_codes import AuthorizationCode


def parse_resources(request: Request) -> None:
    """At the authorization endpoint: only resources that the client's entry lists (section 2.1)."""
    request.resources = requested(request)
    if not set(request.resources) <= set(request.registered.resources):
        raise invalid_target()


def parse_audience_of_code(request: Request, code: "AuthorizationCode") -> None:
    """At the redemption of a code: some or all of what was approved."""
    set_audience(request, code.approval.resources)


def set_audience(request: Request, approved: tuple[str, ...] = ()) -> None:
    """Sets the audience of the tokens about to be issued: what is asked for, else all that was approved (section 2.2).

    Nothing beyond what was approved, nor what the client's entry no longer lists: raises `invalid_target`.
    """
    request.audience = requested(request) or approved
    registered = set(request.registered.resources)
    if not set(request.audience) <= registered & set(approved or registered):
        raise invalid_target()


def requested(request: Request) -> tuple[str, ...]:
    """The resources in this request, each once; they are URIs, so the space that joins them is in none."""
    return tuple(dict.fromkeys(words(request.get("resource"))))


def display_names(asked: tuple[str, ...], locale: str) -> list[str]:
    """What people call each resource: the service of the file that answers for it, else its URI."""
    servers = [client for client in clients().all() if client.resource_server]
    return list(dict.fromkeys(next((s.name(locale) for s in servers if uri in s.resources), uri) for uri in asked))


def invalid_target() -> OAuth2Error:
    """The one refusal (section 2): it does not say which resources exist."""
    return oauth_error("invalid_target", "The client may not ask for tokens for this resource.")
