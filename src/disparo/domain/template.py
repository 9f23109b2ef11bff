"""The text a customer reads: one template, filled at the last moment, never cut.

Placeholders are Portuguese, since a clerk edits them. Values are filled in once and never read as
template again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import chain, zip_longest
from typing import Any, NamedTuple, Protocol

from disparo.domain.boleto import digits_only
from disparo.domain.gaps import without
from disparo.domain.sms_text import (
    Encoding,
    SegmentProfile,
    count_segments,
    encoding_of,
    is_cut,
    link_for_sms,
    to_gsm_basic,
)

DEFAULT = "{marca}: {primeiro_nome}, sua fatura de {valor} {vence} em {vencimento}. {pagamento} {observacao}"

NAMES = frozenset(
    {
        "marca",
        "primeiro_nome",
        "valor",
        "vence",
        "vencimento",
        "pagamento",
        "link",
        "linha_digitavel",
        "pix",
        "observacao",
    }
)
#: Left out one after the other, until the text fits.
_OPTIONAL = ("observacao", "primeiro_nome")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
#: What stands where it should not, as where a value begins with a blank, and how it is mended.
_UNTIDY = re.compile(r"  | [,.:;]|[:.,;],")
_SPACES, _SPACE_BEFORE, _ORPHAN = re.compile(r" {2,}"), re.compile(r" +([,.:;])"), re.compile(r"([:.,;]),\s*")
#: Handed on letter by letter, whatever stands in them; a mark holds their place while the rest is mended.
_CODES, _MARK = frozenset({"pagamento", "link", "linha_digitavel", "pix"}), "\0"
#: What a text that is pasted brings along: marks, and blanks that are none of GSM-7's.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_BLANKS = re.compile("[\t\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_LONGEST_NAME = 20
_CENT = Decimal("0.01")
#: What stands before a name, also glued to it by a point: `Dr, sua fatura` speaks to nobody.
_TITLE = re.compile(
    r"(?:sra?|srta|dra?|dona|profa?|eng[ao]?|d)(?:\(a\)|\.?[ªº]|\.[ao]$)?(?:\.+|$|(?<=[ªº)]))",
    re.IGNORECASE,
)
#: ... unless there is nothing else: somebody is called so.
_ALONE = frozenset({"sr", "sra", "srta", "dr", "dra", "dona"})
_NAME = re.compile(r"[^\W\d_ªº]+(?:['’´`-][^\W\d_ªº]+)*")
#: What an office notes where the name begins. The text without a name reads well, and tells nobody of it.
_NOTES = frozenset({
    "falecido", "falecida", "espolio", "inadimplente", "cancelado", "cancelada", "bloqueado", "bloqueada",
    "nao",
})  # fmt: skip
_LONGEST_TEMPLATE = 1000
_IF_PAID = "Se ja pagou, desconsidere."


class TemplateRefused(ValueError):
    """No text can be made: `reason` is a word for the message's row, `detail` Portuguese for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Columns(Protocol):
    """A row, or whatever else gives values by name."""

    def __getitem__(self, name: str, /) -> Any:
        """Give the value of one column; raises KeyError."""


class InvoiceText(NamedTuple):
    """What a text may speak of; `is_overdue`: on the day on which it goes, by the installation's zone."""

    brand: str
    customer_name: str | None
    amount: Decimal
    due_date: date
    is_overdue: bool
    link: str | None = None
    linha_digitavel: str | None = None
    pix: str | None = None

    @classmethod
    def of(cls, facts: Columns, *, brand: str, is_overdue: bool) -> InvoiceText:
        """Take what speaks of the invoice and its customer from a row that has columns of these names."""
        return cls(
            brand=brand,
            customer_name=facts["customer_name"],
            amount=facts["amount"],
            due_date=facts["due_date"],
            is_overdue=is_overdue,
            link=facts["link"],
            linha_digitavel=facts["linha_digitavel"],
            pix=facts["pix"],
        )


class Rendered(NamedTuple):
    """A text ready to be handed over."""

    text: str
    segments: int

    @property
    def encoding(self) -> Encoding:
        """How it goes over the air."""
        return encoding_of(self.text)


def check_template(template: str) -> None:
    """Refuse a template that no customer should get; raises TemplateRefused for the person editing it."""
    if len(template) > _LONGEST_TEMPLATE:
        raise TemplateRefused("template", f"O modelo passa de {_LONGEST_TEMPLATE} caracteres.")
    names = set(_PLACEHOLDER.findall(template))
    unknown = sorted(names - NAMES)
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(NAMES))
        raise TemplateRefused("template", f"O modelo usa {{{unknown[0]}}}, que não existe. Existem: {known}.")
    if "{" in _PLACEHOLDER.sub("", template) or "}" in _PLACEHOLDER.sub("", template):
        raise TemplateRefused("template", "O modelo tem uma chave sem par.")
    if not {"valor", "vencimento"} <= names:
        raise TemplateRefused("template", "O modelo precisa de {valor} e {vencimento}.")


#: One that was found good stays good; a refusal is raised anew each time.
_check_once = lru_cache(maxsize=64)(check_template)


