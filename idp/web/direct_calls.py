"""Serves what programs call all day ahead of Flask's routing, session and form checks, with the same views and answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask
from flask.ctx import RequestContext
from flask.sessions import NullSession
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as AnyResponse

# What such a request has: no cookie of ours counts, so there is nothing to open, to bind a form to, or to save.
NO_SESSION = NullSession()


class DirectCall(RequestContext):
    """The context of a request whose rule is known before: nothing is matched, and no session is opened."""

    def __init__(self, app: Flask, environ: dict[str, Any], rule: Rule) -> None:
        # Not through `super()`: an adapter for matching URLs is a fifth of what this module saves.
        self.app, self.url_adapter, self.flashes = app, None, None
        self.request = app.request_class(environ)
        self.request.json_module = app.json
        self.request.url_rule, self.request.view_args = rule, {}
        self._session = NO_SESSION
        self._after_request_functions = []
        self._cv_tokens = []


class DirectCalls:
    """A WSGI middleware. `endpoints` are Flask's endpoints by method and path; every other request goes on to Flask.

    A view is served as Flask serves it: its exceptions meet the application's error handlers, its answer the functions for
    `after_request` of blueprint and application, the context its teardown. Left out is what acts on forms and sessions, and
    Flask's own signals, which nobody here listens to.
    """

    def __init__(self, app: Flask, wsgi: Any, endpoints: Mapping[tuple[str, str], str]) -> None:
        self.app, self.wsgi = app, wsgi
        by_endpoint = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
        self.rules = {call: by_endpoint[endpoint] for call, endpoint in endpoints.items()}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """The answer of the view whose address this is, else Flask's."""
        rule = self.rules.get((environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")))
        answer: Any = self.wsgi if rule is None else self._answer(environ, rule)
        result: Iterable[bytes] = answer(environ, start_response)
        return result

    def _answer(self, environ: dict[str, Any], rule: Rule) -> AnyResponse:
        context = DirectCall(self.app, environ, rule)
        error: Exception | None = None
        context.push()
        try:
            return self._completed(self._response(rule.endpoint), rule.endpoint)
        except Exception as problem:  # noqa: BLE001  (as Flask: whatever it is, the caller gets an answer)
            error = problem
            return self.app.handle_exception(problem)
        finally:
            context.pop(error)

    def _response(self, endpoint: str) -> AnyResponse:
        try:
            told: Any = self.app.view_functions[endpoint]()
            return self.app.make_response(told)
        except Exception as problem:  # noqa: BLE001  (the application's own handlers tell them apart)
            told = self.app.handle_user_exception(problem)
            return self.app.make_response(told)

    def _completed(self, response: Any, endpoint: str) -> AnyResponse:
        for scope in (endpoint.rpartition(".")[0], None):
            for complete in reversed(self.app.after_request_funcs.get(scope, ())):
                response = complete(response)
        completed: AnyResponse = response
        return completed
