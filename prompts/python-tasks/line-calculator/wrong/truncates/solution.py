"""Integer calculator over the lines of standard input."""

import re
import sys
from collections.abc import Callable
from typing import NamedTuple, Union

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:_[0-9]+)*)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[-+*/%^()=]))",
    re.ASCII,
)
_MAX_EXPONENT = 1000


class CalculatorError(Exception):
    """The line cannot be calculated; the message is what the user sees."""


class Token(NamedTuple):
    """A piece of the line; kind is "number", "name", "sign", "end" or "bad"."""

    kind: str
    text: str
    column: int


class Operation(NamedTuple):
    """An operator and its operands; a unary minus has one."""

    sign: str
    operands: tuple["Node", ...]


Node = Union[int, str, Operation]  # a number, a variable or an operation


def _tokens(line: str) -> list[Token]:
    """Return the tokens, the last one being the end or a character that begins none."""
    line = line.rstrip()
    tokens: list[Token] = []
    at = 0
    while at < len(line):
        match = _TOKEN.match(line, at)
        if match is None:
            bad = at + len(line[at:]) - len(line[at:].lstrip())
            return [*tokens, Token("bad", line[bad], bad + 1)]
        kind = match.lastgroup or ""
        tokens.append(Token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    return [*tokens, Token("end", "", at + 1)]


class _Parser:
    """Recursive descent, one method per level of precedence."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def parse(self) -> Node:
        node = self._sum()
        if self._now.kind != "end":
            raise self._error()
        return node

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    def _error(self) -> CalculatorError:
        return CalculatorError(f"syntax error at column {self._now.column}")

    def _accept(self, *signs: str) -> str:
        """Take the token if it is one of the signs, else return an empty text."""
        token = self._now
        if token.kind != "sign" or token.text not in signs:
            return ""
        self._at += 1
        return token.text

    def _left_grouped(self, operand: Callable[[], Node], *signs: str) -> Node:
        node = operand()
        while sign := self._accept(*signs):
            node = Operation(sign, (node, operand()))
        return node

    def _sum(self) -> Node:
        return self._left_grouped(self._product, "+", "-")

    def _product(self) -> Node:
        return self._left_grouped(self._signed, "*", "/", "%")

    def _signed(self) -> Node:
        sign = self._accept("-", "+")
        if not sign:
            return self._power()
        operand = self._signed()
        return Operation("-", (operand,)) if sign == "-" else operand

    def _power(self) -> Node:
        base = self._atom()
        return Operation("^", (base, self._signed())) if self._accept("^") else base

    def _atom(self) -> Node:
        token = self._now
        if self._accept("("):
            node = self._sum()
            if not self._accept(")"):
                raise self._error()
            return node
        if token.kind not in ("number", "name"):
            raise self._error()
        self._at += 1
        return int(token.text) if token.kind == "number" else token.text


def _apply(sign: str, left: int, right: int) -> int:
    if sign in "/%" and right == 0:
        raise CalculatorError("division by zero")
    if sign == "^" and not 0 <= right <= _MAX_EXPONENT:
        raise CalculatorError("bad exponent")
    operations: dict[str, Callable[[], int]] = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1),
        "%": lambda: left % right,
        "^": lambda: int(left**right),
    }
    return operations[sign]()


class Calculator:
    """Keeps the variables from line to line."""

    def __init__(self) -> None:
        self._variables = {"ans": 0}

    def run(self, line: str) -> str:
        """Return the output for a line; raise CalculatorError and change nothing."""
        tokens = _tokens(line)
        target = ""
        if len(tokens) > 1 and tokens[0].kind == "name" and tokens[1].text == "=":
            target = tokens[0].text
            if target == "ans":
                raise CalculatorError(f"syntax error at column {tokens[1].column}")
            tokens = tokens[2:]
        value = self._evaluate(_Parser(tokens).parse())
        self._variables["ans"] = value
        if not target:
            return str(value)
        self._variables[target] = value
        return f"{target} = {value}"

    def _evaluate(self, node: Node) -> int:
        if isinstance(node, int):
            return node
        if isinstance(node, str):
            if node not in self._variables:
                raise CalculatorError(f"unknown variable {node}")
            return self._variables[node]
        values = [self._evaluate(operand) for operand in node.operands]
        return -values[0] if len(values) == 1 else _apply(node.sign, *values)


def main() -> None:
    """Calculate the lines of standard input."""
    sys.set_int_max_str_digits(0)
    calculator = Calculator()
    for line in sys.stdin:
        code = line.partition("#")[0]
        if code.strip():
            try:
                print(calculator.run(code))
            except CalculatorError as error:
                print(f"error: {error}")


if __name__ == "__main__":
    main()
