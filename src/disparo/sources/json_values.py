"""Values, objects and lists of JSON, as HubSoft and programs written in PHP write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from disparo.domain.money import write_number
from disparo.sources.csv_fields import ABSENT, BadField, on_one_line

Item = Mapping[str, Any]
#: What may be pushed; a source has as many as it has.
_MOST_LISTED = 50


def says_nothing(value: object) -> bool:
    """Tell null and blanks, which hide nothing that is said by another name."""
    return value is None or (isinstance(value, str) and not value.strip())


def name_in(item: Item, names: str) -> str | None:
    """Give which of these names, parted by `|`, says something; else the first that is there, if any."""
    there = [name for name in names.split("|") if name in item]
    return next(
        (name for name in there if item[name] and not says_nothing(item[name])), there[0] if there else None
    )


def flag_of(value: object, name: str) -> str:
    """Write a JSON value of a flag as a file would have it; raises BadField."""
    return ("sim" if value else "nao") if isinstance(value, bool) else value_of(value, name)


def value_of(value: object, name: str, *, lenient: bool = False) -> str:
    """Write a JSON value as a file would have it; raises BadField.

    `false` is nothing: PHP's functions give it for what they have not found.
    """
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        return on_one_line(value).strip() if lenient else value.strip()
    if isinstance(value, int) and value is not True:
        return str(value) if abs(value) < 10**30 else "9" * 31
    if isinstance(value, float):
        return write_number(value)
    raise BadField(f"{name} deve ser um texto ou um número")


def object_of(item: Item, name: str, *, lenient: bool) -> Any:
    """Give an object, None where it is to be emptied, ABSENT where nothing is said; raises BadField.

    An empty list is one as PHP writes it. Of a source null says nothing.
    """
    given = item.get(name, ABSENT)
    if isinstance(given, dict) or (given is None and not lenient):
        return given
    if given is not ABSENT and given != [] and not lenient:
        raise BadField(f"{name} deve ser um objeto")
    return ABSENT


def list_of(item: Item, name: str, *, lenient: bool = False) -> list[Item] | None:
    """Give a list of objects, also as PHP writes one with gaps; None where nothing is said of it.

    One object stands for a list of it, as in old answers of the original.
    """
    if name not in item:
        return None
    found = item[name]
    if isinstance(found, dict):
        has_gaps_or_nothing = all(key.isdecimal() for key in found)
        found = list(found.values()) if has_gaps_or_nothing else [found]
    elif found is None:
        found = []
    is_list = isinstance(found, list) and all(isinstance(part, dict) for part in found)
    if lenient:
        return found if is_list else None
    if not is_list:
        raise BadField(f"{name} deve ser uma lista de objetos")
    if len(found) > _MOST_LISTED:
        raise BadField(f"{name} passa de {_MOST_LISTED} itens")
    return cast("list[Item]", found)
