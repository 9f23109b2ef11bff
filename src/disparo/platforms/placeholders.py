"""What stands for a value in an administrator's table, and how it is filled in."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr

_WORDS = "telefone|texto|referencia|retorno|id|desde|ate"
PLACEHOLDER = re.compile(r"\{(" + _WORDS + r"|(?:segredo|valor):[A-Za-z0-9_]+)\}")
#: `{basico:USER:PASSWORD}`, both names of secrets: what HTTP's Basic authentication wants.
BASIC = re.compile(r"\{basico:([A-Za-z0-9_]+):([A-Za-z0-9_]+)\}")
_ANY = re.compile(f"{BASIC.pattern}|{PLACEHOLDER.pattern}")
_OF_SECRET = re.compile(r"\{segredo:([A-Za-z0-9_]+)\}")

Fill = Callable[[str], str]


def filler(values: Mapping[str, str]) -> Fill:
    """Give what fills templates in; a placeholder without a value becomes nothing."""

    def basic(found: re.Match[str]) -> str:
        pair = f"{values['segredo:' + found[1]]}:{values['segredo:' + found[2]]}"
        return base64.b64encode(pair.encode()).decode()

    def fill(template: str) -> str:
        # One pass over the template alone: what is filled in is never read as template again.
        return _ANY.sub(lambda found: basic(found) if found[1] else values.get(found[3], ""), template)

    return fill


def fill_tree(tree: Any, fill: Fill) -> Any:
    """Fill in every text of a JSON tree."""
    if isinstance(tree, str):
        return fill(tree)
    if isinstance(tree, dict):
        return {name: fill_tree(value, fill) for name, value in tree.items()}
    if isinstance(tree, list):
        return [fill_tree(value, fill) for value in tree]
    return tree


def header_safe(value: str) -> str:
    """Give a value for a header: a line break in it would be a second header."""
    return value.translate({13: " ", 10: " ", 0: ""})


def names_used(text: str) -> set[tuple[str, str]]:
    """List what a text names, as ("segredo" | "valor", name)."""
    found = {("segredo", name) for pair in BASIC.findall(text) for name in pair}
    return found | set(re.findall(r"\{(segredo|valor):([A-Za-z0-9_]+)\}", text))


def secret_named(secret: SecretStr | None) -> str | None:
    """Give the NAME of a setting that says no more than `{segredo:NAME}`."""
    found = _OF_SECRET.fullmatch(secret.get_secret_value()) if secret else None
    return found[1] if found else None


def plain_address(url: str) -> str:
    """Check an address: http or https, no placeholder, no password; raises ValueError in words."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("o endereço deve começar com http:// ou https:// e ter um servidor")
    if PLACEHOLDER.search(url):
        raise ValueError("marcadores são permitidos só em query, form, json e headers, nunca no endereço")
    if parts.username or parts.password:
        raise ValueError("não ponha senha no endereço; use headers com {segredo:NOME}")
    return url


def fetch_secret(value: str, name: str = "") -> str:
    """Take `env:VAR` from the environment, `file:/path` from a file; anything else is the secret itself."""
    of = f" {name}" if name else ""
    kind, _, rest = value.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise ValueError(f"o segredo{of} aponta para a variável {rest}, que não existe")
        return os.environ[rest]
    if kind == "file":
        try:
            return Path(rest).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"o segredo{of} não pôde ser lido de {rest}: {error.strerror}") from error
    return value


#: A setting that holds a secret, or says where it is.
Secret = Annotated[
    SecretStr, BeforeValidator(lambda value: fetch_secret(value) if isinstance(value, str) else value)
]


def _one_or_two(given: object) -> object:
    each = [given] if isinstance(given, str) else given
    if not isinstance(each, list) or len(each) > 2 or not all(isinstance(one, str) for one in each):  # noqa: PLR2004
        raise ValueError('um segredo, ou dois durante a troca: ["novo", "velho"]')
    return [fetch_secret(one) for one in each if one]


#: One secret, or two while one takes the other's place.
Secrets = Annotated[list[SecretStr], BeforeValidator(_one_or_two)]
