"""What the value of a setting has to be, where its type alone does not say it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator

from disparo.domain.phone import InvalidPhone, parse_phone


def _at_home(path: Path) -> Path:
    """No shell reads the file: `~/x` would be a folder called `~` wherever a command is typed."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ValueError("o ~ não vale aqui: este usuário não tem pasta pessoal") from error


HomePath = Annotated[Path, AfterValidator(_at_home)]


def is_address(text: str) -> bool:
    """Tell whether this is the address of a server, without query and login."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:  # a bracket that stands alone, a port that is none
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.username)


def is_number(annotation: Any) -> bool:
    """Tell whether a setting of this type is a number, or one that may be left out."""
    return not {int, float}.isdisjoint((annotation, *get_args(annotation)))


def read_phone(number: str) -> str:
    """Give a number in E.164, however it is written; raises ValueError."""
    try:
        return parse_phone(number).e164
    except InvalidPhone as error:
        raise ValueError(f"não é um telefone: {number} (exemplo: +5511988887777)") from error


def shows(text: str) -> bool:
    """Tell whether a person sees anything of it: blanks and marks that hold no place are nothing."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)
