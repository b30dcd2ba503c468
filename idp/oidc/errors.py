"""OAuth errors: how one is raised with a text that may travel, and how it becomes JSON."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.base import invalid_error_characters

from idp.web import metrics

# Codes whose HTTP status is not 400 at endpoints that answer in JSON (RFC 6749 section 5.2, RFC 6750 section 3.1).
HTTP_STATUSES = {
    "invalid_client": 401,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "temporarily_unavailable": 503,
    "server_error": 500,
}


def oauth_error(error: str, description: str = "") -> OAuth2Error:
    """An OAuth error to raise; `description` is ours, never the caller's words, so that nothing is reflected."""
    return OAuth2Error(error=error, description=description or None, status_code=HTTP_STATUSES.get(error, 400))


def printable(description: str | None) -> str:
    """A description reduced to what RFC 6749 section 4.1.2.1 allows: no quote, backslash, control or non-ASCII character."""
    text = (description or "")[:200]
    for character in invalid_error_characters(text):
        text = text.replace(character, "?")
    return text


def error_body(error: OAuth2Error) -> dict[str, str]:
    """`error` and, where there is one, `error_description`, safe to send."""
    body = {"error": error.error or "invalid_request"}
    metrics.count_oauth_error(body["error"])
    description = printable(error.get_error_description())
    return body | {"error_description": description} if description else body
