"""Makes rows of a file's lines, with functions that are put together once for its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from disparo.db.customers import ContactRow, CustomerRow, InvoiceRow
from disparo.sources.csv_fields import (
    ABSENT,
    BadField,
    Reader,
    or_absent,
    read_amount,
    read_cpf_cnpj,
    read_date,
    read_flag,
    read_id,
    read_linha_digitavel,
    read_link,
    read_optional_id,
    read_phones,
    read_pix,
    read_status,
    read_text,
    read_uf,
    without_text_mark,
)
from disparo.sources.moments import read_moment
from disparo.sources.tables import NO_RESULT

_PHONE = 200  # of one field, which may hold several
#: A phone of which six digits are left, or fewer, once its column was too narrow: somebody else's.
_ROUNDED = re.compile(r"\+?[0-9]{5,8}00000")
#: What a formula that found nothing leaves, in Portuguese and in English.
_FAILED = frozenset({
    NO_RESULT, "#N/D", "#REF!", "#VALOR!", "#NOME?", "#NÚM!", "#NULO!", "#DIV/0!",
    "#N/A", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!",
})  # fmt: skip
#: What programs and people write into a field that is empty; `R$ -` is an amount of nothing.
_NOTHING = frozenset({"-", "--", "\u2013", "\u2014", "R$ -", "R$-"})
Row = TypeVar("Row")
RowReader = Callable[[Sequence[str]], Row]


#: Within a cell; what HubSoft answers is put on one line too.
_LINE_BREAKS = re.compile(r"[\r\n]+")


def _text(text: str, column: str, *, required: bool = False) -> str | None:
    """Read free text of one or several lines as one: an address comes so, and no SMS has lines."""
    if not text.isprintable():
        # Each line by itself: a pattern of blanks before a break takes the square of what it reads.
        text = " ".join(filter(None, (line.strip(" \t") for line in _LINE_BREAKS.split(text))))
    return read_text(text, column, longest=200, required=required)


def _phones(text: str, column: str, *, required: bool = False) -> str | None:
    """Read a field of phones; raises BadField, also where a spreadsheet has lost digits."""
    found = read_phones(text, column, longest=_PHONE, required=required)
    if found is not None and _ROUNDED.fullmatch(found):
        raise BadField(
            f"{column} acaba em cinco zeros, como o que uma planilha arredondou (1,19889E+10): exporte-o "
            "como texto, ou escreva-o com hífen se é mesmo assim"
        )
    return found


_flag = or_absent(partial(read_flag, default=True))
_FLAGS = tuple(f"phone_{n}_allowed" for n in (1, 2, 3))
_CUSTOMER: Mapping[str, tuple[str, Reader]] = {
    "id_cliente": ("id", read_id),
    "nome": ("name", partial(_text, required=True)),
    "uf": ("uf", read_uf),
    "codigo_cliente": ("code", read_optional_id),
    "nome_fantasia": ("trade_name", _text),
    "cpf_cnpj": ("cpf_cnpj", read_cpf_cnpj),
    **{f"telefone_{n}": (f"phone_{n}", _phones) for n in (1, 2, 3)},
    **{f"permite_sms_{n}": (f"phone_{n}_allowed", _flag) for n in (1, 2, 3)},
    "email_principal": ("email_1", _text),
    "email_secundario": ("email_2", _text),
    "data_cadastro": ("registered_at", or_absent(read_moment)),
    "data_nascimento": ("birth_date", partial(read_date, oldest=1900)),
    "ativo": ("active", _flag),
    "id_externo": ("external_id", _text),
}
_CONTACT: Mapping[str, tuple[str, Reader]] = {
    "id_contato": ("id", read_id),
    "id_cliente": ("customer_id", read_id),
    "nome": ("name", lambda text, column: _text(text, column) or ""),
    "telefone": ("phone", partial(_phones, required=True)),
    "telefone_2": ("phone", _phones),
    "permite_sms": ("sms_allowed", _flag),
}
_INVOICE: Mapping[str, tuple[str, Reader]] = {
    "id_fatura": ("id", read_id),
    "id_cliente": ("customer_id", read_id),
    "valor": ("amount", read_amount),
    "vencimento": ("due_date", partial(read_date, required=True)),
    "pago_em": ("paid_at", read_date),
    "valor_pago": ("paid_amount", lambda text, column: read_amount(text, column) if text else None),
    "data_cadastro": ("registered_on", or_absent(read_date)),
    "link": ("link", read_link),
    "linha_digitavel": ("linha_digitavel", read_linha_digitavel),
    "pix": ("pix", read_pix),
}
_ADDRESS = {
    "endereco": "street",
    "numero": "number",
    "complemento": "complement",
    "bairro": "district",
    "cep": "zip",
    "cidade": "city",
}


def customer_reader(positions: Mapping[str, int]) -> RowReader[CustomerRow]:
    """Give what reads a customer's line; it raises BadField."""
    read = _reader(_CUSTOMER, positions)
    parts = [(name, positions[name]) for name in _ADDRESS if name in positions]
    # One permission speaks of all phones that have none of their own.
    of_all_at = positions.get("permite_sms")

    def customer(values: Sequence[str]) -> CustomerRow:
        row = read(values)
        if (
            of_all_at is not None
            and (allowed := _flag(_at(values, of_all_at, "permite_sms"), "permite_sms")) is not ABSENT
        ):
            row = {**dict.fromkeys(_FLAGS, allowed), **row}
        if parts:
            address = {_ADDRESS[name]: _text(_at(values, at, name), name) or None for name, at in parts}
            if row.get("uf"):
                address["uf"] = row["uf"]
            # A line without any of it says nothing of the address.
            row["addresses"] = (
                {"registered": address} if any(address.get(_ADDRESS[name]) for name, _ in parts) else {}
            )
        return cast("CustomerRow", row)

    return customer


