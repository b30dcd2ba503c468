"""What our pages say about a client, and the ways that they offer back to it."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from idp.core import languages
from idp.core.settings import settings
from idp.oidc.clients.directory import clients

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client


def service_of(client: "Client", locale: str | None = None) -> dict[str, str]:
    """What our pages say about a client: its name in the person's language, its logo, its own policy and terms, the ways back.

    Its names in all languages go along (`name#en`, as in RFC 7591 section 2.2) for `languages.with_own_name`, since the person
    may change the language while the request waits.
    """
    facts = {
        "client_id": client.client_id,
        "name": client.name(locale or languages.current().tag),
        "logo_uri": client.logo_uri,
        "client_uri": client.client_uri,
        "policy_uri": client.policy_uri,
        "tos_uri": client.tos_uri,
        "login_uri": initiate_login_url(client),
    }
    names = {f"name#{tag}": client.name(tag) for tag in languages.tags()} if client.names else {}
    return {name: str(value) for name, value in (facts | names).items() if value}


def services_to_visit(locale: str) -> list[dict[str, str]]:
    """The services of the front page, by name: those of clients.yaml that say where people begin; `url` is that address."""
    known = [service_of(client, locale) for client in clients().all()]
    shown = [service | {"url": service.get("client_uri") or service.get("login_uri", "")} for service in known]
    return sorted((service for service in shown if service["url"]), key=lambda service: service["name"].casefold())


def initiate_login_url(client: "Client") -> str | None:
    """Where the client begins a sign-in that starts with us (OpenID Connect Core 4): its `initiate_login_uri` with our issuer.

    Only `iss` goes along: nothing of the person, and no `target_link_uri`, since where to land is the client's to say.
    """
    uri = client.initiate_login_uri
    if not uri:
        return None
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode({'iss': settings().issuer})}"
