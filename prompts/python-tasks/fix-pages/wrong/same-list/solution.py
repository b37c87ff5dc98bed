"""Pages of lists."""

from typing import Any, Optional


def paginate(items: list[Any], page: int, per_page: int = 10) -> dict[str, Any]:
    """Return one page, counted from 1 and moved into the range that exists.

    Raises ValueError when per_page is below 1.
    """
    if per_page < 1:
        raise ValueError("per_page must be at least 1")
    pages = max(1, -(-len(items) // per_page))
    page = min(max(page, 1), pages)
    start = (page - 1) * per_page
    return {
        "items": items if pages == 1 else items[start : start + per_page],
        "page": page,
        "pages": pages,
        "has_previous": page > 1,
        "has_next": page < pages,
    }


def page_links(page: int, pages: int, around: int = 2) -> list[Optional[int]]:
    """Return the page numbers to show, with None in place of two or more left out."""
    near = range(max(1, page - around), min(pages, page + around) + 1)
    links: list[Optional[int]] = []
    last = 0
    for number in sorted({1, pages, *near}):
        if number - last == 2:
            links.append(last + 1)
        elif number - last > 2:
            links.append(None)
        links.append(number)
        last = number
    return links