def contact_reader(positions: Mapping[str, int]) -> RowReader[ContactRow]:
    """Give what reads a contact's line; it raises BadField."""
    first, second = positions.get("telefone"), positions.get("telefone_2")
    read = _reader(_CONTACT, {name: at for name, at in positions.items() if name != "telefone_2"})
    if first is None or second is None:
        return cast("RowReader[ContactRow]", read)
    read_second = _reader(_CONTACT, {name: at for name, at in positions.items() if name != "telefone"})

    def contact(values: Sequence[str]) -> ContactRow:
        is_second = not _at(values, first, "telefone") and _at(values, second, "telefone_2")
        return cast("ContactRow", (read_second if is_second else read)(values))

    return contact


def invoice_reader(positions: Mapping[str, int]) -> RowReader[InvoiceRow]:
    """Give what reads an invoice's line; it raises BadField."""
    read = _reader(_INVOICE, positions)
    status_at, number_at = positions.get("situacao"), positions.get("nosso_numero")
    paid_at = positions.get("quitado")

    def invoice(values: Sequence[str]) -> InvoiceRow:
        row = read(values)
        word = "" if status_at is None else _at(values, status_at, "situacao")
        is_paid = None if paid_at is None else _is_told_paid(_at(values, paid_at, "quitado"), row)
        if word or row.get("paid_at") is not None:
            row["status"] = read_status(word, "situacao", paid_at=row.get("paid_at"))
            if row["status"] == "open":
                _check_open(row, is_paid=is_paid)
        elif is_paid or _is_paid_up(row):
            row["status"] = "paid"  # who has paid is not reminded
        elif status_at is not None or is_paid is False:
            row["paid_at"] = None  # not paid, perhaps cancelled: see `upsert_invoices`
        if is_paid is False and row.get("status") == "paid":
            raise BadField("quitado diz que a fatura não foi paga, e outra coluna que foi")
        if number_at is not None:
            row["details"] = {"our_number": _text(_at(values, number_at, "nosso_numero"), "nosso_numero")}
        return cast("InvoiceRow", row)

    return invoice


def _is_told_paid(text: str, row: dict[str, Any]) -> bool | None:
    """Read whether an invoice was paid; an amount in that column goes to `row`; None: nothing is told."""
    try:
        told = _flag(text, "quitado")
    except BadField:
        try:
            amount = read_amount(text, "quitado")
        except BadField:
            raise BadField(
                "quitado deve ser sim ou nao: se a coluna traz o dia do pagamento, indique-a como pago_em; "
                "se a situação, como situacao"
            ) from None
        if row.get("paid_amount") is None:
            row["paid_amount"] = amount
        return None
    return None if told is ABSENT else bool(told)


def _check_open(row: dict[str, Any], *, is_paid: bool | None) -> None:
    """Refuse one that is called open, and paid beside it: in part, or not booked yet."""
    if is_paid:
        beside = "quitado"
    elif row.setdefault("paid_at", None) is not None:
        beside = "pago_em"
    elif _is_paid_up(row):
        beside = "valor_pago"
    else:
        return
    raise BadField(f"situacao diz que a fatura está aberta, e {beside} que foi paga")


def _is_paid_up(row: Mapping[str, Any]) -> bool:
    paid = row.get("paid_amount")
    return paid is not None and paid >= row["amount"] > 0


def _reader(
    known: Mapping[str, tuple[str, Reader]], positions: Mapping[str, int]
) -> Callable[[Sequence[str]], dict[str, Any]]:
    # The id first: a line that has none is told so, whatever else is wrong with it.
    ordered = [name for name in known if name in positions]
    steps = [(known[name][0], positions[name], known[name][1], name) for name in ordered]
    width = max(positions.values()) + 1

    def read(values: Sequence[str]) -> dict[str, Any]:
        if len(values) < width:
            values = [*values, *[""] * (width - len(values))]
        row: dict[str, Any] = {}
        for column, at, reader, name in steps:
            text = values[at].strip()
            if text in _FAILED:
                raise _failed(text, name)
            if text in _NOTHING:
                text = ""
            value = reader(without_text_mark(text) if text[:1] in ("=", "'") else text, name)
            if value is not ABSENT:
                row[column] = value
        return row

    return read


def _at(values: Sequence[str], place: int, name: str) -> str:
    text = values[place].strip() if place < len(values) else ""
    if text in _FAILED:
        raise _failed(text, name)
    if text in _NOTHING and name != "situacao":
        return ""
    return without_text_mark(text)


def _failed(text: str, name: str) -> BadField:
    if text == NO_RESULT:
        return BadField(f"{name} é uma fórmula sem resultado: abra o arquivo numa planilha e salve-o")
    return BadField(f"{name} traz o erro de uma fórmula da planilha, como #N/D")


def check_width(values: Sequence[str], width: int, separator: str) -> None:
    """Refuse a line with more fields than columns: one too many separators has shifted it.

    Among commas an empty field too many is enough: `99,90,` has one, and the last column may be empty.
    """
    if len(values) <= width:
        return
    if separator == ",":
        raise BadField(
            'há mais campos que colunas: ponha entre aspas o que tem vírgula, como "99,90", ou use ; como '
            "separador"
        )
    if any(value.strip() for value in values[width:]):
        raise BadField("há mais campos que colunas")
