"""The authorization endpoint and the corridor's one door: where a request goes next, and how it ends."""

from dataclasses import dataclass, replace
from typing import Any, cast

import flask
from authlib.oauth2 import OAuth2Error
from flask import Response, g, url_for

from idp import accounts, authenticators
from idp.accounts import generations
from idp.audit import trail
from idp.core import clock, languages
from idp.core.values import Authentication
from idp.interaction import pending, rooms
from idp.interaction.pending import Interaction
from idp.oidc import request
from idp.oidc.authorization import consent, parameters, pipeline
from idp.oidc.authorization.prompts import (
    Prompt,
    PromptFacts,
    PromptRequirements,
    RequirementNotMet,
    asserted_acr,
    essential_acr,
    preferred_acr,
    required_subject,
)
from idp.oidc.authorization.response_modes import leave_by_page
from idp.oidc.clients.addresses import is_loopback
from idp.oidc.clients.presentation import service_of
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.server import server
from idp.oidc.tokens import claims
from idp.oidc.tokens.approvals import Approval
from idp.sessions import known_devices, single_sign_on
from idp.sessions.single_sign_on import Session
from idp.web import error_pages, metrics, urls


@dataclass(frozen=True, slots=True)
class ValidatedRequest:
    """A request that has passed the pipeline, Authlib's grant for it, and the session that came with it."""

    request: Request
    grant: Any
    session: Session | None
    remembered: consent.ConsentedGrant = consent.NO_GRANT


def authorize() -> Response:
    """The client's request (OpenID Connect Core 3.1.2.1): answered at once when nothing is owed, else it starts waiting."""
    posted = flask.request.method == "POST"
    asked: Request | None = None
    try:
        asked = request.from_form() if posted else request.from_query()
        # A POST from the client's site brings no Lax cookie: the session shows at the door, one GET later.
        seen = _validate(asked, look=not posted)
        seen = _with_remembered_grant(seen, seen.session)
        prompt = None if posted else _owed_prompt(seen, _prompt_facts(seen))
        waits = posted or prompt is not None
        if waits:
            pipeline.run(pipeline.BEFORE_INTERACTION, seen.request)
    except OAuth2Error as error:
        return _error_response(asked or Request({}), error)
    return _begin_interaction(seen, prompt) if waits else _success_response(seen)


def resume() -> Response:
    """Where next? Every room leads here, and only a GET of this leads out."""
    return advance(rooms.current_interaction())


def cancel() -> Response:
    """The person goes back to the service: `access_denied`, by the same door."""
    rooms.current_interaction().denied = True
    return rooms.save_and_continue()


def consent_page() -> Response:
    """Asks; open only while consent is owed, so that nobody says yes for someone who has not signed in."""
    waiting = rooms.current_interaction()
    if "consent" not in waiting.owed or waiting.authentication is None:
        return rooms.redirect_to_next_step()
    if flask.request.method == "POST":
        return _decide(waiting, flask.request.form.get("decision"))
    try:
        seen = _validate(_resumed(waiting))
    except OAuth2Error:
        return rooms.redirect_to_next_step()
    return consent.page(seen.request, waiting.authentication.account)


def advance(waiting: Interaction) -> Response:
    """The only place that decides where a waiting request goes: revalidates it, asks the policy, opens a room or finishes."""
    asked = _resumed(waiting)
    try:
        seen = _validate(asked)
        if waiting.denied:
            raise oauth_error("access_denied", "The person went back to the service.")
        _compare_session(waiting, seen.session)
        seen = _with_remembered_grant(seen, waiting.authentication)
        prompt = _owed_prompt(seen, _prompt_facts(seen, waiting))
    except OAuth2Error as error:
        return _end_with_error(waiting, asked, error)
    return finish(waiting, seen) if prompt is None else _redirect_to_prompt(waiting, prompt)


