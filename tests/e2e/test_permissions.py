"""Who may do what by the API: every route against every permission."""

from __future__ import annotations

from uuid import uuid4

from tests.support.client import DISPATCH, OPT_OUT, SEND

from disparo.auth.permissions import Permission

BASE = "/api/v1/integracao"
ONE = f"{DISPATCH}/{uuid4()}"
NEEDED = {
    ("POST", SEND): "send",
    ("GET", DISPATCH): "send",
    ("GET", ONE): "send",
    ("POST", f"{ONE}/cancelar"): "cancel",
    ("POST", f"{DISPATCH}/lote"): "send_bulk",
    ("POST", f"{ONE}/pausar"): "send_bulk",
    ("POST", f"{ONE}/retomar"): "send_bulk",
    ("GET", OPT_OUT): "send",
    ("POST", OPT_OUT): "send",
    ("DELETE", OPT_OUT): "remove_opt_out",
    ("GET", f"{BASE}/cliente"): "send",
    ("GET", f"{BASE}/cliente/all"): "send",
    ("GET", f"{BASE}/cliente/todos"): "send",
    ("GET", f"{BASE}/cliente/financeiro"): "send",
    ("GET", f"{BASE}/financeiro/fatura"): "send",
    ("PUT", f"{BASE}/cliente"): "register",
    ("PUT", f"{BASE}/fatura"): "register",
}


def test_nobody_does_what_needs_a_permission_they_lack(house):
    for lacking in set(NEEDED.values()):
        others = house.client(permissions=tuple(name for name in Permission if name != lacking))
        for (method, path), needed in NEEDED.items():
            if needed == lacking:
                assert others.call(method, path).status == 403, (method, path)


def test_no_route_is_left_out_of_these_tests(client):
    paths = client.get("/openapi.json").json["paths"]
    offered = {(way.upper(), path) for path, of in paths.items() if path.startswith(BASE) for way in of}
    here = {(method, path.replace(ONE, f"{DISPATCH}/{{dispatch_id}}")) for method, path in NEEDED}
    assert offered - here == set()
