"""Brazilian phone numbers: what may receive an SMS, and under which number.

Sources: Anatel's numbering plan (67 area codes; mobiles have nine digits since 2016-11), docs/api.md §3 for
what callers may send, docs/field-facts.md §1 for what registers hold.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

_UF_OF_DDD = {
    **dict.fromkeys(("11", "12", "13", "14", "15", "16", "17", "18", "19"), "SP"),
    **dict.fromkeys(("21", "22", "24"), "RJ"),
    **dict.fromkeys(("27", "28"), "ES"),
    **dict.fromkeys(("31", "32", "33", "34", "35", "37", "38"), "MG"),
    **dict.fromkeys(("41", "42", "43", "44", "45", "46"), "PR"),
    **dict.fromkeys(("47", "48", "49"), "SC"),
    **dict.fromkeys(("51", "53", "54", "55"), "RS"),
    "61": "DF",
    **dict.fromkeys(("62", "64"), "GO"),
    "63": "TO",
    **dict.fromkeys(("65", "66"), "MT"),
    "67": "MS",
    "68": "AC",
    "69": "RO",
    **dict.fromkeys(("71", "73", "74", "75", "77"), "BA"),
    "79": "SE",
    **dict.fromkeys(("81", "87"), "PE"),
    "82": "AL",
    "83": "PB",
    "84": "RN",
    **dict.fromkeys(("85", "88"), "CE"),
    **dict.fromkeys(("86", "89"), "PI"),
    **dict.fromkeys(("91", "93", "94"), "PA"),
    **dict.fromkeys(("92", "97"), "AM"),
    "95": "RR",
    "96": "AP",
    **dict.fromkeys(("98", "99"), "MA"),
}
_ZONE_OF_DDD = {
    "68": "America/Rio_Branco",
    **dict.fromkeys(("65", "66"), "America/Cuiaba"),
    "67": "America/Campo_Grande",
    "69": "America/Porto_Velho",
    **dict.fromkeys(("92", "97"), "America/Manaus"),
    "95": "America/Boa_Vista",
}

_ZONE_OF_UF = {  # of the capital; those that are left out keep the time of Brasília
    "AC": "America/Rio_Branco",
    "AM": "America/Manaus",
    "MS": "America/Campo_Grande",
    "MT": "America/Cuiaba",
    "RO": "America/Porto_Velho",
    "RR": "America/Boa_Vista",
}

#: The area codes there are.
DDDS = frozenset(_UF_OF_DDD)
#: The digits at the end that are the same with and without area code and ninth digit.
PHONE_TAIL = 8
#: Longer items are not read: a phone with every tolerated decoration is far shorter.
_LONGEST = 40
#: Dashes that programs put for the plain one; narrow spaces, and marks of direction, which nobody sees: a
#: contact copied from WhatsApp or from an iPhone has them.
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_UNSEEN = (
    "\u00ad\u2009\u202f\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_PUNCTUATION = f" \t\u00a0()-.+/{_DASHES}{_UNSEEN}"
_ALLOWED = frozenset(f"0123456789{_PUNCTUATION}")
_BEFORE_PLUS = f"( {_UNSEEN}"
_DROP_PUNCTUATION = str.maketrans("", "", _PUNCTUATION)
_SEPARATORS = re.compile(r"[;,|/]|\s(?:e|ou)\s", re.IGNORECASE)
#: 0 + carrier code + DDD + number, as people write long-distance calls down: 015 37 99993-1412.
_TRUNK = 1
#: 55 and ten digits: with fewer behind the country's code there is no DDD among them.
_SHORTEST_WITH_COUNTRY = 12
#: Of a mobile, with its area code and its ninth digit.
_MOBILE_DIGITS = 11
#: 1198887776.0: with its 0 it would be a stranger's, of eleven digits; 988887777.0 would get an area code,
#: and 55969336753.00, its 55 taken for the country's, another.
_AS_AMOUNT = re.compile(r"(\+?[0-9]{10,13})\.00?")
#: (11) 98888-777: a mobile that lacks a digit at its end; as an old one it would be a stranger's.
_LACKS_ONE = re.compile(
    rf"\D*(?:55)?\D*(?:0[0-9]{{2}}|0)?\D*[1-9][0-9]\D*9[0-9]{{4}}[ .{_DASHES}-][0-9]{{3}}\D*", re.ASCII
)
_CARRIER_CODE = 3
#: Its place held: (0xx37) 99993-1412, (0**37) 99993-1412.
_CARRIER_PLACE = re.compile(r"^([\s(+]*(?:55)?[\s().-]*0)\s*(?:xx|\*\*)", re.IGNORECASE)
_LABELS = (
    "telefone|tel|fone|celular|cel|m[oó]vel|whatsapp|whats|zap|residencial|res|comercial|com|recados?|contato"
    "|vivo|claro|tim|oi|algar|nextel"
)
_LABEL = rf"(?<![^\W\d_])(?:{_LABELS})(?![^\W\d_])"
_LABELS_BEFORE = re.compile(rf"^[\s(]*(?:{_LABEL}[\s.:()-]*)+", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf"{_LABEL}[\s.:)]*$", re.IGNORECASE)
#: Whose it is: `(mãe)`. What may say that it is nobody's any more is left, and refused.
_WHOSE = re.compile(
    r"\s*\((?!(?:n[aã]o|errad[ao]|antig[ao]|velh[ao]|inexistente|desligad[ao]|cancelad[ao]|falecid[ao]|ex)\b)"
    r"[^\W\d_]+\)\s*$",
    re.IGNORECASE,
)
#: `1) 19 3333-4444`, `... cel 1`: which of several it is would be read as a digit of the number.
_ORDINAL_BEFORE = re.compile(r"[1-9](?!\d)")
_ORDINAL_AFTER = re.compile(r"(?<!\d)\d\D*$")


class PhoneKind(StrEnum):
    """What a well-formed number is."""

    MOBILE = "mobile"
    LEGACY_MOBILE = "legacy_mobile"  # registered without its ninth digit, which is added when sent
    LANDLINE = "landline"  # no SMS can reach it


class PhoneFault(StrEnum):
    """Why something is no phone number."""

    NOT_A_NUMBER = "not_a_number"
    LENGTH = "length"
    DDD = "ddd"
    SUBSCRIBER = "subscriber"


class InvalidPhone(ValueError):
    """This is no Brazilian phone number; `fault` says why. The text holds no digit of it."""

    def __init__(self, fault: PhoneFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Phone(NamedTuple):
    """`national`: DDD and number as registered, 10 or 11 digits; `e164`: `+55`, with the ninth digit."""

    national: str
    e164: str
    kind: PhoneKind

    @property
    def ddd(self) -> str:
        """The area code."""
        return self.national[:2]

    @property
    def takes_sms(self) -> bool:
        """Whether an SMS can reach it."""
        return self.kind is not PhoneKind.LANDLINE


def parse_phone(text: str) -> Phone:
    """Read one number as a caller may send it (docs/api.md §3); raises InvalidPhone.

    Punctuation, a leading +55 or 0, both, and a 55 in front of 10 or 11 digits are tolerated, and the `.0`
    or `.00` of a program that took it for an amount.
    """
    # DDNNNNNNNNN, the common case; a 0 in front is a trunk prefix.
    if len(text) == _MOBILE_DIGITS and text.isascii() and text.isdigit() and text[0] != "0":
        return _from_national(text)
    digits = _digits_of(text)
    if len(digits) in (13, 14) and digits.startswith("550"):  # no DDD begins with 0
        digits = digits[2 + _TRUNK :]
    elif len(digits) in (12, 13) and digits.startswith("55"):
        digits = digits[2:]
    elif len(digits) in (11, 12) and digits.startswith("0"):
        digits = digits[_TRUNK:]
    return _from_national(digits)


def parse_registered(text: str) -> Phone:
    """Read one number as registers hold it: also 00 55, or 0 and a carrier's code, or `xx`, before the DDD.

    A label before or behind it (`tel:`, `WhatsApp`) is no part of it. Raises InvalidPhone.
    """
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST:
        digits = text
    else:
        digits = _digits_of(_without_words(text))
    if digits.startswith("0055"):
        digits = _with_ddd(digits[2:])
    if len(digits) in (13, 14) and digits.startswith("0") and digits[1] != "0":
        digits = digits[_CARRIER_CODE:]
    return parse_phone(digits)


def split_registered(text: str) -> list[str]:
    """Split a register's field into single numbers: `11988887777;1133334444`, `... / ...`.

    The first half of `Cel/WhatsApp: 11988887777` is none.
    """
    parts = [part for part in (piece.strip() for piece in _SEPARATORS.split(text)) if part]
    if len(parts) == 1:
        return parts
    return [part for part in parts if len(part) > _LONGEST or not _LABELS_BEFORE.fullmatch(part)]


def read_registered(field: str | None) -> tuple[list[Phone], list[str]]:
    """Read a register's field, which may hold several numbers or none: (phones, what is no phone)."""
    phones, faulty = [], []
    for part in [field] if field and field.isalnum() else split_registered(field or ""):
        try:
            phones.append(parse_registered(part))
        except InvalidPhone:
            faulty.append(part)
    return phones, faulty


