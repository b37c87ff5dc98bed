"""Reading the Accept header."""

import re

_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def _media_type(text: str) -> str:
    main, slash, sub = text.strip().lower().partition("/")
    if not main or not slash or not sub or (main == "*" and sub != "*"):
        raise ValueError(f"not a media type: {text!r}")
    return f"{main}/{sub}"


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            value = value.strip()
            if not _WEIGHT.fullmatch(value):
                raise ValueError(f"not a weight: {value!r}")
            return int(value.replace(".", "") or 0)
    return 10


def _wildcards(media_type: str) -> int:
    return media_type.split("/").count("*")


def parse_accept(header: str) -> list[str]:
    """Return the media types that the header asks for, most wanted first.

    Raises ValueError when an entry or a weight is malformed.
    """
    entries = [entry for entry in header.split(",") if entry.strip()]
    if not entries:
        return ["*/*"]
    weighted = []
    for entry in entries:
        name, *parameters = entry.split(";")
        weighted.append((_media_type(name), _weight(parameters)))
    weighted.sort(key=lambda item: (-item[1], _wildcards(item[0])))
    # A dict keeps the first, which is the heaviest, of equal names.
    return list(dict.fromkeys(name for name, weight in weighted if weight > 0))
