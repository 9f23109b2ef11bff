"""Reads XML as a tree that paths lead through; reading ends soon, whatever came."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement
from xml.parsers.expat import ExpatError, ParserCreate

#: More than any platform's call has: what is deeper cannot be written again, and many take long.
_DEEPEST, _MOST_ELEMENTS = 100, 100_000
#: All that could unfold, or name a file, stands in one; expat must not even begin with it.
_DOCTYPE = "<!DOCTYPE"


class _TooMuch(Exception):
    """Deeper, or more elements, than is read."""


def read_xml(text: str) -> Element | None:
    """Give a nameless element around the document's own; None for what is no XML, or has a DOCTYPE.

    Names are without their prefixes (`soap:Body` is `Body`), an element's text is all that stands in it but
    not in its children, without the blanks around it. What a declaration says of the alphabet counts no more.
    """
    if _DOCTYPE in text:
        return None
    tree = _Tree()
    parser = ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    try:
        parser.Parse(text, True)  # noqa: FBT003 - the parser's own way to say that it is all
    except (ExpatError, _TooMuch):
        return None
    return tree.document


def child(element: Element, step: str) -> Element | list[Element] | str | None:
    """Follow one step of a path: a child's name, of several all; `@name`; `0`: the only one of its name."""
    if step.startswith("@"):
        return element.get(_local(step[1:]))
    if step.isdecimal():
        return element if int(step[:9]) == 0 else None
    found = [each for each in element if each.tag == _local(step)]
    return found[0] if len(found) == 1 else found or None


class _Tree:
    def __init__(self) -> None:
        self.document = Element("")
        self._open: list[tuple[Element, list[str]]] = [(self.document, [])]
        self._count = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if len(self._open) > _DEEPEST or self._count > _MOST_ELEMENTS:
            raise _TooMuch
        given = attributes.items()
        own = {_local(key): value.strip() for key, value in given if not key.startswith("xmlns")}
        self._open.append((SubElement(self._open[-1][0], _local(name), own), []))

    def end(self, _name: str) -> None:
        element, pieces = self._open.pop()
        element.text = "".join(pieces).strip() or None

    def text(self, piece: str) -> None:
        self._open[-1][1].append(piece)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
