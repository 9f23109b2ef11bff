"""Finds which column of a file is which of our fields, by the names that exports use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from disparo.sources.column_names import FIELDS, permission_of
from disparo.sources.phone_columns import PHONES, place_phones, prefer_mobile
from disparo.sources.tables import NotReadable, refuse_too_wide

#: What our own files of refused lines have at the end.
OF_REFUSED = ("linha", "motivo")
#: What is longer is no column's name: `_UNIT` takes the square of what it reads, and holds all else up.
_LONGEST_NAME = 200
#: At the end of a column's name: `Valor (R$)`.
_UNIT = re.compile(r"(?<=\w)[\s_:-]*(?:r\$|[(\[]\s*(?:em\s+)?(?:r\$|brl|reais)\s*[)\]])\s*$", re.IGNORECASE)
#: All names that a column of phones may have.
_CALLED = frozenset(name for phone in PHONES for name in FIELDS["clientes"][phone])


@dataclass(frozen=True, slots=True)
class Proposal:
    """How a file would be read: each column's own name, and the field it is taken for (None: ignored)."""

    line: int
    headers: Sequence[str]
    fields: Sequence[str | None]

    @property
    def positions(self) -> dict[str, int]:
        """Where each field stands."""
        return {field: place for place, field in enumerate(self.fields) if field is not None}

    def in_its_words(self, reason: str) -> str:
        """Give a reason that begins with a field with the column's own name before it: Status (situacao)."""
        field, _, rest = reason.partition(" ")
        place = self.positions.get(field)
        if place is None or plain(self.headers[place]) == field:
            return reason
        return f"{self.headers[place].strip()} ({field}) {rest}"


class ColumnsUnclear(NotReadable):
    """A person must say which column is which; `proposal` is what was understood."""

    def __init__(self, said: str, proposal: Proposal) -> None:
        super().__init__(said)
        self.proposal = proposal


class ColumnsMissing(ColumnsUnclear):
    """No row names all required columns; `proposal` is of the row that comes closest."""

    def __init__(self, kind: str, proposal: Proposal, missing: Sequence[str], beside: str) -> None:
        known = ", ".join(name.rstrip("*") for name in FIELDS[kind])
        super().__init__(
            f"Falta(m) a(s) coluna(s) {', '.join(missing)}. Colunas de {kind}: {known}. "
            f"Uma coluna com outro nome se indica com --coluna 'Nome no arquivo=campo'.{beside}",
            proposal,
        )
        self.missing, self.beside = missing, beside


def propose(
    kind: str,
    first_rows: Sequence[tuple[int, Sequence[str]]],
    chosen: Mapping[str, str] | None = None,
    beside: str = "",
) -> Proposal:
    """Find the header among a file's first rows and take its columns for fields.

    `chosen`: a person's own choice, a column's name to a field's ("": none); it goes before everything else.
    `beside`: what is said of the rest of the file where the columns are not here.
    Raises NotReadable; ColumnsMissing where a required one is missing, ColumnsUnclear where one comes twice.
    """
    by_hand = {plain(name): field for name, field in (chosen or {}).items()}
    _check_choice(kind, by_hand.items())
    closest = Proposal(1, [], [])
    for line, values in first_rows:
        refuse_too_wide(line, values)
        headers = [value.encode("utf-8", "replace").decode() for value in values]  # wrong bytes: not shown
        found = Proposal(line, headers, _match(kind, values, by_hand))
        if not _missing(kind, found.fields):
            _check_double(found)
            return found
        if not closest.headers or len(found.positions) > len(closest.positions):
            closest = found
    raise ColumnsMissing(kind, closest, _missing(kind, closest.fields), beside)


def confirm(kind: str, proposal: Proposal) -> Proposal:
    """Give a proposal back that a person has made their own; raises NotReadable as `propose` does."""
    _check_choice(kind, zip(proposal.headers, proposal.fields, strict=True))
    if missing := _missing(kind, proposal.fields):
        raise ColumnsMissing(kind, proposal, missing, "")
    _check_double(proposal)
    return proposal


def plain(name: str) -> str:
    """Give a column's name without accents, case and punctuation: `Data de Vencimento` data_de_vencimento."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", bare).strip("_")


def is_of_refused(headers: Sequence[str]) -> bool:
    """Tell whether a header is that of our own file of refused lines."""
    return tuple(headers[-2:]) == OF_REFUSED


def _match(kind: str, values: Sequence[str], by_hand: Mapping[str, str]) -> list[str | None]:
    names = _names(values, by_hand)
    found: list[str | None] = [by_hand.get(name) or None for name in names]
    if is_of_refused(values):
        names[-2:] = ["", ""]  # the number of a line is no boleto's line
    taken = set(found)
    own = {field.rstrip("*") for field in FIELDS[kind]}
    for place, name in enumerate(names):
        if found[place] is None and name in own and name not in by_hand and name not in by_hand.values():
            found[place] = name
            taken.add(name)
    # A column's own name goes before another's second name: `codigo` beside `id_cliente` is the code.
    for marked, others in FIELDS[kind].items():
        field = marked.rstrip("*")
        if field in taken:
            continue
        for other in _with_its_permission(field, others, names):
            place = names.index(other) if other in names else -1
            if place >= 0 and found[place] is None and other not in by_hand:
                found[place] = field
                break
    if kind == "clientes":
        return place_phones(names, found, by_hand, _CALLED)
    return prefer_mobile(names, found, by_hand, _CALLED) if kind == "contatos" else found


def _with_its_permission(field: str, others: Sequence[str], names: Sequence[str]) -> Sequence[str]:
    """Put a phone's names with its number first where a permission has that number: it is of that column."""
    number = field[-1]
    if field not in PHONES or set(names).isdisjoint(permission_of(int(number))):
        return others
    return sorted(others, key=lambda other: not other.endswith(number))


def _names(values: Sequence[str], by_hand: Mapping[str, str]) -> list[str]:
    """Give the columns' plain names, without a unit where no other column and no choice means that name."""
    names = [plain(value) for value in values]
    bare = [plain(_UNIT.sub("", value) if len(value) <= _LONGEST_NAME else value) for value in values]
    return [
        name if name in by_hand or short in by_hand or short in names else short
        for name, short in zip(names, bare, strict=True)
    ]


def _missing(kind: str, fields: Sequence[str | None]) -> list[str]:
    return [name[:-1] for name in FIELDS[kind] if name.endswith("*") and name[:-1] not in fields]


def _check_double(found: Proposal) -> None:
    for place, field in enumerate(found.fields):
        if field is None or field not in found.fields[place + 1 :]:
            continue
        one = found.headers[place]
        other = found.headers[found.fields.index(field, place + 1)]
        raise ColumnsUnclear(
            f"A coluna {one} aparece mais de uma vez."
            if plain(one) == plain(other)
            else f"As colunas {one} e {other} entrariam ambas como {field}.",
            found,
        )


def _check_choice(kind: str, chosen: Iterable[tuple[str, str | None]]) -> None:
    known = [name.rstrip("*") for name in FIELDS[kind]]
    for name, field in chosen:
        if field and field not in known:
            raise NotReadable(f"A coluna {name} foi indicada como {field}, que não é um campo de {kind}.")
