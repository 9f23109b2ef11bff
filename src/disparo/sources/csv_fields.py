"""Reads single fields of exported files: numbers, dates, flags and codes as they really look."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

from disparo.domain.boleto import digits_only, is_valid_linha_digitavel, line_of
from disparo.domain.cnpj import is_valid_cnpj
from disparo.domain.money import read_money
from disparo.domain.pix import is_pix_code
from disparo.domain.states import uf_of

_YES = frozenset({"sim", "s", "true", "verdadeiro", "1", "x"})
#: `não` also as Apple's programs write it, its tilde a sign of its own.
_NO = frozenset({"nao", "não", "na\u0303o", "n", "false", "falso", "0"})
_STATUS = {
    "aberta": "open", "aberto": "open", "aguardando": "open", "vencida": "open", "vencido": "open",
    "em aberto": "open", "pendente": "open", "a vencer": "open", "a receber": "open",
    "aguardando pagamento": "open",
    "atrasada": "open", "atrasado": "open", "em atraso": "open",
    "não paga": "open", "não pago": "open", "nao paga": "open", "nao pago": "open",
    "paga": "paid", "pago": "paid", "quitada": "paid", "quitado": "paid", "liquidada": "paid",
    "liquidado": "paid", "recebida": "paid", "recebido": "paid",
    "recebida em dinheiro": "paid", "recebido em dinheiro": "paid",
    "baixada": "paid", "baixado": "paid",
    "cancelada": "cancelled", "cancelado": "cancelled",
    # Another invoice stands for it.
    "renegociada": "cancelled", "renegociado": "cancelled",
    "negociada": "cancelled", "negociado": "cancelled",
    # The letters of some programs: whatever else begins with these is not to be reminded of either.
    "a": "open", "r": "paid", "c": "cancelled",
}  # fmt: skip
_LARGEST_ID = 10**18 - 1
#: And halves of characters, which JSON and wrong bytes of a file can bring and no database takes.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
#: Two bytes of UTF-8 read as Windows-1252, an accented letter's; not `Ã` before a space that does not break.
_GARBLED = re.compile("[ÂÃ][\x80-\x9f\xa1-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
_LINE = re.compile(r"[0-9 .-]{1,80}")
_ID = re.compile(r"[0-9]{1,18}")
_BRAZILIAN = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
#: A day as spreadsheets count them, in which year depends on the program.
_SERIAL = re.compile(r"[0-9]{5}(?:[.,][0-9]+)?")
_SHORT_YEAR = re.compile(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2}")
#: What programs write where there is no day: the day 0 of spreadsheets and of Delphi, or the first year.
_NO_DAY = re.compile(
    r"30/12/1899|1899-12-30|00/01/1900|1900-01-00|[0-9]{1,2}/[0-9]{1,2}/0001|0001-[0-9]{1,2}-[0-9]{1,2}"
)
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
#: A number that a program wrote as one with decimals, and one of which a spreadsheet kept the first digits.
_FLOAT = re.compile(r"([0-9]{1,18})[.,]00?")
#: But `123456789.00` is a CPF whose dash somebody wrote as a point.
_DOCUMENT_FLOAT = re.compile(r"([0-9]{8,14})(?:[.,]0|,00)|([0-9]{10,11}|[0-9]{13,14})\.00")
#: As nobody writes a phone: where two fields changed places, one in fifteen would be a stranger's mobile.
_AS_CPF = re.compile(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}")
_CUT_SHORT = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
#: What messengers put around and into a number that is copied from them.
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
#: Between phones of one cell, each on a line of its own.
_LINE_BREAK = re.compile(r"[\r\n]+")
_CPF, _CNPJ = 11, 14
_LONGEST_LINK = 300
_LABEL = re.compile(r"^(?:CPF|CNPJ)(?=[0-9])")
_LARGEST_AMOUNT = Decimal("999999999.99")


#: Digits that a program has spreadsheets take for text: `="0119..."`, `'0119...`.
_AS_TEXT = re.compile(r"""="([^"]*)"|'(?=[0-9+(])(.*)""")