def render(invoice: InvoiceText, profile: SegmentProfile, *, template: str | None = None) -> Rendered:
    """Fill the template within the profile's `max_parts`; raises TemplateRefused rather than cut anything.

    What may be left out goes first (the note, the name); then a shorter payment path is tried.
    """
    template = template or DEFAULT
    _check_once(template)
    for payment in _payments(invoice) or [""]:
        rendered = _fitting(template, _values(invoice, payment), profile)
        if rendered is not None and not _is_torn(rendered.text, invoice, profile):
            return rendered
    raise TemplateRefused("does_not_fit", f"O texto não cabe em {profile.max_parts} SMS sem cortar a fatura.")


def _is_torn(text: str, invoice: InvoiceText, profile: SegmentProfile) -> bool:
    if not profile.cuts_at_spaces:
        return False
    pix = (invoice.pix or "").strip()  # the only code that may have blanks: the merchant's name stands in it
    return any(is_cut(text, code, profile) for code in (pix, *text.split(" ")) if code)


def format_amount(amount: Decimal) -> str:
    """Give an amount as Brazilians write it: R$ 1.234,56. Half a cent is rounded up, as they do."""
    whole, cents = f"{abs(amount).quantize(_CENT, ROUND_HALF_UP):,.2f}".split(".")
    sign = "-" if amount < 0 else ""
    return f"{sign}R$ {whole.replace(',', '.')},{cents}"


def first_name(name: str | None) -> str:
    """Give a customer's first name in title case; empty where there is none to speak of."""
    words = _UNSEEN.sub("", unicodedata.normalize("NFC", name or "")).split()
    if len(words) == 1 and words[0].rstrip(".").lower() in _ALONE:
        return _capitalized(words[0])
    while words and (title := _TITLE.match(words[0])):
        rest = words[0][title.end() :]
        words[:1] = [rest] if rest else []
    word = words[0] if words else ""
    if not 1 < len(word) <= _LONGEST_NAME or not _NAME.fullmatch(word):
        return ""
    bare = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    return "" if bare in _NOTES else _capitalized(word)


def _capitalized(word: str) -> str:
    return word[:1].upper() + word[1:].lower()


def _fitting(template: str, values: dict[str, str], profile: SegmentProfile) -> Rendered | None:
    for leave_out in (None, *_OPTIONAL):
        if leave_out is not None:
            values = {**values, leave_out: ""}
        text = _filled(template, values)
        segments = count_segments(text, profile)
        if segments <= profile.max_parts:
            return Rendered(text, segments)
    return None


def _filled(template: str, values: Mapping[str, str]) -> str:
    pieces = _pieces(template, tuple([name for name, value in values.items() if not value]))
    text = "".join([values[piece] if place % 2 else piece for place, piece in enumerate(pieces)]).strip()
    if _UNTIDY.search(text) is None:
        return text
    codes = [values[name] for name in pieces[1::2] if name in _CODES and values[name]]
    marked = {**values, **dict.fromkeys((name for name in _CODES if values[name]), _MARK)}
    text = "".join([marked[piece] if place % 2 else piece for place, piece in enumerate(pieces)])
    text = _ORPHAN.sub(r"\1 ", _SPACES.sub(" ", _SPACE_BEFORE.sub(r"\1", text)).strip())
    return "".join(chain.from_iterable(zip_longest(text.split(_MARK), codes, fillvalue="")))


@lru_cache(maxsize=256)
def _pieces(template: str, missing: Sequence[str]) -> tuple[str, ...]:
    """Take a template apart: what stays as it is at even places, names of values at odd ones.

    Composed, and without what nobody sees: GSM-7 has `é` and one blank, no accent that stands for itself and
    no other blanks, and the whole text would go in UCS-2.
    """
    seen = _BLANKS.sub(" ", _UNSEEN.sub("", unicodedata.normalize("NFC", template)))
    return tuple(_PLACEHOLDER.split(without(seen, missing, codes=_CODES)))


def _values(invoice: InvoiceText, payment: str) -> dict[str, str]:
    # A code is handed on letter by letter; only words lose their accents.
    return {
        "marca": _of_all(invoice.brand),
        "primeiro_nome": _plain_name(first_name(invoice.customer_name)),
        "valor": format_amount(invoice.amount),
        "vence": "venceu" if invoice.is_overdue else "vence",
        "vencimento": _written(invoice.due_date),
        "pagamento": payment,
        "link": link_for_sms(invoice.link) if invoice.link else "",
        "linha_digitavel": digits_only(invoice.linha_digitavel or ""),
        "pix": invoice.pix or "",
        "observacao": _IF_PAID if invoice.is_overdue else "",
    }


def _plain_name(name: str) -> str:
    """Give a name in GSM-7's letters; empty where one has none there: nobody is called by the rest."""
    plain = to_gsm_basic(name)
    return plain if len(plain) >= len(name) else ""


#: The same in every text of an installation, or of a day.
_of_all = lru_cache(maxsize=16)(to_gsm_basic)


@lru_cache(maxsize=256)
def _written(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def _payments(invoice: InvoiceText) -> list[str]:
    """List the payment paths there are, the best first: own link, boleto line, Pix."""
    paths = [
        ("Pague em ", invoice.link and link_for_sms(invoice.link)),
        ("Codigo: ", digits_only(invoice.linha_digitavel or "")),
        ("Pix: ", invoice.pix),
    ]
    return [f"{words}{code.strip()}" for words, code in paths if code and code.strip()]
