"""Reads and checks what callers send; a refusal names what is wrong (docs/api.md §3, §5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from disparo.api.errors import Refusal
from disparo.api.hubsoft.words import STATUS_OF_WORD, echo
from disparo.domain.phone import InvalidPhone, Phone, parse_phone

_DIGITS = re.compile(r"[0-9]{1,18}")
_LARGEST_ID = 10**18 - 1
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class SendRequest(NamedTuple):
    """A validated body of enviar_sms."""

    invoice_id: int
    extra_phones: Sequence[Phone]


def read_send(fields: Mapping[str, Any], *, most_phones: int) -> SendRequest:
    """Validate the body of enviar_sms; raises Refusal naming what is wrong."""
    invoice_id = read_invoice_id(fields)
    if "telefone_adicional" in fields:
        items = _items(fields["telefone_adicional"])
    else:
        items = _phones_under_email(fields.get("email_adicional"))
    if len(items) > most_phones:
        raise Refusal(f"São permitidos no máximo {most_phones} telefones adicionais por chamada")
    return SendRequest(invoice_id, [_phone(item) for item in items])


def read_invoice_id(fields: Mapping[str, Any]) -> int:
    """Read `id_fatura`: an integer above 0, or the same as a string of digits."""
    value = fields.get("id_fatura")
    if value is None or value == "":
        raise Refusal("Favor preencher o atributo (id_fatura)")
    if isinstance(value, str):
        text = value.strip(" \t\r\n")
        value = int(text) if _DIGITS.fullmatch(text) else 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST_ID:
        raise Refusal("O atributo (id_fatura) deve conter um número inteiro maior que 0")
    return value


def read_key(value: str | None) -> str | None:
    """Check an Idempotency-Key header."""
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise Refusal("O cabeçalho Idempotency-Key deve ter de 1 a 255 caracteres ASCII visíveis")
    return value


def _items(value: object) -> list[object]:
    value = listed(value)
    if _is_blank(value):
        return []
    if isinstance(value, str | int) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, list):
        raise Refusal("O atributo (telefone_adicional) deve conter um array de strings")
    return [item for item in value if not _is_blank(item)]


def _is_blank(value: object) -> bool:
    """Tell a form's field that nobody filled in."""
    return value is None or (isinstance(value, str) and not value.strip())


def listed(value: object) -> object:
    """Take an object of numbered items as the list it is: PHP writes one where items were filtered out."""
    if isinstance(value, dict) and all(_DIGITS.fullmatch(name) for name in value):
        return list(value.values())
    return value


def _phones_under_email(value: object) -> list[object]:
    """Take what the seed's own JSON sample does: the phones under `email_adicional`, if all are phones."""
    value = listed(value)
    if value is None:
        return []
    items = [item for item in (value if isinstance(value, list) else [value]) if not _is_blank(item)]
    try:
        for item in items:
            parse_phone(_text_of(item))
    except InvalidPhone:
        return []
    return items


def _phone(item: object) -> Phone:
    try:
        return parse_phone(_text_of(item))
    except InvalidPhone:
        msg = f"O telefone adicional {echo(item)} não é válido: use o formato DDNNNNNNNN ou DDNNNNNNNNN"
        raise Refusal(msg, [msg]) from None


def _text_of(item: object) -> str:
    return str(item) if isinstance(item, str | int) and not isinstance(item, bool) else ""


def read_number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Read a whole number of a query; raises Refusal."""
    text = query.get(name, "").strip()
    if not text:
        return default
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
    if not least <= value <= most:
        raise Refusal(f"O atributo ({name}) deve conter um número inteiro de {least} a {most}")
    return value


def read_status(query: Mapping[str, str]) -> str | None:
    """Read the `status` filter."""
    word = query.get("status", "").strip().lower()
    if not word:
        return None
    if word not in STATUS_OF_WORD:
        accepted = ", ".join(STATUS_OF_WORD)
        raise Refusal(f"O status não é válido | Valores aceitos para esse campo: {accepted}")
    return STATUS_OF_WORD[word]


def read_day(query: Mapping[str, str], name: str) -> date | None:
    """Read a date filter, YYYY-MM-DD."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        # Nothing but digits and two dashes.
        return date.fromisoformat(_DAY.fullmatch(text)[0])  # type: ignore[index]  # no match: TypeError
    except (TypeError, ValueError):
        raise Refusal(f"O atributo ({name}) deve conter uma data no formato AAAA-MM-DD") from None


def read_dispatch_id(text: str) -> UUID:
    """Read a dispatch's id; raises the refusal of one that is not there."""
    try:
        return UUID(text)
    except ValueError:
        raise no_such_dispatch(text) from None


def no_such_dispatch(text: str) -> Refusal:
    """Give the refusal for an id that names nothing."""
    return Refusal(f"Disparo de ID {echo(text)} não encontrado")
