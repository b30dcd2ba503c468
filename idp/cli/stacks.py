"""The stacks that services are built on: the entry that fits each, and the lines that its program reads."""

from dataclasses import dataclass, field
from typing import Any

ENVIRONMENT = """\
SIAPKERJA_ISSUER={issuer}
SIAPKERJA_CLIENT_ID={client_id}
SIAPKERJA_CLIENT_SECRET={secret}
SIAPKERJA_REDIRECT_URI={redirect_uri}
"""
SCRIPT = """\
export const SIAPKERJA = {{
  authority: "{issuer}",
  client_id: "{client_id}",
  redirect_uri: "{redirect_uri}",
  scope: "openid profile email",
}};
"""
CONSTANTS = """\
ISSUER = "{issuer}"
CLIENT_ID = "{client_id}"
REDIRECT_URI = "{redirect_uri}"
"""
RESOURCE = """\
SIAPKERJA_ISSUER={issuer}
SIAPKERJA_CLIENT_ID={client_id}
SIAPKERJA_CLIENT_SECRET={secret}
SIAPKERJA_AUDIENCE={address}/
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """One way of building a service: what its library wants of an entry, and where its configuration stands."""

    title: str
    address: str  # where such a service usually is while it is being developed
    callback: str  # path of the redirect URI that the library answers at
    method: str = "client_secret_basic"
    file: str = ".env"
    lines: str = ENVIRONMENT
    members: dict[str, Any] = field(default_factory=dict)

    def redirect_uri(self, address: str) -> str:
        """The redirect URI of a service at this address; an app's own scheme stays as it is."""
        return self.callback if ":/" in self.callback else f"{address}{self.callback}"

    def entry(self, address: str) -> dict[str, Any]:
        """The members that fit a service of this stack at `address`."""
        found: dict[str, Any] = {"token_endpoint_auth_method": self.method} | self.members
        if "grant_types" not in self.members:
            found |= {"redirect_uris": [self.redirect_uri(address)]}
        if self.lines is ENVIRONMENT or self.lines is SCRIPT:
            found |= {"client_uri": f"{address}/", "post_logout_redirect_uris": [f"{address}/"]}
        if self.lines is SCRIPT:
            found |= {"cors_origins": [address]}
        if self.lines is RESOURCE:
            found |= {"resources": [f"{address}/"]}
        return found


APP: dict[str, Any] = {"application_type": "native"}
API: dict[str, Any] = {"grant_types": [], "response_types": [], "resource_server": True}
STACKS = {
    "flask": Stack("Flask with Authlib", "http://localhost:8000", "/callback"),
    "django": Stack("Django with mozilla-django-oidc", "http://localhost:8000", "/oidc/callback/", "client_secret_post"),
    "express": Stack("Express with openid-client 6", "http://localhost:3000", "/callback", "client_secret_post"),
    "authjs": Stack("Express with Auth.js", "http://localhost:3000", "/auth/callback/siapkerja"),
    "next": Stack("Next.js with next-auth 4", "http://localhost:3000", "/api/auth/callback/siapkerja", file=".env.local"),
    "spring": Stack("Spring Boot", "http://localhost:8080", "/login/oauth2/code/siapkerja"),
    "go": Stack("Go with go-oidc", "http://localhost:8080", "/callback"),
    "laravel": Stack("Laravel with Socialite", "http://localhost:8000", "/auth/callback", "client_secret_any"),
    "php": Stack("PHP with jumbojett/openid-connect-php", "http://localhost:8000", "/callback.php"),
    "dotnet": Stack("ASP.NET Core", "http://localhost:5080", "/signin-oidc", "client_secret_post"),
    "spa": Stack("a page without a server, with oidc-client-ts", "http://localhost:5173", "/", "none", "config.js", SCRIPT),
    "mobile": Stack("an app with AppAuth", "", "id.go.example.layanan:/callback", "none", "the app", CONSTANTS, APP),
    "api": Stack("an API that takes access tokens", "http://localhost:9000", "", lines=RESOURCE, members=API),
}
