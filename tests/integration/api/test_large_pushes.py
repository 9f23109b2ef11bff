"""What takes seconds to read is read in a thread: the server answers others meanwhile."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from fastapi import Request

from disparo.api.errors import Refusal
from disparo.api.hubsoft import pushes
from disparo.api.turns import Turns
from disparo.settings import Settings
from disparo.sources.csv_fields import BadField

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("put", "reader", "body"),
    [
        (pushes.put_customers, "read_customer", b'{"clientes": [{"id_cliente": 1}]}'),
        (pushes.put_invoices, "read_pushed", b'{"faturas": [{"id_fatura": 1}]}'),
    ],
    ids=["customers", "invoices"],
)
async def test_the_items_of_a_push_are_read_beside_the_loop(pool, monkeypatch, put, reader, body):
    readers = []

    def read(_item):
        readers.append(threading.get_ident())
        raise BadField("nenhum serve")

    async def receive():
        return {"type": "http.request", "body": body}

    monkeypatch.setattr(pushes, reader, read)
    services = SimpleNamespace(settings=Settings(), pool=pool, turns=Turns())
    app = SimpleNamespace(state=SimpleNamespace(services=services))
    scope = {"type": "http", "method": "PUT", "path": "/", "query_string": b"", "headers": [], "state": {}}
    with pytest.raises(Refusal, match="Nenhum item foi gravado"):
        await put(Request({**scope, "app": app}, receive), None)
    assert len(readers) == 1
    assert threading.get_ident() not in readers
