"""What happens around the handlers."""

from web.router import Handler, Message


class Header:
    """Adds a header to responses that do not have it."""

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    def __call__(self, request: Message, next: Handler) -> Message:
        response = next(request)
        headers = {self._name: self._value, **response["headers"]}
        return {**response, "headers": headers}


class Token:
    """Lets only requests with the secret pass."""

    def __init__(self, secret: str) -> None:
        self._expected = f"Bearer {secret}"

    def __call__(self, request: Message, next: Handler) -> Message:
        if request["headers"].get("authorization") != self._expected:
            return {"status": 401, "headers": {}, "body": "unauthorized"}
        return next(request)


class Log:
    """Keeps a line for each response."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, request: Message, next: Handler) -> Message:
        response = next(request)
        self.lines.append(f"{request['method']} {request['path']} {response['status']}")
        return response