class _Absent(Enum):
    ABSENT = "absent"


#: The field says nothing: what is stored stays.
ABSENT: Final = _Absent.ABSENT


#: Reads a field's text, given the name of its column; raises BadField.
Reader = Callable[[str, str], Any]


class BadField(ValueError):
    """A field that cannot be read; the text is Portuguese and names the column, never the content."""


def is_garbled(text: str | None) -> bool:
    """Tell whether a program that opened a file took its UTF-8 for Windows-1252, and saved it so."""
    return text is not None and _GARBLED.search(text) is not None


def or_absent(read: Reader) -> Reader:
    """Have an empty field, zeros of a date too, leave what is stored: the column may not be empty."""

    def read_what_is_there(text: str, column: str) -> Any:
        found = read(text, column) if text else None
        return ABSENT if found is None else found

    return read_what_is_there


def without_text_mark(text: str) -> str:
    """Give a field without what has a spreadsheet take its digits for text."""
    match = _AS_TEXT.fullmatch(text)
    return (match[1] or match[2] or "").strip() if match else text


def read_id(text: str, column: str) -> int:
    """Read a positive id."""
    if match := _FLOAT.fullmatch(text):
        text = match[1]
    found = int(text) if _ID.fullmatch(text) else 0
    if not 0 < found <= _LARGEST_ID:
        raise BadField(f"{column} deve ser um número inteiro maior que 0")
    return found


def read_optional_id(text: str, column: str) -> int | None:
    """Read a positive id; None where it is empty."""
    return read_id(text, column) if text else None


def read_text(text: str, column: str, *, longest: int, required: bool = False) -> str | None:
    """Read free text; None where it is empty."""
    if not text.isprintable() and _CONTROL.search(text):
        raise BadField(f"{column} tem caracteres de controle ou ilegíveis")
    if len(text) > longest:
        raise BadField(f"{column} passa de {longest} caracteres")
    if required and not text:
        raise BadField(f"{column} está vazio")
    # Composed: an accent that stands for itself would not be found by the letter without it.
    return (text if text.isascii() else unicodedata.normalize("NFC", text)) or None


def read_phones(text: str, column: str, *, longest: int, required: bool = False) -> str | None:
    """Read one or several phones as they are registered; None where it is empty.

    `1198887777.0` is no number of eleven digits, and one that was cut short (5,51199E+12) none at all.
    """
    if _CUT_SHORT.fullmatch(text):
        raise BadField(f"{column} foi cortado pela planilha: formate a coluna como número sem decimais")
    if _AS_CPF.fullmatch(text):
        raise BadField(f"{column} tem a forma de um CPF: veja se as colunas não estão trocadas")
    if match := _FLOAT.fullmatch(text):
        text = match[1]
    if not text.isascii():
        seen = (char for char in text if unicodedata.category(char) != "Cf")
        text = "".join(seen).translate(_DASHES).strip()
    if not text.isprintable():
        text = "; ".join(filter(None, map(str.strip, _LINE_BREAK.split(text))))
    return read_text(text, column, longest=longest, required=required)


def on_one_line(text: str) -> str:
    """Give what stands around characters that `read_text` refuses."""
    return text if text.isprintable() else " ".join(_CONTROL.sub(" ", text).split())


def read_flag(text: str, column: str, *, default: bool) -> bool:
    """Read yes or no."""
    word = text.lower()
    if not word:
        return default
    if word not in _YES | _NO:
        raise BadField(f"{column} deve ser sim ou nao")
    return word in _YES


def read_uf(text: str, column: str) -> str | None:
    """Read a state, by its two letters or its name, as those; None where it is empty."""
    if not text:
        return None
    uf = uf_of(text)
    if uf is None:
        raise BadField(f"{column} não é uma UF")
    return uf


def plain_amount(text: str) -> str:
    """Give an amount without its currency and blanks."""
    return text.removeprefix("R$").strip().replace("\u00a0", "").replace(" ", "")