def masked(e164: str) -> str:
    """Give of a number what tells whoever has it which it is, and nobody else: (37) 9****-1412."""
    national = e164.removeprefix("+55")
    return f"({national[:2]}) {national[2:-8]}****-{national[-4:]}"


def uf_of_ddd(ddd: str) -> str:
    """Give the state of an area code (DDD 61 counts as DF); raises KeyError for one there is not."""
    return _UF_OF_DDD[ddd]


def zone_of_ddd(ddd: str) -> str:
    """Give the time zone's name of an area code."""
    return _ZONE_OF_DDD.get(ddd, "America/Sao_Paulo")


def zone_of_uf(uf: str) -> str:
    """Give the time zone's name of a state."""
    return _ZONE_OF_UF.get(uf, "America/Sao_Paulo")


def other_zone_of(uf: str | None, ddd: str | None) -> str | None:
    """Give the time zone that a customer may have instead: in the west of Amazonas, all of it area code 97.

    Source: Lei 12.876/2013. Which of that code's towns are west is not told by the number.
    """
    may_be_west = (uf == "AM" and ddd != "92") or (uf is None and ddd == "97")
    return "America/Eirunepe" if may_be_west else None


def is_filler(phone: Phone) -> bool:
    """Tell whether it looks typed in to fill a field: eight or more times the same digit at the end."""
    return len(set(phone.national[-8:])) == 1


