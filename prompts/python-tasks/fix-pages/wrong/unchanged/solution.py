def paginate(items, page, per_page=10):
    pages = len(items) // per_page + 1
    if page > pages:
        page = pages
    start = page * per_page
    return {
        "items": items[start:start + per_page - 1],
        "page": page,
        "pages": pages,
        "has_previous": page > 0,
        "has_next": page < pages,
    }


def page_links(page, pages, around=2):
    links = [1]
    for number in range(page - around, page + around):
        if number > 1 and number < pages:
            links.append(number)
    links.append(pages)
    return links