def read_amount(text: str, column: str) -> Decimal:
    """Read an amount of reais as `read_money` does; raises BadField, also of one that is no money."""
    amount = read_money(plain_amount(text))
    if amount is None:
        raise BadField(f"{column} deve ser um valor, por exemplo 1234,56")
    if amount > _LARGEST_AMOUNT or amount != round(amount, 2):
        raise BadField(f"{column} deve ter no máximo dois decimais e nove inteiros")
    return amount


def read_date(text: str, column: str, *, required: bool = False, oldest: int = 1970) -> date | None:
    """Read `dd/mm/aaaa` or ISO, a time after it being ignored; None where there is none, or all zeros."""
    bare = text.partition(" ")[0].partition("T")[0]
    if not required and _NO_DAY.fullmatch(bare):
        return None
    if not bare.strip("0/:-"):  # a cell of 0 that is shown as a date comes as 00:00:00
        if required:
            raise BadField(f"{column} está vazio")
        return None
    if _SHORT_YEAR.fullmatch(bare):  # of which century is not for us to guess
        raise BadField(f"{column} deve ser uma data com o ano de quatro dígitos, dd/mm/aaaa ou aaaa-mm-dd")
    if _SERIAL.fullmatch(bare):
        raise BadField(f"{column} é o número de uma data: formate a coluna como data na planilha")
    try:
        if match := _BRAZILIAN.fullmatch(bare):
            found = date(int(match[3]), int(match[2]), int(match[1]))
        elif match := _ISO.fullmatch(bare):
            found = date(int(match[1]), int(match[2]), int(match[3]))
        else:
            found = None
    except ValueError:  # 31/02
        found = None
    if found is None or not oldest <= found.year <= 2200:  # noqa: PLR2004 - anything else is a slip
        raise BadField(f"{column} deve ser uma data, dd/mm/aaaa ou aaaa-mm-dd")
    return found


def read_cpf_cnpj(text: str, column: str) -> str | None:
    """Read a CPF or CNPJ without its punctuation, letters of a CNPJ in upper case; None where it is empty.

    Spreadsheets eat leading zeros: they are given back. Other letters are a number cut short (1,23E+13).
    """
    if match := _DOCUMENT_FLOAT.fullmatch(text):
        text = match[1] or match[2]
    bare = _LABEL.sub("", re.sub(r"[^0-9A-Za-z]", "", text).upper())
    digits = re.sub(r"[^0-9]", "", bare)
    if not digits:
        return None
    if digits != bare and not is_valid_cnpj(bare):
        raise BadField(f"{column} não é um CPF nem um CNPJ")
    if len(bare) > _CNPJ:
        raise BadField(f"{column} tem dígitos demais para um CPF ou CNPJ")
    return bare.zfill(_CPF if len(bare) <= _CPF else _CNPJ)


def read_status(text: str, column: str, *, paid_at: date | None) -> str:
    """Read an invoice's state; an empty one is `paid` where there is a day of payment."""
    word = text.lower().replace("_", " ")
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
    if parts.scheme not in ("http", "https") or not parts.hostname or not ascii_only:
        raise BadField(f"{column} deve começar com http:// ou https:// e não ter espaços nem acentos")
    if len(text) > _LONGEST_LINK:
        raise BadField(f"{column} passa de {_LONGEST_LINK} caracteres")
    return text


def read_linha_digitavel(text: str, column: str) -> str | None:
    """Read a boleto's line, or its bars' digits, whose check digits must hold; None where it is empty."""
    if (line := line_of(digits_only(text))) is not None and _LINE.fullmatch(text):
        return line
    if text and not (_LINE.fullmatch(text) and is_valid_linha_digitavel(text)):
        raise BadField(f"{column} não confere: dígito verificador ou tamanho errado")
    return text or None


def read_pix(text: str, column: str) -> str | None:
    """Read a Pix to be copied and pasted, whose check digits must hold; None where it is empty."""
    if text and not is_pix_code(text):
        raise BadField(f"{column} não é um Pix copia e cola inteiro (000201...6304 e quatro de verificação)")
    return read_text(text, column, longest=600)
