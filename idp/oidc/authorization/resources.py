"""Resource indicators (RFC 8707): which resources a client may ask tokens for, and which a token is made out to."""

from typing import TYPE_CHECKING

from authlib.oauth2 import OAuth2Error

from idp.oidc.clients.directory import clients
from idp.oidc.errors import refusal
from idp.oidc.request import Request

if TYPE_CHECKING:
    from idp.oidc.tokens.authorization_codes import AuthorizationCode


def resources_are_registered(request: Request) -> None:
    """At the authorization endpoint: only resources that the client's entry lists (section 2.1)."""
    request.resources = named(request)
    if not set(request.resources) <= set(request.registered.resources):
        raise unknown_target()


def redemption_stays_within(request: Request, code: "AuthorizationCode") -> None:
    """At the redemption of a code: some or all of what was approved."""
    choose(request, code.approval.resources)


def choose(request: Request, approved: tuple[str, ...] = ()) -> None:
    """Sets the audience of the tokens about to be issued: what is asked for, else all that was approved (section 2.2).

    Nothing beyond what was approved, nor what the client's entry no longer lists: raises `invalid_target`.
    """
    request.audience = named(request) or approved
    registered = set(request.registered.resources)
    if not set(request.audience) <= registered & set(approved or registered):
        raise unknown_target()


def named(request: Request) -> tuple[str, ...]:
    """The resources in this request, each once; they are URIs, so the space that joins them is in none."""
    return tuple(dict.fromkeys(request.get("resource").split()))


def names(asked: tuple[str, ...], locale: str) -> list[str]:
    """What people call each resource: the service of the file that answers for it, else its URI."""
    servers = [client for client in clients().all() if client.resource_server]
    return list(dict.fromkeys(next((s.name(locale) for s in servers if uri in s.resources), uri) for uri in asked))


def unknown_target() -> OAuth2Error:
    """The one refusal (section 2): it does not say which resources exist."""
    return refusal("invalid_target", "The client may not ask for tokens for this resource.")
