"""What is wrong with settings, in Portuguese: the library that checks them speaks English."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import ValidationError

#: By the library's name of the error; `{}` takes what it says beside it.
_WORDS = {
    "missing": "falta",
    "extra_forbidden": "não existe",
    "string_type": "deve ser um texto",
    "string_too_short": "deve ter ao menos {min_length} caractere(s)",
    "string_too_long": "deve ter no máximo {max_length} caractere(s)",
    "int_type": "deve ser um número inteiro",
    "int_parsing": "deve ser um número inteiro",
    "int_from_float": "deve ser um número inteiro",
    "float_type": "deve ser um número",
    "float_parsing": "deve ser um número",
    "decimal_type": "deve ser um número",
    "decimal_parsing": "deve ser um número",
    "bool_type": "deve ser true ou false",
    "bool_parsing": "deve ser true ou false",
    "list_type": "deve ser uma lista",
    "tuple_type": "deve ser uma lista",
    "dict_type": "deve ser uma tabela",
    "model_type": "deve ser uma tabela",
    "too_short": "deve ter ao menos {min_length} item(ns)",
    "too_long": "deve ter no máximo {max_length} item(ns)",
    "finite_number": "deve ser um número finito",
    "path_type": "deve ser um caminho",
    "greater_than": "deve ser maior que {gt}",
    "greater_than_equal": "deve ser {ge} ou mais",
    "less_than": "deve ser menor que {lt}",
    "less_than_equal": "deve ser {le} ou menos",
    "literal_error": "deve ser um destes: {expected}",
    "enum": "deve ser um destes: {expected}",
    "uuid_parsing": "não é um ID como 01a21bcd-874d-730c-8acd-3091a2c91c4a",
    "ip_any_network": "não é uma rede como 10.0.0.0/24",
    "value_error": "{error}",
}
#: How the library shows a value of an enumeration, where what one writes is the text in it.
_OF_AN_ENUM = re.compile(r"<\w+\.\w+: ('[^']*')>")
#: By how the standard library's words for what is no TOML begin.
_TOML = {
    "Invalid statement": "isto não é chave = valor, nem [tabela]",
    "Expected '=' after": "falta o = depois da chave",
    "Expected newline": "sobra algo depois do valor",
    "Expected ']": "falta fechar o colchete da tabela",
    "Found invalid character": "há um caractere que não pode estar aí",
    "Illegal character": "há um caractere que não pode estar aí",
    "Cannot declare": "esta tabela já apareceu antes",
    "Cannot overwrite": "esta chave já apareceu antes",
    "Cannot mutate": "esta tabela já apareceu antes",
    "Cannot redefine": "esta tabela já apareceu antes",
    "Duplicate inline": "esta chave já apareceu antes",
    "Invalid initial character": "uma chave não pode começar assim",
    "Unclosed array": "falta fechar a lista com ]",
    "Unclosed inline": "falta fechar a tabela com }",
    "Unescaped": "uma barra invertida entre aspas se escreve duas vezes",
    "Invalid hex": "uma barra invertida entre aspas se escreve duas vezes",
    "Unterminated string": "falta fechar as aspas",
    "Invalid value": "isto não é um valor: texto vai entre aspas, e sim e não são true e false",
}


def words_of(error: ValidationError, environment: Collection[str] = ()) -> str:
    """Give every wrong value, its name first; what is wrong as a whole has none.

    `environment`: names of its variables. One of them wins over the file, where nothing wrong may be seen.
    """
    given = {name.upper().partition("__")[0] for name in environment}
    return "; ".join(_said(item, given) for item in error.errors())


def words_of_file(error: ValueError) -> str:
    """Say what makes a file no TOML, and where: never what stands there, which may be a password."""
    if not isinstance(error, TOMLDecodeError):
        return "não está em UTF-8"
    said = str(error)
    words = next((words for begins, words in _TOML.items() if said.startswith(begins)), "não é TOML")
    place = re.search(r"\(at line (\d+), column (\d+)\)", said)
    return f"linha {place[1]}, coluna {place[2]}: {words}" if place else f"fim do arquivo: {words}"


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _said(item: Mapping[str, Any], given: Collection[str]) -> str:
    context = {name: _whole(value) for name, value in item.get("ctx", {}).items()}
    pattern = _WORDS.get(item["type"])
    if "expected" in context:
        expected = _OF_AN_ENUM.sub(r"\1", str(context["expected"]))
        context["expected"] = expected.replace(" or ", " ou ")
    words = item["msg"] if pattern is None else pattern.format(**context)
    where = ".".join(map(str, item["loc"]))
    variable = f"DISPARO_{item['loc'][0]}".upper() if where else ""
    if variable in given:
        words += f" (na variável {variable})"
    return f"{where}: {words}" if where else words
