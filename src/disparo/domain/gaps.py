"""What a template says around values that are missing: their own signs, and words that announce them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

#: Holds the place of what is missing; around it go the signs that were its own, one after the other.
_HOLE = "\x01"
_AROUND_HOLES = tuple(
    (re.compile(pattern.replace("#", _HOLE), re.MULTILINE), instead)
    for pattern, instead in (
        (r"\( *# *\)", _HOLE),
        (r"#(?: *#)+", _HOLE),
        (r"(?<=\n\n) *# *(?:\n+|\Z)|^ *# *(?:\n|\Z)", ""),  # a line of its own
        (r"^ *# *(?:[,.:;!?]+(?![()])|-(?= ))? *", ""),  # `NOME, sua fatura`
        (r"([,.:;!?-]) *# *[,:;](?![()])", r"\1"),  # `MARCA: NOME, sua fatura`
        (r"([.!?]) *# *[.!?]", r"\1"),
        (r" *[,:;-]? *# *(?=[.!?])", ""),  # `Oi, NOME!`
        (r"- *# *(?=-)", ""),
        (r" *[,;-]? *#$", ""),
        (r" *# *(?=[,:;])", ""),
        ("#", ""),
    )
)
_SPACES = re.compile(r" {2,}")
#: Holds the place of a payment code; up to six words that only announce it go too: `Pague pelo Pix: CODE`.
_NO_CODE = "\x02"
_ANNOUNCED = re.compile(
    rf"(?:(?<=[.,!?;:|]) +|(?<=[\n(}}{_NO_CODE}]) *|(?<=- ))"
    r"(?=[^:\n]*\b(?:pix|boleto|link|c[oó]digo|linha|copia|via|pague|pagar|pagamento|acesse|clique)\b)"
    rf"[^\W\d_][\w'/-]*(?: [\w'/-]+){{0,5}} ?: *\n? *{_NO_CODE}",
    re.IGNORECASE,
)


def without(template: str, missing: Sequence[str], *, codes: Collection[str]) -> str:
    """Give a template without placeholders that there are no values for; `codes`: those of payment codes.

    Words at the very beginning stay, whatever they announce: the brand stands there.
    """
    for name in missing:
        template = template.replace(f"{{{name}}}", _NO_CODE if name in codes else _HOLE)
    template = _ANNOUNCED.sub(f" {_HOLE}", template).replace(_NO_CODE, _HOLE)
    if _HOLE in template:
        for around, instead in _AROUND_HOLES:
            template = around.sub(instead, template)
        template = _SPACES.sub(" ", template)
    return template
