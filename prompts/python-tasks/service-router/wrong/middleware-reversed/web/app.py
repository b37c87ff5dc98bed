"""The application: router, middleware and two simple handlers."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Optional

from web.router import Handler, Message, MethodNotAllowed, NotFound, Router

Middleware = Callable[[Message, Handler], Message]


def _response(status: int, body: str, headers: Optional[dict[str, str]] = None) -> Message:
    return {"status": status, "headers": headers or {}, "body": body}


class Text:
    """Handler that returns a text with the parameters filled in."""

    def __init__(self, body: str, status: int = 200) -> None:
        self._body = body
        self._status = status

    def __call__(self, request: Message) -> Message:
        params = request["params"]
        body = re.sub(
            r"\{(\w+)\}", lambda match: str(params.get(match[1], match[0])), self._body
        )
        return _response(self._status, body)


class Fail:
    """Handler that fails."""

    def __call__(self, request: Message) -> Message:
        raise RuntimeError("this handler always fails")


class App:
    """Answers requests by way of middleware and a router."""

    def __init__(self, router: Router, middleware: Sequence[Middleware] = ()) -> None:
        self._router = router
        self._chain: Handler = self._dispatch
        for layer in middleware:
            self._chain = partial(layer, next=self._chain)

    def handle(
        self, method: str, path: str, headers: Optional[dict[str, str]] = None
    ) -> Message:
        """Return the response to a request; never raises for a handler's exception."""
        request: Message = {
            "method": method,
            "path": path.partition("?")[0],
            "headers": {name.lower(): value for name, value in (headers or {}).items()},
            "params": {},
        }
        response = self._chain(request)
        return {**response, "body": ""} if method == "HEAD" else response

    def _dispatch(self, request: Message) -> Message:
        try:
            handler, params = self._match(request["method"], request["path"])
        except NotFound:
            return _response(404, "not found")
        except MethodNotAllowed as error:
            return _response(405, "method not allowed", {"allow": ", ".join(error.allowed)})
        try:
            return handler({**request, "params": params})
        except Exception:  # whatever a handler raises, the client gets an answer
            return _response(500, "internal error")

    def _match(self, method: str, path: str) -> tuple[Handler, dict[str, Any]]:
        try:
            return self._router.match(method, path)
        except MethodNotAllowed as error:
            if method == "HEAD" and "GET" in error.allowed:
                return self._router.match("GET", path)
            raise