def finish(waiting: Interaction, seen: ValidatedRequest) -> Response:
    """Consumes the interaction, establishes the session under a new secret, answers with a code: each once, here only."""
    if not pending.consume(waiting):
        raise error_pages.InteractionGone(waiting.service)
    assert waiting.proved is not None
    carrier, session = Response(), seen.session
    if waiting.fresh or waiting.stepped_up:
        session = single_sign_on.establish(waiting.proved, carrier, replaces=seen.session)
        known_devices.remember_and_notify(waiting.proved, carrier)
    remembered = seen.remembered
    if _has_consented(waiting) and not seen.request.registered.first_party:
        remembered = consent.save_grant(waiting.proved.account, seen.request)
    response = _success_response(replace(seen, session=session, remembered=remembered))
    response.headers.extend([("Set-Cookie", value) for value in carrier.headers.getlist("Set-Cookie")])
    trail.record("code_issued", account=waiting.proved.account, client=seen.request.registered.client_id)
    return pending.delete_interaction_cookie(leave_by_page(response), waiting)


def _resumed(waiting: Interaction) -> Request:
    """The request as it was when it began to wait: resuming is a replay."""
    asked = Request(dict(waiting.request))
    asked.resumed = True
    asked.device = waiting.service.get("device", "")
    return asked


def _validate(asked: Request, *, look: bool = True) -> ValidatedRequest:
    asked.interactive = True
    engine: Any = server()
    grant = engine.get_consent_grant(asked, end_user=True)
    client = asked.registered
    return ValidatedRequest(asked, grant, single_sign_on.current(*consent.account_fields(client)) if look else None)


def _with_remembered_grant(seen: ValidatedRequest, person: Session | Authentication | None) -> ValidatedRequest:
    """The same with what this person has allowed the client before."""
    if person is None:
        return seen
    session = seen.session
    prefetched = session.extras if session is not None and session.account == person.account else {}
    return replace(seen, remembered=consent.find_grant(person.account, seen.request.registered, prefetched))


def _owed_prompt(seen: ValidatedRequest, known: PromptFacts) -> Prompt | None:
    asked = seen.request
    wishes = PromptRequirements(
        prompts=asked.prompts,
        max_age=asked.max_age,
        essential_acr=essential_acr(asked.claims) or frozenset(asked.registered.required_acr_values),
        preferred_acr=_preferred_acr(asked),
        subject=required_subject(asked.claims, asked.hint),
        consent=not asked.registered.first_party or bool(asked.authorization_details),
        no_silence=asked.registered.application_type == "native" and is_loopback(asked.verified_redirect_uri or ""),
    )
    try:
        return pipeline.next_prompt(wishes, known, clock.timestamp())
    except RequirementNotMet as unmet:
        raise oauth_error(unmet.error, ERROR_DESCRIPTIONS.get(unmet.error, "")) from None


ERROR_DESCRIPTIONS = {
    "login_required": "Nobody, or somebody else, is signed in.",
    "consent_required": "The person has not allowed all that is asked for.",
    "unmet_authentication_requirements": "The person cannot sign in as surely as is asked for.",
}


def _prompt_facts(seen: ValidatedRequest, waiting: Interaction | None = None) -> PromptFacts:
    authentication = waiting.proved if waiting else (seen.session.authentication if seen.session else None)
    subject = claims.subject_for(seen.request.registered, authentication.account) if authentication else None
    return PromptFacts(
        authentication=authentication,
        subject=subject,
        fresh=bool(waiting and waiting.fresh),
        second_factor_due=bool(waiting and waiting.fresh and authentication and _factor_due(authentication)),
        declined=bool(waiting and waiting.declined),
        offer=bool(waiting and waiting.offer),
        consented=bool(waiting and _has_consented(waiting)),
        granted=seen.remembered.covers(seen.request),
    )


def _factor_due(proved: Authentication) -> bool:
    # A session needs no second look: whatever it owed was given when it was established.
    return "mfa" not in proved.amr and authenticators.needs_second_factor(proved.account)


def _preferred_acr(asked: Request) -> tuple[str, ...]:
    return preferred_acr(asked.claims, asked.get("acr_values"), asked.registered.default_acr_values)


def _has_consented(waiting: Interaction) -> bool:
    # Bound to the account: whoever signs in afterwards as somebody else is asked again.
    said, authentication = waiting.consented, waiting.authentication
    return bool(said and authentication and said.get("account") == authentication.account)


