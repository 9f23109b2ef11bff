"""`PUT fatura`: that an invoice is paid or cancelled, by each of the names that people know it by."""

from __future__ import annotations

from itertools import count

import pytest
from tests.support.hubsoft import BASE

NUMBERS = count(92_101)
BILL = {"id_cliente": 3108, "valor": 10, "data_vencimento": "2026-12-10"}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"pago_em": "2026-11-29"}, "paid"),
        ({"pago": True}, "paid"),
        ({"paga": "sim", "status": "aberta"}, "paid"),
        ({"quitada": "S"}, "paid"),
        ({"cancelada": True}, "cancelled"),
        ({"cancelado": "sim", "status": "aguardando"}, "cancelled"),
        # Null in a name of the lookups, as an ERP leaves what it does not fill, takes nothing from the other.
        ({"quitado": None, "pago": True}, "paid"),
        ({"data_pagamento": None, "pago_em": "2026-11-29"}, "paid"),
        ({"data_pagamento": "", "pago_em": "2026-11-29"}, "paid"),
        ({"fatura_ativa": None, "cancelado": True}, "cancelled"),
        ({"status": None, "situacao": "paga"}, "paid"),
        ({"status": "", "situacao": "cancelada"}, "cancelled"),
        # An empty text is no "no" either.
        ({"quitado": "", "data_pagamento": "2026-11-29"}, "paid"),
        ({"quitado": "", "valor_pago": 10}, "paid"),
        # The amount, as some write it there: paid whole, or in part.
        ({"pago": 10.0}, "paid"),
        ({"pago": "10,00", "valor_pago": None}, "paid"),
        ({"pago": 10.0, "valor_pago": 4.5}, "open"),
        # What says no says nothing.
        ({"pago": False, "cancelado": "nao"}, "open"),
        ({"pago": 4.5}, "open"),
        ({"pago": "0000-00-00", "cancelado": "-"}, "open"),
        ({"pago": True, "quitado": True}, "paid"),
    ],
)
def test_who_owes_nothing_gets_no_sms_whatever_the_field_is_called(client, house, said, status):
    number = next(NUMBERS)  # of an invoice that is new
    answer = client.call("PUT", f"{BASE}/fatura", {"faturas": [{"id_fatura": number, **BILL, **said}]})
    assert answer.status == 200, answer.raw
    assert house.value("SELECT status FROM invoices WHERE id = $1", number) == status
    sent = client.call("POST", f"{BASE}/cliente/financeiro/enviar_sms", {"id_fatura": number})
    assert sent.status == (200 if status == "open" else 422), sent.raw


@pytest.mark.parametrize("name", ["pago", "quitada", "cancelado"])
def test_a_day_where_yes_or_no_should_be_is_named_and_nobody_is_asked_for_money(client, house, name):
    number = next(NUMBERS)
    item = {"id_fatura": number, **BILL, name: "2026-11-29"}
    answer = client.call("PUT", f"{BASE}/fatura", {"faturas": [item]})
    assert (answer.status, f"{name} deve ser sim ou nao" in answer.json["erros"][0]["mensagem"]) == (
        422,
        True,
    )
    assert house.value("SELECT count(*) FROM invoices WHERE id = $1", number) == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"pago": True, "quitado": False}, "quitado diz que a fatura não foi paga, e pago que foi"),
        ({"paga": "sim", "quitado": "N"}, "quitado diz que a fatura não foi paga, e paga que foi"),
        ({"cancelada": 1, "fatura_ativa": True}, "fatura_ativa diz que a fatura vale, e cancelada que foi"),
        ({"cancelada": True, "fatura_ativa": "talvez"}, "fatura_ativa deve ser sim ou nao"),
        ({"pago": True, "quitado": "talvez"}, "quitado deve ser sim ou nao"),
        ({"status": "aberta", "situacao": "paga"}, "status diz que a fatura está aberta, e situacao que não"),
        (
            {"status": "aguardando", "situacao": "cancelada"},
            "status diz que a fatura está aberta, e situacao",
        ),
    ],
)
def test_two_names_that_contradict_each_other_are_told(client, house, said, told):
    number = next(NUMBERS)
    answer = client.call("PUT", f"{BASE}/fatura", {"faturas": [{"id_fatura": number, **BILL, **said}]})
    assert answer.status == 422, answer.raw
    assert told in answer.json["erros"][0]["mensagem"]
    assert house.value("SELECT count(*) FROM invoices WHERE id = $1", number) == 0


def test_an_empty_text_does_not_open_what_is_cancelled(client, house):
    number = next(NUMBERS)
    item = {"id_fatura": number, **BILL}
    for said in ({"cancelado": True}, {"fatura_ativa": "", "data_pagamento": None}):
        assert client.call("PUT", f"{BASE}/fatura", {"faturas": [{**item, **said}]}).status == 200
    assert house.value("SELECT status FROM invoices WHERE id = $1", number) == "cancelled"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"pago_em": "ontem"}, "pago_em deve ser uma data, dd/mm/aaaa ou aaaa-mm-dd"),
        (
            {"pago_em": "2026-11-29", "status": "aberta"},
            "status diz que a fatura está aberta, e pago_em que foi paga",
        ),
        ({"pago": "10,00", "status": "aberta"}, "status diz que a fatura está aberta, e pago que foi paga"),
        ({"quitada": "10.005"}, "quitada deve ter no máximo dois decimais e nove inteiros"),
        ({"situacao": "talvez"}, "situacao deve ser aberta, paga ou cancelada"),
        (
            {"situacao": "aberta", "pago_em": "2026-11-29"},
            "situacao diz que a fatura está aberta, e pago_em que foi paga",
        ),
        (
            {"quitado": False, "pago_em": "2026-11-29"},
            "quitado diz que a fatura não foi paga, e pago_em que foi",
        ),
        # The lookups' own name stays where that was written.
        ({"data_pagamento": "ontem", "pago_em": ""}, "data_pagamento deve ser uma data"),
    ],
)
def test_a_fault_names_the_field_that_was_sent(client, said, words):
    item = {"id_fatura": next(NUMBERS), **BILL, **said}
    answer = client.call("PUT", f"{BASE}/fatura", {"faturas": [item]})
    assert answer.json["errors"][0].startswith(f"item 0: {words}"), answer.raw