def _without_words(text: str) -> str:
    """Drop what registers write around a number; letters within it are left, and refused."""
    if len(text) > _LONGEST or _ALLOWED.issuperset(text):
        return text
    bare = _LABEL_AFTER.sub("", _LABELS_BEFORE.sub("", _WHOSE.sub("", text), count=1))
    if bare != text and _ORDINAL_AFTER.search(bare):
        raise InvalidPhone(PhoneFault.NOT_A_NUMBER)
    return _CARRIER_PLACE.sub(r"\1", bare, count=1)


def _digits_of(text: str) -> str:
    stripped = text.strip().lstrip(_BEFORE_PLUS)
    if not stripped or len(stripped) > _LONGEST or not _ALLOWED.issuperset(stripped):
        raise InvalidPhone(PhoneFault.NOT_A_NUMBER)
    if "+" in stripped[1:]:
        raise InvalidPhone(PhoneFault.NOT_A_NUMBER)
    if stripped[0] == "+" and not stripped[1:].lstrip(" (").startswith("55"):
        raise InvalidPhone(PhoneFault.LENGTH)
    if _ORDINAL_BEFORE.match(stripped):
        raise InvalidPhone(PhoneFault.NOT_A_NUMBER)
    # 11.98.88.77.00 is written in pairs.
    if stripped[-2:] == ".0" or (stripped[-3:] == ".00" and stripped.count(".") == 1):
        if not (amount := _AS_AMOUNT.fullmatch(stripped)):
            raise InvalidPhone(PhoneFault.NOT_A_NUMBER)
        stripped = amount[1]
    if _LACKS_ONE.fullmatch(stripped):
        raise InvalidPhone(PhoneFault.LENGTH)
    digits = stripped.translate(_DROP_PUNCTUATION)
    return _with_ddd(digits) if stripped[0] == "+" else digits


def _with_ddd(digits: str) -> str:
    """Refuse a 55 that is surely the country's with no DDD behind it: it would be read as DDD 55."""
    if len(digits) < _SHORTEST_WITH_COUNTRY:
        raise InvalidPhone(PhoneFault.LENGTH)
    return digits


def _from_national(digits: str) -> Phone:
    if len(digits) not in (10, 11):
        raise InvalidPhone(PhoneFault.LENGTH)
    if digits[:2] not in _UF_OF_DDD:
        raise InvalidPhone(PhoneFault.DDD)
    first = digits[2]
    if len(digits) == _MOBILE_DIGITS:
        if first != "9":
            raise InvalidPhone(PhoneFault.SUBSCRIBER)
        return Phone(digits, f"+55{digits}", PhoneKind.MOBILE)
    if first in "6789":
        return Phone(digits, f"+55{digits[:2]}9{digits[2:]}", PhoneKind.LEGACY_MOBILE)
    if first in "2345":
        return Phone(digits, f"+55{digits}", PhoneKind.LANDLINE)
    raise InvalidPhone(PhoneFault.SUBSCRIBER)
