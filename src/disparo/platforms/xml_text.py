"""Writes the XML body of a table; what is filled in is text, and never becomes markup."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from xml.parsers.expat import ExpatError, ParserCreate

from disparo.platforms.placeholders import BASIC, ITEMS, Template

#: What would be taken for markup, or for a space; HTML, as which some read XML, has no "&apos;".
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_BLANKS = {"\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
#: What XML cannot hold at all, not even so (XML 1.0 §2.2).
_NEVER = {*range(32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)} - {9, 10, 13}
_ESCAPES: dict[int, str | None] = {
    **dict.fromkeys(_NEVER),
    **{ord(sign): name for sign, name in {**_MARKUP, **_BLANKS}.items()},
}
_DECLARATION = re.compile(r"<\?xml\s[^>]*\?>")
_DECLARED = re.compile(r"\sencoding\s*=\s*[\"']([^\"']*)[\"']")
#: An element, or an attribute, that holds the address for receipts.
_WITH_ADDRESS = re.compile(
    r"<([^\s<>/]+)(?:\s[^<>]*)?>[^<]*\{retorno\}[^<]*</\1\s*>"
    r"|\s[^\s<>=\"']+\s*=\s*(?:\"[^\"<]*\{retorno\}[^\"<]*\"|'[^'<]*\{retorno\}[^'<]*')"
)


class XmlBody:
    """A text of a table, and where it has `{itens}` the text of each item, taken apart once."""

    def __init__(self, text: str, constant: Mapping[str, str], *, item: str = "", charset: str) -> None:
        safe = _safe(constant)
        head, _, end = text.partition(ITEMS)
        self._head, self._item, self._end = (Template(each, safe) for each in (head, item, end))
        self._charset = charset

    def fill(self, values: Mapping[str, str], items: Sequence[Mapping[str, str]] = ()) -> bytes:
        """Give it with these values; what its alphabet lacks goes as a number, which loses nothing."""
        safe = _safe(values)
        each = [self._item.fill(_safe(item)) for item in items]
        written = "".join([self._head.fill(safe), *each, self._end.fill(safe)])
        return written.encode(self._charset, "xmlcharrefreplace")


def xml_safe(value: str) -> str:
    """Give a value for an element or an attribute."""
    return value.translate(_ESCAPES)


def without_address(text: str) -> str:
    """Leave out the elements and attributes that would hold an address for receipts: there is none."""
    return _WITH_ADDRESS.sub("", text)


def check_xml(text: str, charset: str) -> None:
    """Raise ValueError in words for what is no XML, or where a value would not be read as it was."""
    declaration = _DECLARATION.match(text)
    if "<!" in text or "<?" in text[declaration.end() if declaration else 0 :]:
        raise ValueError(
            "em xml não há DOCTYPE, CDATA nem comentários: os marcadores já põem texto protegido"
        )
    if BASIC.search(text):
        raise ValueError("em xml não há {basico:USUARIO:SENHA}, que é de headers")
    declared = _DECLARED.search(declaration[0]) if declaration else None
    if declared and not _is_same(declared[1], charset):
        raise ValueError(f'xml diz encoding="{declared[1]}" e vai em {charset}: os dois devem dizer o mesmo')
    try:
        _parse(text)
    except ExpatError as error:
        raise ValueError(
            f"xml não está bem formado: linha {error.lineno}, coluna {error.offset + 1}"
        ) from None


def check_items(text: str, item: str) -> None:
    """Raise ValueError in words for an item that is no element, or cannot stand where the text says."""
    if text.count(ITEMS) != 1 or ITEMS in item:
        raise ValueError(f"{ITEMS} vai uma vez só, em xml")
    try:
        _parse(item)
    except ExpatError:
        raise ValueError("batch.item em xml é um elemento inteiro, como <sms>...</sms>") from None
    try:
        _parse(text.replace(ITEMS, item + item))
    except ExpatError:
        raise ValueError(f"{ITEMS} em xml fica dentro de um elemento: <lote>{ITEMS}</lote>") from None


def _parse(text: str) -> None:
    ParserCreate().Parse(text, True)  # noqa: FBT003 - the parser's own way to say that it is all


def _safe(values: Mapping[str, str]) -> dict[str, str]:
    return {name: xml_safe(value) for name, value in values.items()}


def _is_same(name: str, charset: str) -> bool:
    try:
        return codecs.lookup(name).name == codecs.lookup(charset).name
    except LookupError:
        return False
