"""Single fields of files that people export: numbers, dates, flags and codes as they really look."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

from disparo.domain.boleto import is_valid_linha_digitavel
from disparo.domain.phone import DDDS, uf_of_ddd

_YES = frozenset({"sim", "s", "true", "verdadeiro", "1", "x"})
_NO = frozenset({"nao", "não", "n", "false", "falso", "0"})
_STATUS = {
    "aberta": "open", "aberto": "open", "aguardando": "open", "vencida": "open", "vencido": "open",
    "em aberto": "open", "paga": "paid", "pago": "paid", "quitada": "paid", "quitado": "paid",
    "cancelada": "cancelled", "cancelado": "cancelled",
}  # fmt: skip
_LARGEST_ID = 10**18 - 1
_UFS = frozenset(map(uf_of_ddd, DDDS))
_LARGEST_AMOUNT = Decimal("999999999.99")


class BadField(ValueError):
    """A field that cannot be read; the text is Portuguese and names the column, never the content."""


def read_id(text: str, column: str) -> int:
    """Read a positive id."""
    if not re.fullmatch(r"[0-9]{1,18}", text) or not 0 < int(text) <= _LARGEST_ID:
        raise BadField(f"{column} deve ser um número inteiro maior que 0")
    return int(text)


def read_text(text: str, column: str, *, longest: int, required: bool = False) -> str | None:
    """Read free text; None where it is empty."""
    if any(ord(char) < 32 or ord(char) == 127 for char in text):  # noqa: PLR2004 - control characters
        raise BadField(f"{column} tem caracteres de controle")
    if len(text) > longest:
        raise BadField(f"{column} passa de {longest} caracteres")
    if required and not text:
        raise BadField(f"{column} está vazio")
    return text or None


def read_flag(text: str, column: str, *, default: bool) -> bool:
    """Read yes or no."""
    word = text.lower()
    if not word:
        return default
    if word not in _YES | _NO:
        raise BadField(f"{column} deve ser sim ou nao")
    return word in _YES


def read_uf(text: str, column: str) -> str | None:
    """Read a state's two letters; None where it is empty."""
    if text and text.upper() not in _UFS:
        raise BadField(f"{column} não é uma UF")
    return text.upper() or None


def read_amount(text: str, column: str) -> Decimal:
    """Read `1.234,56`, `1234,56`, `1,234.56` or `1234.56`: the last sign decides."""
    bare = text.removeprefix("R$").strip().replace("\u00a0", "").replace(" ", "")
    if not re.fullmatch(r"[0-9][0-9.,]*", bare):
        raise BadField(f"{column} deve ser um valor, por exemplo 1234,56")
    if bare.rfind(",") > bare.rfind("."):
        bare = bare.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+", bare):
        bare = bare.replace(".", "")  # 1.234 is a thousand and some: nobody writes three decimals of money
    else:
        bare = bare.replace(",", "")
    try:
        amount = Decimal(bare)
    except InvalidOperation:
        raise BadField(f"{column} deve ser um valor, por exemplo 1234,56") from None
    if amount > _LARGEST_AMOUNT or amount != round(amount, 2):
        raise BadField(f"{column} deve ter no máximo dois decimais e nove inteiros")
    return amount


def read_date(text: str, column: str) -> date | None:
    """Read `dd/mm/aaaa` or ISO, a time after it being ignored; None where it is empty."""
    bare = text.partition(" ")[0].partition("T")[0]
    if not bare:
        return None
    for form in ("%d/%m/%Y", "%Y-%m-%d"):
        try:
            found = datetime.strptime(bare, form).date()  # noqa: DTZ007 - a day of the calendar, of no zone
        except ValueError:
            continue
        if 1970 <= found.year <= 2200:  # noqa: PLR2004 - anything else is a slip
            return found
    raise BadField(f"{column} deve ser uma data, dd/mm/aaaa ou aaaa-mm-dd")


def read_status(text: str, column: str, *, paid_at: date | None) -> str:
    """Read an invoice's state; an empty one is `paid` where there is a day of payment."""
    word = text.lower()
    if not word:
        return "open" if paid_at is None else "paid"
    if word not in _STATUS:
        raise BadField(f"{column} deve ser aberta, paga ou cancelada")
    return _STATUS[word]


def read_link(text: str, column: str) -> str | None:
    """Read a payment link; None where it is empty."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        raise BadField(f"{column} não é um endereço") from None
    ascii_only = text.isascii() and text.isprintable() and " " not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or not ascii_only or len(text) > 300:  # noqa: PLR2004
        raise BadField(f"{column} deve começar com http:// ou https:// e não ter espaços")
    return text


def read_linha_digitavel(text: str, column: str) -> str | None:
    """Read a boleto's line, whose check digits must hold; None where it is empty."""
    if text and not is_valid_linha_digitavel(text):
        raise BadField(f"{column} não confere: dígito verificador ou tamanho errado")
    return text or None
