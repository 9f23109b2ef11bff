"""What is wrong with settings, in Portuguese: the library that checks them speaks English."""

from __future__ import annotations

from collections.abc import Mapping
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
    "greater_than": "deve ser maior que {gt}",
    "greater_than_equal": "deve ser {ge} ou mais",
    "less_than": "deve ser menor que {lt}",
    "less_than_equal": "deve ser {le} ou menos",
    "literal_error": "deve ser um destes: {expected}",
    "enum": "deve ser um destes: {expected}",
    "ip_any_network": "não é uma rede como 10.0.0.0/24",
    "value_error": "{error}",
}


def words_of(error: ValidationError) -> str:
    """Give every wrong value, its name first; what is wrong as a whole has none."""
    return "; ".join(_said(item) for item in error.errors())


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _said(item: Mapping[str, Any]) -> str:
    context = {name: _whole(value) for name, value in item.get("ctx", {}).items()}
    pattern = _WORDS.get(item["type"])
    words = item["msg"] if pattern is None else pattern.format(**context).replace(" or ", " ou ")
    where = ".".join(map(str, item["loc"]))
    return f"{where}: {words}" if where else words
