"""The answers of a provider to the trial of a client, read as a browser without JavaScript reads them."""

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import HTTPErrorProcessor, Request

LEAVING = r'http-equiv="refresh" content="0; url=([^"]+)"'
HIDDEN = r'<input[^>]*name="csrf_token"[^>]*value="([^"]*)"'


class Untouched(HTTPErrorProcessor):
    """Gives redirects and errors back as they are: each is something to explain."""

    def http_response(self, request: Request, response: Any) -> Any:
        return response

    https_response = http_response


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of the provider to the trial."""

    status: int
    url: str
    location: str
    text: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object in it, empty for anything else."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def onward(self) -> str:
        """Where a redirect leads, or the page that stands for one; empty when the page stays."""
        return self.location or self.mark(LEAVING)

    @property
    def explained(self) -> str:
        """An error in words: the provider's code, and how to learn more."""
        error, told = self.json.get("error"), self.json.get("error_description", "")
        if error:
            return f"{error}: {told}"
        code, reference = self.mark(r'data-error="([^"]+)"'), self.mark(r"data-reference[^>]*>([^<]+)<")
        return f"{self.status} {code}; `idp explain {reference}` tells more." if reference else f"it answers {self.status}."

    def mark(self, pattern: str) -> str:
        """What the page's markup says there."""
        found = re.search(pattern, self.text)
        return unescape(found[1]).strip() if found else ""


def answer_in(address: str) -> dict[str, str]:
    """The parameters with which a service is called, in the query or, for the implicit and hybrid flows, in the fragment."""
    parts = urlsplit(address)
    return dict(parse_qsl(parts.query)) | dict(parse_qsl(parts.fragment))
