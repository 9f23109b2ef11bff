"""Placeholders in an administrator's table, such as `{texto}`, and how they are filled in."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

from pydantic import BeforeValidator, SecretStr

from disparo.domain.sms_text import Encoding, to_gsm_basic
from disparo.errors import in_words

#: What stands in a call that hands over, in a question, and in both.
_NUMBERS = frozenset({"telefone", "ddd", "numero_sem_ddd"})
OF_MESSAGE, OF_QUESTION = _NUMBERS | {"texto"}, frozenset({"id", "desde", "ate"})
_OF_BOTH = frozenset({"referencia", "retorno"})
_WORDS = "|".join(sorted(OF_MESSAGE | OF_QUESTION | _OF_BOTH))
#: `{alfabeto:A:B}`: A where the text fits GSM-7, else B; some platforms must be told.
_ALPHABET = r"alfabeto:([^:{}]+):([^:{}]+)"
PLACEHOLDER = re.compile(r"\{(" + _WORDS + r"|(?:segredo|valor):[A-Za-z0-9_]+|" + _ALPHABET + r")\}")
#: `{basico:USER:PASSWORD}`, both names of secrets: what HTTP's Basic authentication wants.
BASIC = re.compile(r"\{basico:([A-Za-z0-9_]+):([A-Za-z0-9_]+)\}")
_ANY = re.compile(f"{BASIC.pattern}|{PLACEHOLDER.pattern}")
#: `{inteiro:telefone}`, all of a text in `json`: the digits as a JSON number.
_INTEGER = re.compile(r"\{inteiro:(" + "|".join(sorted(_NUMBERS)) + r")\}")
#: All of a text in `json`: null, which TOML cannot say.
NULL = re.compile(r"\{nulo\}")
#: What stands only so in the `json` of a call that hands over; in a question only `NULL`.
JSON_MARKS = re.compile(f"{_INTEGER.pattern}|{NULL.pattern}")
#: Stands in `json` or `xml` for all of a batch's items.
ITEMS = "{itens}"
#: What people call a secret; what is given out as one has digits or capitals.
_LIKE_A_NAME = re.compile(r"[a-z_]{1,24}")
_OF_SECRET = re.compile(r"\{segredo:([A-Za-z0-9_]+)\}")

#: What was meant as a placeholder, whether or not there is one of that name.
_MEANT = re.compile(r"\{(?:([^\W\d]\w*)|[^\W\d]\w*:[^{}]*)\}")

_LAST_OF_LATIN1 = "\xff"
#: What stands in a query after `name=`, or alone; and from how many signs on it is hidden wherever it stands.
_SAID_IN_QUERY, _SHORTEST_KEY = re.compile(r"([?&](?:[^=&]*=)?+)[^&]+"), 8

Encode = Callable[[str], str]


class Template:
    """A text with placeholders, taken apart once, so that filling it in costs little."""

    def __init__(self, text: str, constant: Mapping[str, str], encode: Encode = str) -> None:
        self._encode = encode
        self._pairs: list[tuple[str, str]] = []  # what stands before a placeholder, and its name
        plain, end = "", 0
        for found in _ANY.finditer(text):
            plain, end = plain + text[end : found.start()], found.end()
            if found[1]:
                plain += _basic(constant, found[1], found[2])
            elif found[3] in constant:
                plain += constant[found[3]]
            else:
                self._pairs.append((encode(plain), found[3]))
                plain = ""
        self._end = encode(plain + text[end:])

    def fill(self, values: Mapping[str, str]) -> str:
        """Give the text with these values."""
        if not self._pairs:
            return self._end
        encode = self._encode
        pieces: list[str] = []
        for plain, name in self._pairs:
            pieces += (plain, encode(values.get(name, "")))
        return "".join(pieces) + self._end


def quote_latin1(text: str) -> str:
    """Write a value as older gateways read it, in ISO-8859-1; what that lacks becomes the nearest it has."""
    nearest = "".join([char if char <= _LAST_OF_LATIN1 else to_gsm_basic(char) for char in text])
    return quote_plus(nearest.encode("latin-1", "replace"))


class _Integer(str):
    """A placeholder whose value is a number in the JSON, not a text."""

    __slots__ = ()


class Form:
    """Names and values as a query or a form's body; `quote` writes each."""

    def __init__(
        self, pairs: Mapping[str, str], constant: Mapping[str, str], quote: Encode = quote_plus
    ) -> None:
        self._pairs = [
            (f"{'&' if place else ''}{quote(name)}=", Template(value, constant, quote))
            for place, (name, value) in enumerate(pairs.items())
        ]

    def fill(self, values: Mapping[str, str]) -> str:
        """Give it with these values."""
        return "".join([name + value.fill(values) for name, value in self._pairs])


def tree_of(tree: Any, constant: Mapping[str, str]) -> Any:
    """Take every text of a JSON tree apart, see `fill_tree`."""
    if isinstance(tree, str):
        if NULL.fullmatch(tree):
            return None
        number = _INTEGER.fullmatch(tree)
        return _Integer(number[1]) if number else Template(tree, constant)
    if isinstance(tree, dict):
        return {name: tree_of(value, constant) for name, value in tree.items()}
    if isinstance(tree, list):
        return [tree_of(value, constant) for value in tree]
    return tree


def fill_tree(tree: Any, values: Mapping[str, str]) -> Any:
    """Fill in every text of a tree that `tree_of` took apart."""
    if isinstance(tree, Template):
        return tree.fill(values)
    if isinstance(tree, _Integer):
        return int(values[tree])
    if isinstance(tree, dict):
        return {name: fill_tree(value, values) for name, value in tree.items()}
    if isinstance(tree, list):
        return [fill_tree(value, values) for value in tree]
    return tree


