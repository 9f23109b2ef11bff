"""JSON bodies that are made to be long in reading, and those that are only large."""

from __future__ import annotations

import json

import pytest

from disparo.api.bodies import _json_object
from disparo.api.errors import Refusal


@pytest.mark.parametrize("nothing", [b"[" * 20 + b"]" * 20, b"{}"], ids=["lists", "objects"])
def test_a_body_of_empty_lists_or_objects_is_refused_before_it_is_read(nothing):
    body = b'{"clientes":[' + b",".join([nothing] * 60_000) + b"]}"
    with pytest.raises(Refusal, match="listas e objetos demais"):
        _json_object(body)


def test_the_smallest_items_of_the_largest_push_are_read():
    services = [{"id_cliente_servico": number} for number in range(1, 51)]
    items = [
        {"id_cliente": number, "nome_razaosocial": "A", "servicos": services} for number in range(1, 1001)
    ]
    body = json.dumps({"clientes": items}, separators=(",", ":")).encode()
    assert _json_object(body) == {"clientes": items}


def test_a_small_body_may_have_as_many_as_it_likes():
    assert len(_json_object(b'{"a":[' + b",".join([b"[]"] * 9_000) + b"]}")["a"]) == 9_000
