"""Sign-in that begins on our pages (OpenID Connect Core section 4): the address at which a client starts one for itself."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from idp.config import settings

if TYPE_CHECKING:
    from idp.oidc.clients import Client


def address(client: "Client") -> str | None:
    """The client's `initiate_login_uri` with our issuer, for a link that a person follows; None when it registered none.

    Only `iss` goes along: nothing of the person, and no `target_link_uri`, since where to land is the client's to say.
    """
    uri = client.initiate_login_uri
    if not uri:
        return None
    return f"{uri}{'&' if urlsplit(uri).query else '?'}{urlencode({'iss': settings().issuer})}"