def _compare_session(waiting: Interaction, session: Session | None) -> None:
    """The session that was there at the beginning must still be: if it ended or changed hands, login is owed again.

    So must a sign-in made on the way: whoever knew the old password does not wait here until a recovery is over.
    """
    if waiting.fresh:
        if waiting.authentication and not accounts.authentication_still_valid(waiting.authentication):
            waiting.authentication, waiting.fresh = None, False
        return
    if waiting.session is None and session is not None:
        waiting.session = session.sid
    same = session is not None and session.sid == waiting.session
    waiting.authentication = session.authentication if same and session else None


def _decide(waiting: Interaction, decision: str | None) -> Response:
    account = waiting.authentication.account if waiting.authentication else None
    if decision == "allow":
        waiting.consented = {"account": account}
    elif decision == "deny":
        waiting.denied = True
        trail.record("consent_refused", account=account, client=waiting.service.get("client_id"))
    return rooms.save_and_continue()


def _redirect_to_prompt(waiting: Interaction, prompt: Prompt) -> Response:
    waiting.owed = list(prompt.opens)
    waiting.save()
    return urls.see_other(url_for(prompt.page, interaction_id=waiting.id))


def _begin_interaction(seen: ValidatedRequest, prompt: Prompt | None) -> Response:
    """Starts an interaction, pinned to the session if there is one; then its room, or the door after a POST."""
    client, session = seen.request.registered, seen.session
    locale = _locale(seen.request)
    begun, secret = pending.begin(
        parameters.kept(seen.request),
        service_of(client, locale),
        session=session.sid if session else None,
        authentication=session.authentication if session else None,
        owed=list(prompt.opens) if prompt else [],
        locale=locale,
    )
    g.interaction = begun
    endpoint = prompt.page if prompt else "oidc.resume"
    return pending.set_interaction_cookie(urls.see_other(url_for(endpoint, interaction_id=begun.id)), begun, secret)


def _success_response(seen: ValidatedRequest) -> Response:
    """Success: a code made out to the session that is there now."""
    session, engine = seen.session, cast(Any, server())
    assert session is not None
    try:
        for before, _clause in pipeline.BEFORE_RESPONSE:
            before(seen.request, session)
    except OAuth2Error as error:
        return _error_response(seen.request, error)
    response = cast(Response, engine.create_authorization_response(seen.request, _approval(seen, session), seen.grant))
    for after, _clause in pipeline.AFTER_RESPONSE:
        after(response, session)
    return response


def _approval(seen: ValidatedRequest, session: Session) -> Approval:
    proved, client_id = session.authentication, seen.request.registered.client_id
    return Approval(
        subject=proved.account,
        client_id=client_id,
        scope=seen.request.scope,
        auth_time=proved.auth_time,
        acr=asserted_acr(_preferred_acr(seen.request), proved),
        amr=proved.amr,
        recovered_at=proved.recovered_at,
        sid=session.sid,
        family="",
        grant=seen.remembered.id,
        nonce=seen.request.get("nonce"),
        claims=seen.request.claims,
        resources=seen.request.resources,
        authorization_details=seen.request.authorization_details,
        generation=proved.generation,
        service=_connection(session, client_id),
    )


def _connection(session: Session, client_id: str) -> int:
    """The generation of the connection to this client; it rode along with the session, but for one that has just begun."""
    name = generations.service_field(client_id)
    return int(session.extras[name] or 0) if name in session.extras else generations.of_service(session.account, client_id)


def _error_response(asked: Request, error: OAuth2Error) -> Response:
    asked.interactive = True
    return server().handle_error_response(asked, error)


def _end_with_error(waiting: Interaction, asked: Request, error: OAuth2Error) -> Response:
    if not pending.consume(waiting):
        raise error_pages.InteractionGone(waiting.service)
    account = waiting.authentication.account if waiting.authentication else None
    event: trail.Event = "interaction_cancelled" if waiting.denied else "authorization_refused"
    if account is None:
        # Counted and not recorded: what strangers do and undo must not fill the trail.
        metrics.count_event(event)
    else:
        trail.record(event, account=account, client=waiting.service.get("client_id"), error=error.error)
    return pending.delete_interaction_cookie(leave_by_page(_error_response(asked, error)), waiting)


def _locale(asked: Request) -> str | None:
    """The first language asked for that we speak (BCP 47 tags; their region does not matter)."""
    known = languages.first_of(asked.get("ui_locales").split())
    return known.tag if known else None
