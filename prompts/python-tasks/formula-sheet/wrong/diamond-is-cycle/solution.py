"""A tiny spreadsheet with exact arithmetic."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Optional, Union

_NAME = re.compile(r"[A-Z][1-9][0-9]?")
_LITERAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_TOKEN = re.compile(r" *(?:([0-9]+(?:\.[0-9]+)?)|([A-Z]+[0-9]*)|([-+*/():]))")
_PLACES = 10**6


@dataclass(frozen=True)
class _Error:
    text: str


@dataclass(frozen=True)
class _Range:
    cells: tuple[str, ...]  # row by row


@dataclass(frozen=True)
class _Operation:
    sign: str
    operands: tuple["_Node", ...]


@dataclass(frozen=True)
class _Cell:
    name: str


_Node = Union[Fraction, _Cell, _Range, _Operation]
_Value = Union[Fraction, str, _Error, None]

_VALUE, _DIV, _CYCLE = _Error("#VALUE"), _Error("#DIV"), _Error("#CYCLE")


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a cell: {name!r}")
    return name


def _order(name: str) -> tuple[str, int]:
    return name[0], int(name[1:])


class _Parser:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        text = text.rstrip(" ")
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"malformed formula at {text[at:]!r}")
            self._tokens.append(match[0].strip(" "))
            at = match.end()
        self._at = 0

    def parse(self) -> _Node:
        node = self._sum()
        if self._peek():
            raise ValueError(f"unexpected {self._peek()!r}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if not token or (wanted and token not in wanted):
            raise ValueError(f"unexpected {token or 'end'!r}")
        self._at += 1
        return token

    def _sum(self) -> _Node:
        node = self._product()
        while self._peek() in ("+", "-"):
            node = _Operation(self._take(), (node, self._product()))
        return node

    def _product(self) -> _Node:
        node = self._factor()
        while self._peek() in ("*", "/"):
            node = _Operation(self._take(), (node, self._factor()))
        return node

    def _factor(self) -> _Node:
        token = self._take()
        if token == "-":
            return _Operation("negate", (self._factor(),))
        if token == "(":
            node = self._sum()
            self._take(")")
            return node
        if token == "SUM":
            return self._range()
        if token[0].isdigit():
            return Fraction(token)
        return _Cell(_check_name(token))

    def _range(self) -> _Range:
        self._take("(")
        first = _check_name(self._take())
        self._take(":")
        last = _check_name(self._take())
        self._take(")")
        letters = sorted((first[0], last[0]))
        numbers = sorted((int(first[1:]), int(last[1:])))
        return _Range(
            tuple(
                f"{chr(letter)}{number}"
                for number in range(numbers[0], numbers[1] + 1)
                for letter in range(ord(letters[0]), ord(letters[1]) + 1)
            )
        )


def _uses(node: _Node) -> set[str]:
    if isinstance(node, _Cell):
        return {node.name}
    if isinstance(node, _Range):
        return set(node.cells)
    if isinstance(node, _Operation):
        return set().union(*map(_uses, node.operands))
    return set()


def _text(value: Fraction) -> str:
    millionths, rest = divmod(abs(value) * _PLACES, 1)
    millionths += rest >= Fraction(1, 2)
    digits = f"{millionths // _PLACES}.{millionths % _PLACES:06}".rstrip("0").rstrip(".")
    return f"-{digits}" if value < 0 and digits != "0" else digits


class Sheet:
    """Cells A1 to Z99 with numbers, texts and formulas."""

    def __init__(self) -> None:
        self._cells: dict[str, Union[str, _Node]] = {}

    def enter(self, name: str, content: str) -> None:
        """Fill a cell; ValueError for a bad name or formula, which changes nothing."""
        _check_name(name)
        if not content:
            self._cells.pop(name, None)
        elif content.startswith("="):
            self._cells[name] = _Parser(content[1:]).parse()
        elif _LITERAL.fullmatch(content):
            self._cells[name] = Fraction(content)
        else:
            self._cells[name] = content

    def get(self, name: str) -> str:
        """Return the value of a cell as text; errors are texts such as #DIV."""
        _check_name(name)
        value = _CYCLE if self._reaches_cycle(name) else self._value(name, {})
        if isinstance(value, Fraction):
            return _text(value)
        if isinstance(value, _Error):
            return value.text
        return value or ""

    def dependents(self, name: str) -> list[str]:
        """Return the cells whose formulas use a cell, directly or not."""
        _check_name(name)
        found: set[str] = set()
        waiting = {name}
        while waiting:
            waiting = {cell for cell in self._cells if self._needs(cell) & waiting} - found
            found |= waiting
        return sorted(found, key=_order)

    def _needs(self, name: str) -> set[str]:
        content = self._cells.get(name)
        return set() if content is None or isinstance(content, str) else _uses(content)

    def _reaches_cycle(self, name: str) -> bool:
        """Tell whether the cell is on a cycle or depends on one."""
        done: set[str] = set()
        # Depth first: a cell met again while it is still open closes a cycle.
        stack: list[tuple[str, bool]] = [(name, False)]
        open_cells: set[str] = set()
        while stack:
            cell, leaving = stack.pop()
            if leaving:
                done.add(cell)
            elif cell in open_cells:
                return True
            elif cell not in done:
                open_cells.add(cell)
                stack.append((cell, True))
                stack += [(need, False) for need in self._needs(cell)]
        return False

    def _value(self, name: str, known: dict[str, _Value]) -> _Value:
        if name not in known:
            content = self._cells.get(name)
            if content is None or isinstance(content, str):
                known[name] = content
            else:
                known[name] = self._evaluate(content, known)
        return known[name]

    def _evaluate(self, node: _Node, known: dict[str, _Value]) -> _Value:
        if isinstance(node, Fraction):
            return node
        if isinstance(node, _Cell):
            value = self._value(node.name, known)
            return Fraction(0) if value is None else value
        if isinstance(node, _Range):
            values = [self._value(cell, known) for cell in node.cells]
            errors = [value for value in values if isinstance(value, _Error)]
            if errors:
                return errors[0]
            return sum((v for v in values if isinstance(v, Fraction)), Fraction(0))
        return self._operate(node.sign, [self._evaluate(o, known) for o in node.operands])

    @staticmethod
    def _operate(sign: str, operands: list[_Value]) -> _Value:
        numbers: list[Fraction] = []
        for operand in operands:
            if isinstance(operand, _Error):
                return operand
            if not isinstance(operand, Fraction):
                return _VALUE
            numbers.append(operand)
        if sign == "negate":
            return -numbers[0]
        left, right = numbers
        if sign == "/":
            return left / right if right else _DIV
        return {"+": left + right, "-": left - right, "*": left * right}[sign]
