"""Finds amounts that lost their cents where commas part the fields: `99,90` without quotes is two of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from disparo.sources.columns import Proposal, is_of_refused, plain
from disparo.sources.csv_fields import BadField, plain_amount

_WHOLE = re.compile(r"[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+")
_CENTS = re.compile(r"[0-9]{2}")
#: Fields that take no other's text. One that is filled and stands further right shows that nothing moved.
_OF_THEIR_OWN = ("vencimento", "situacao", "link", "linha_digitavel", "pix")
_EMPTY = frozenset({"", "-", "--", "\u2013", "\u2014"})
#: Columns of which two digits are the usual value, up to this one.
_COUNTED, _MOST_COUNTED = frozenset({"parcela", "parcelas", "dia", "mes"}), 31


class CutAmounts:
    """Tells invoices' lines that can be read in two ways; `read` reads a line, or raises BadField."""

    def __init__(self, proposal: Proposal, read: Callable[[Sequence[str]], Any]) -> None:
        self._read = read
        places = proposal.positions
        self._amounts = [(name, places[name]) for name in ("valor", "valor_pago") if name in places]
        self._fixed = [places[name] for name in _OF_THEIR_OWN if name in places]
        self._paid_amount_at, self._status_at = places.get("valor_pago"), places.get("situacao")
        # In our own file of refused lines a field may be gone: there nothing speaks for two digits.
        self._counted = frozenset(
            place
            for place, name in enumerate(proposal.headers)
            if not is_of_refused(proposal.headers) and _COUNTED & set(plain(name).split("_"))
        )

    def check(self, values: Sequence[str], row: Mapping[str, Any]) -> None:
        """Raise BadField of a line, read as `row`, whose amount may have its cents in the next field."""
        for name, at in self._amounts:
            if self._may_be_cut(values, at, row):
                raise BadField(
                    f"{name} pode ter perdido os centavos para a coluna seguinte: escreva-o entre aspas e "
                    'com eles, como "99,90", ou use ; como separador'
                )

    def _may_be_cut(self, values: Sequence[str], at: int, row: Mapping[str, Any]) -> bool:
        whole, cents = ([value.strip() for value in values[at : at + 2]] + ["", ""])[:2]
        if not _CENTS.fullmatch(cents) or not _WHOLE.fullmatch(plain_amount(whole)):
            return False
        if at + 1 in self._counted and 1 <= int(cents) <= _MOST_COUNTED:
            return False
        if at + 1 == self._paid_amount_at and self._is_told_paid(values, row):
            return False  # of a paid one that field is filled
        if any(at + 1 < place < len(values) and values[place].strip() not in _EMPTY for place in self._fixed):
            return False
        try:
            self._read([*values[:at], f"{whole},{cents}", *values[at + 2 :]])
        except BadField:
            return False
        return True

    def _is_told_paid(self, values: Sequence[str], row: Mapping[str, Any]) -> bool:
        """Tell whether more than the two amounts says so."""
        at = self._status_at
        word = values[at].strip() if at is not None and at < len(values) else ""
        return row.get("status") == "paid" and (bool(word) or row.get("paid_at") is not None)