def _basic(constant: Mapping[str, str], user: str, password: str) -> str:
    pair = f"{constant[f'segredo:{user}']}:{constant[f'segredo:{password}']}"
    return base64.b64encode(pair.encode()).decode()


def header_safe(value: str) -> str:
    """Give a value for a header: a line break in it would be a second header."""
    return value.translate({13: " ", 10: " ", 0: ""})


def names_used(text: str) -> set[tuple[str, str]]:
    """List what a text names, as ("segredo" | "valor", name)."""
    found = {("segredo", name) for pair in BASIC.findall(text) for name in pair}
    return found | set(re.findall(r"\{(segredo|valor):([A-Za-z0-9_]+)\}", text))


def without(tree: Any, marks: re.Pattern[str]) -> Any:
    """Leave out the texts of a JSON tree that are such a mark: they stand nowhere else."""
    if isinstance(tree, dict):
        return {name: without(value, marks) for name, value in tree.items()}
    if isinstance(tree, list):
        return [without(value, marks) for value in tree]
    return "" if isinstance(tree, str) and marks.fullmatch(tree) else tree


def shown(secret_name: str) -> str:
    """Give a secret's name for a message: its beginning, where the secret itself may stand in its place."""
    return secret_name if _LIKE_A_NAME.fullmatch(secret_name) else f"{secret_name[:3]}…"


def check_placeholders(text: str, words: frozenset[str]) -> None:
    """Raise ValueError in words for a placeholder that is none, beside those that stand everywhere.

    It would go to customers as it stands.
    """
    for found in _MEANT.finditer(text):
        known = found[1] in words | _OF_BOTH if found[1] else _ANY.fullmatch(found[0])
        if NULL.fullmatch(found[0]) or (_INTEGER.fullmatch(found[0]) and words >= _NUMBERS):
            raise ValueError(f"o marcador {found[0]} só vale em json, sozinho no campo")
        if not known:
            named = ("segredo:NOME", "valor:NOME")
            there_are = ", ".join(f"{{{name}}}" for name in (*sorted(words | _OF_BOTH), *named))
            kind, colon, name = found[0][1:-1].partition(":")
            said = f"{{{kind}:{shown(name)}}}" if colon else found[0]
            raise ValueError(f"o marcador {said} não existe aqui; existem {there_are}")


def of_alphabet(text: str, encoding: Encoding) -> dict[str, str]:
    """Give what stands for each `{alfabeto:A:B}` that a text names, for an SMS of this encoding."""
    found = re.findall(_ALPHABET, text)
    return {f"alfabeto:{gsm}:{ucs2}": gsm if encoding is Encoding.GSM7 else ucs2 for gsm, ucs2 in found}


def secret_named(secret: SecretStr | None) -> str | None:
    """Give the NAME of a setting that says no more than `{segredo:NAME}`."""
    found = _OF_SECRET.fullmatch(secret.get_secret_value()) if secret else None
    return found[1] if found else None


def plain_address(url: str) -> str:
    """Check an address: http or https, no placeholder, no password; raises ValueError in words."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:  # a bracket that stands alone, a port that is none
        raise ValueError("o servidor ou a porta do endereço não vale") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("o endereço deve começar com http:// ou https:// e ter um servidor")
    if PLACEHOLDER.search(url):
        raise ValueError("marcadores vão em query, form, json, xml e headers, nunca no endereço")
    if parts.username or parts.password:
        raise ValueError("não ponha senha no endereço; use headers com {segredo:NOME}")
    return url


def shown_address(url: str) -> str:
    """Give an address for a person to read: no marker stands in it, and a key in its query stands bare."""
    return _SAID_IN_QUERY.sub(r"\1***", url)


def likely_keys(url: str) -> set[str]:
    """Give what an address's query says at a key's length."""
    said = parse_qsl(url.partition("?")[2], keep_blank_values=True)
    return {value or name for name, value in said if len(value or name) >= _SHORTEST_KEY}


def fetch_secret(value: str, name: str = "") -> str:
    """Take `env:VAR` from the environment, `file:/path` from a file; anything else is the secret itself.

    Raises ValueError, in words for a person, where it cannot be read or is empty.
    """
    of = f" {name}" if name else ""
    kind, _, rest = value.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise ValueError(f"o segredo{of} aponta para a variável {rest}, que não existe")
        value = os.environ[rest]
    elif kind == "file":
        try:
            value = Path(rest).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"o segredo{of} não pôde ser lido de {rest}: {in_words(error)}") from error
        except UnicodeDecodeError:
            raise ValueError(f"o segredo{of} em {rest} não é um texto em UTF-8") from None
    if not value:
        raise ValueError(f"o segredo{of} está vazio")
    return value


#: A setting that holds a secret, or says where it is.
Secret = Annotated[
    SecretStr, BeforeValidator(lambda value: fetch_secret(value) if isinstance(value, str) else value)
]


def _one_or_two(given: object) -> object:
    each = [given] if isinstance(given, str) else given
    if not isinstance(each, list) or each[2:] or not all(isinstance(one, str) for one in each):
        raise ValueError('um segredo, ou dois durante a troca: ["novo", "velho"]')
    secrets = [fetch_secret(one) for one in each if one]
    if any("/" in secret for secret in secrets):
        raise ValueError("o segredo vai num endereço e não pode ter /")
    return secrets


#: One secret, or two while one takes the other's place.
Secrets = Annotated[list[SecretStr], BeforeValidator(_one_or_two)]
