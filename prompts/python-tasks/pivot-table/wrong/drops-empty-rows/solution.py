"""Pivot tables from lists of dicts."""

from typing import Any, Optional


def _required(row: dict[str, Any], key: str) -> str:
    found = row.get(key)
    if found is None:
        raise KeyError(key)
    return str(found)


def pivot(
    rows: list[dict[str, Any]], index: str, column: str, value: str, total: bool = False
) -> list[list[Any]]:
    """Sum ``value`` by index (down) and column (across); absent cells are None.

    Raises KeyError for a row without an index or column value.
    """
    cells: dict[str, dict[str, int]] = {}
    columns: set[str] = set()
    for row in rows:
        if row.get(value) is None:
            continue
        line = cells.setdefault(_required(row, index), {})
        name = _required(row, column)
        columns.add(name)
        amount: Optional[int] = row.get(value)
        if amount is not None:
            line[name] = line.get(name, 0) + amount

    header = sorted(columns)
    table: list[list[Any]] = [[index, *header]]
    table += [[key, *map(line.get, header)] for key, line in cells.items()]
    if total:
        table[0].append("total")
        for row_cells in table[1:]:
            row_cells.append(sum(cell or 0 for cell in row_cells[1:]))
        sums = [sum(r[i] or 0 for r in table[1:]) for i in range(1, len(table[0]))]
        table.append(["total", *sums])
    return table
