"""The stacks that services are built on: the entry that fits each, and the lines that its program reads."""

from dataclasses import dataclass
from typing import Any

SERVER = """\
SIAPKERJA_ISSUER={issuer}
SIAPKERJA_CLIENT_ID={client_id}
SIAPKERJA_CLIENT_SECRET={secret}
SIAPKERJA_REDIRECT_URI={redirect_uri}
"""
KEYED = SERVER + "SESSION_SECRET={session_secret}\n"  # for libraries whose cookies hold the session
PAGE = """\
export const SIAPKERJA = {{
  authority: "{issuer}",
  client_id: "{client_id}",
  redirect_uri: "{redirect_uri}",
  scope: "openid profile email",
}};
"""
APP = """\
ISSUER = "{issuer}"
CLIENT_ID = "{client_id}"
REDIRECT_URI = "{redirect_uri}"
"""
API = """\
SIAPKERJA_ISSUER={issuer}
SIAPKERJA_CLIENT_ID={client_id}
SIAPKERJA_CLIENT_SECRET={secret}
SIAPKERJA_RESOURCE={address}/
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """One way of building a service: what its library wants of an entry, and where its configuration stands."""

    title: str
    address: str  # where such a service usually is while it is being developed
    callback: str  # path of the redirect URI that the library answers at
    method: str = "client_secret_basic"
    file: str = ".env"
    lines: str = SERVER

    def redirect_uris(self, address: str) -> list[str]:
        """Where answers go for a service at this address; an app's own scheme stays as it is, an API gets none."""
        if self.lines is API:
            return []
        return [self.callback if self.lines is APP else f"{address}{self.callback}"]

    def entry(self, address: str) -> dict[str, Any]:
        """The members that fit a service of this stack at `address`."""
        found: dict[str, Any] = {"redirect_uris": self.redirect_uris(address), "token_endpoint_auth_method": self.method}
        if self.lines is API:
            return found | {"grant_types": [], "response_types": [], "resource_server": True, "resources": [f"{address}/"]}
        if self.lines is APP:
            return found | {"application_type": "native", "post_logout_redirect_uris": [self.callback]}
        found |= {"client_uri": f"{address}/", "post_logout_redirect_uris": [f"{address}/"]}
        return found | ({"cors_origins": [address]} if self.lines is PAGE else {})


STACKS = {
    "flask": Stack("Flask with Authlib", "http://localhost:8000", "/callback", lines=KEYED),
    "django": Stack("Django", "http://localhost:8000", "/oidc/callback/", "client_secret_post", lines=KEYED),
    "express": Stack("Express with openid-client 6", "http://localhost:3000", "/callback", "client_secret_post", lines=KEYED),
    "authjs": Stack("Express with Auth.js", "http://localhost:3000", "/auth/callback/siapkerja", lines=KEYED),
    "next": Stack("Next.js 13 to 15", "http://localhost:3000", "/api/auth/callback/siapkerja", file=".env.local", lines=KEYED),
    "spring": Stack("Spring Boot", "http://localhost:8080", "/login/oauth2/code/siapkerja"),
    "go": Stack("Go with go-oidc", "http://localhost:8080", "/callback"),
    "laravel": Stack("Laravel with Socialite", "http://localhost:8000", "/callback", "client_secret_any"),
    "php": Stack("PHP with jumbojett/openid-connect-php", "http://localhost:8000", "/index.php", "client_secret_any"),
    "dotnet": Stack("ASP.NET Core", "http://localhost:5080", "/signin-oidc", "client_secret_post"),
    "spa": Stack("a page without a server of its own", "http://localhost:5173", "/", "none", "config.js", PAGE),
    "mobile": Stack("an app with AppAuth", "", "id.go.example.layanan:/callback", "none", "the app's constants", APP),
    "api": Stack("an API that takes access tokens", "http://localhost:9000", "", lines=API),
}
