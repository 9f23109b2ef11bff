"""Which of a file's columns of phones get a place: there are more names of them than fields."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

PHONES = tuple(f"telefone_{number}" for number in (1, 2, 3))
#: Words of a column's name. Mobiles go first: no SMS reaches a landline.
_MOBILE = frozenset({"celular", "celulares", "cel", "movel", "whatsapp", "whats", "zap"})
_PHONE = _MOBILE | {"telefone", "telefones", "tel", "fone", "fones"}
#: Beside such a word they make another thing of a column: `Aceita WhatsApp`, `Data do telefone`.
_OF_ELSE = frozenset({
    "permite", "aceita", "recebe", "tem", "possui", "sms", "ddd", "ramal", "tipo", "operadora", "obs",
    "observacao", "status", "data", "id", "plano", "valor",
})  # fmt: skip


def place_phones(
    names: Sequence[str], found: list[str | None], by_hand: Mapping[str, str], called: Collection[str]
) -> list[str | None]:
    """Give customers' phones the places that are left, then to mobiles those of columns that name none.

    `called`: the names of columns that are taken for phones; `by_hand`: what a person chose, which stays.
    """
    left = [
        place
        for place, name in enumerate(names)
        if found[place] is None and name in called and name not in by_hand and name not in names[:place]
    ]
    left.sort(key=lambda place: not is_mobile(names[place]))
    free = [phone for phone in PHONES if phone not in found]
    # In their order in the file, among those for which there is room.
    for place, phone in zip(sorted(left[: len(free)]), free, strict=False):
        found[place] = phone
    giving = [place for phone in reversed(PHONES) for place in _giving(phone, names, found, by_hand)]
    mobiles = [place for place in left[len(free) :] if is_mobile(names[place])]
    for place, other in zip(mobiles, giving, strict=False):
        found[place], found[other] = found[other], None
    return found


def prefer_mobile(
    names: Sequence[str], found: list[str | None], by_hand: Mapping[str, str], called: Collection[str]
) -> list[str | None]:
    """Have a contact's one phone be the mobile, beside a `telefone` that may be a landline.

    The next best column is `telefone_2`, for those contacts whose first is empty.
    """
    taken = found.index("telefone") if "telefone" in found else None
    if taken is None or names[taken] in by_hand:
        return found
    others = [
        place
        for place, name in enumerate(names)
        if found[place] is None and name in called and name not in by_hand
    ]
    others.sort(key=lambda place: not is_mobile(names[place]))
    if others and is_mobile(names[others[0]]) and not is_mobile(names[taken]):
        mobile, others[0] = others[0], taken
        found[mobile], found[taken] = "telefone", None
        others.sort(key=lambda place: not is_mobile(names[place]))
    if others and "telefone_2" not in found:
        found[others[0]] = "telefone_2"
    return found


def is_mobile(name: str) -> bool:
    """Tell whether a column's plain name says that its phones are mobiles."""
    return not _MOBILE.isdisjoint(_words(name))


def without_place(names: Sequence[str], fields: Sequence[str | None]) -> list[int]:
    """Tell which columns are named like a phone's and are taken for nothing."""
    return [
        place
        for place, (name, field) in enumerate(zip(names, fields, strict=True))
        if field is None and not _PHONE.isdisjoint(words := _words(name)) and _OF_ELSE.isdisjoint(words)
    ]


def _giving(
    phone: str, names: Sequence[str], found: Sequence[str | None], by_hand: Mapping[str, str]
) -> list[int]:
    """Tell which column gives this place up: none with the place's own name or a permission of its own."""
    place = found.index(phone) if phone in found else None
    if place is None or names[place] in by_hand or names[place] == phone or is_mobile(names[place]):
        return []
    return [] if phone.replace("telefone", "permite_sms") in found else [place]


def _words(name: str) -> set[str]:
    return set(re.sub(r"[0-9]+", "", name).split("_"))
