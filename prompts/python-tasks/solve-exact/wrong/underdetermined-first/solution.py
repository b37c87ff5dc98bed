"""Exact solutions of systems of linear equations given as text."""

import re
from fractions import Fraction

_TERM = re.compile(
    r"""\s*(?P<sign>[+-])?\s*
    (?:(?P<number>[0-9]+\.[0-9]+|[0-9]+(?:\s*/\s*[0-9]+)?)\s*)?
    (?:(?P<name>[a-z]+)\s*(?:/\s*(?P<divisor>[0-9]+\.[0-9]+|[0-9]+)\s*)?)?""",
    re.VERBOSE,
)
_CONSTANT = ""  # the name under which a side keeps its constant


class Inconsistent(ArithmeticError):
    """No values satisfy all equations."""


class Underdetermined(ArithmeticError):
    """More than one solution satisfies all equations."""


def _number(text: str) -> Fraction:
    try:
        return Fraction(re.sub(r"\s", "", text))
    except ZeroDivisionError:
        raise ValueError(f"division by zero: {text!r}") from None


def _side(text: str) -> dict[str, Fraction]:
    """Return the coefficients of one side of an equation."""
    sums: dict[str, Fraction] = {}
    at = 0
    while at < len(text) or at == 0:
        match = _TERM.match(text, at)
        if match is None or not (match["number"] or match["name"]):
            raise ValueError(f"expected a term: {text[at:]!r}")
        if at > 0 and not match["sign"]:
            raise ValueError(f"expected + or -: {text[at:]!r}")
        factor = _number(match["number"] or "1")
        if match["divisor"]:
            divisor = _number(match["divisor"])
            if divisor == 0:
                raise ValueError(f"division by zero: {text!r}")
            factor /= divisor
        name = match["name"] or _CONSTANT
        signed = -factor if match["sign"] == "-" else factor
        sums[name] = sums.get(name, Fraction(0)) + signed
        at = match.end()
    return sums


def _read(equation: str) -> dict[str, Fraction]:
    """Return coefficients such that their sum with the values is zero."""
    sides = equation.split("=")
    if len(sides) != 2:
        raise ValueError(f"expected one '=': {equation!r}")
    left, right = map(_side, sides)
    for name, factor in right.items():
        left[name] = left.get(name, Fraction(0)) - factor
    return left


def solve(equations: list[str]) -> dict[str, str]:
    """Solve the equations by Gauss-Jordan elimination with fractions.

    Raises ValueError for malformed text, Inconsistent and Underdetermined.
    """
    read = [_read(equation) for equation in equations]
    names = sorted({name for row in read for name in row} - {_CONSTANT})
    zero = Fraction(0)
    rows = [[row.get(n, zero) for n in names] + [-row.get(_CONSTANT, zero)] for row in read]

    rank = 0
    for column in range(len(names)):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        head = rows[rank][column]
        rows[rank] = [value / head for value in rows[rank]]
        for i, row in enumerate(rows):
            if i != rank and row[column]:
                factor = row[column]
                rows[i] = [a - factor * b for a, b in zip(row, rows[rank])]
        rank += 1
    if rank < len(names):
        raise Underdetermined("the equations leave values open")
    if any(row[-1] for row in rows[rank:]):
        raise Inconsistent("the equations contradict each other")
    return {name: str(rows[i][-1]) for i, name in enumerate(names)}
