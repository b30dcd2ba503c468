"""Rooms: the pages that an interaction visits, each open only while a prompt that it serves is owed."""

from typing import Any, cast

from flask import Blueprint, Response, g, url_for

from idp.core import languages
from idp.interaction.pending import Interaction, load
from idp.web import urls


def load_from_url(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A blueprint's URL value preprocessor: where a URL names an interaction it is this browser's, or Gone is raised."""
    if not values or "interaction_id" not in values:
        return
    g.interaction = load(values.pop("interaction_id"))
    # Only now is the language known, which the request may name.
    g.interaction.service = languages.with_own_name(g.interaction.service)


def room(name: str, import_name: str, *serves: str) -> Blueprint:
    """A blueprint along the corridor, open only while a prompt that it serves is owed (none given: always open)."""
    blueprint = Blueprint(name, import_name, url_prefix="/interaction/<interaction_id>")

    blueprint.url_value_preprocessor(load_from_url)

    @blueprint.before_request
    def open_only_when_owed() -> Response | None:
        if serves and not set(serves) & set(g.interaction.owed):
            return redirect_to_next_step()
        return None

    return blueprint


def add_interaction_id(endpoint: str, values: dict[str, Any]) -> None:
    """For `app.url_defaults`: inside an interaction, links to its rooms need not name it."""
    waiting = g.get("interaction")
    if waiting is not None and "interaction_id" not in values and endpoint.partition(".")[0] in ROOMS | {"oidc"}:
        from flask import current_app

        if current_app.url_map.is_endpoint_expecting(endpoint, "interaction_id"):
            values["interaction_id"] = waiting.id


ROOMS = {"login", "registration", "recovery", "consent", "identity"}


def current_interaction() -> Interaction:
    """The interaction of this request, inside a room."""
    return cast(Interaction, g.interaction)


def redirect_to_next_step() -> Response:
    """303 to the corridor's one door, which decides where next."""
    return urls.see_other(url_for("oidc.resume", interaction_id=current_interaction().id))


def save_and_continue() -> Response:
    """Saves what the room recorded and goes to the door."""
    current_interaction().save()
    return redirect_to_next_step()
