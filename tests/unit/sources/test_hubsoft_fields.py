"""What HubSoft answers is taken for what it is worth: who is in its register is in ours."""

from __future__ import annotations

from decimal import Decimal

import pytest

from disparo.domain.boleto import barcode_of
from disparo.sources.csv_fields import BadField
from disparo.sources.hubsoft_fields import read_contacts, read_customer, read_invoice, read_told


def customer(**item):
    return {"id_cliente": 1, "nome_razaosocial": "ANA", **item}


def invoice(**item):
    return {"id_fatura": 7, "id_cliente": 1, "valor": 10, "data_vencimento": "2026-12-01", **item}


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("MARIA\tDA SILVA", "MARIA DA SILVA"),
        ("JOSÉ\r\nLIMA", "JOSÉ LIMA"),
        ("ANA\x00 \x1f B", "ANA B"),
        ("ANA  LIMA", "ANA  LIMA"),
        ("A" * 300, "A" * 200),
    ],
)
def test_a_source_has_customers_with_names_that_no_file_may_have(told, name):
    assert read_customer(customer(nome_razaosocial=told), lenient=True)["name"] == name


def test_its_phones_and_addresses_are_read_over_a_tab_too():
    found = read_customer(
        customer(telefone_primario="11988\t880001", endereco_cadastral={"endereco": "RUA A\n10"}),
        lenient=True,
    )
    assert found["phone_1"] == "11988 880001"
    assert found["addresses"] == {"registered": {"street": "RUA A 10"}}


def test_whoever_can_be_told_is_told():
    with pytest.raises(BadField, match="nome_razaosocial tem caracteres de controle"):
        read_customer(customer(nome_razaosocial="MARIA\tDA SILVA"))
    with pytest.raises(BadField, match="servicos passa de 50 itens"):
        read_customer(customer(servicos=[{"id_cliente_servico": 1}] * 51))


def test_a_town_hall_has_more_services_than_may_be_pushed_at_once():
    services = [{"id_cliente_servico": number} for number in range(1, 121)]
    found = read_customer(customer(servicos=services), lenient=True)
    assert [service["id"] for service in found["services"]] == list(range(1, 121))


@pytest.mark.parametrize("lenient", [False, True])
def test_a_list_with_gaps_is_read_as_php_writes_it(lenient):
    services = {"0": {"id_cliente_servico": 1}, "2": {"id_cliente_servico": 3}}
    found = read_customer(customer(servicos=services), lenient=lenient)
    assert [service["id"] for service in found["services"]] == [1, 3]


@pytest.mark.parametrize("told", ["nenhum", [None], 7])
def test_a_list_that_is_none_costs_nobody_their_place(told):
    assert "services" not in read_customer(customer(servicos=told), lenient=True)
    assert "items" not in read_invoice(invoice(detalhamento=told), lenient=True).get("details", {})


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "vencido", "quitado": True, "data_pagamento": "2026-11-25"}, "paid"),
        ({"status": "aguardando", "quitado": True}, "paid"),
        ({"status": "cancelado", "quitado": True}, "cancelled"),
        ({"status": "quitado", "quitado": False}, "paid"),
        ({"status": "vencido", "quitado": False}, "open"),
        ({"status": "vencido", "quitado": None}, "open"),
        ({"status": "aguardando_pagamento"}, "open"),
        ({"status": "baixado"}, "paid"),
    ],
)
def test_what_is_said_to_be_paid_is_paid_whatever_word_stands_beside(told, status):
    assert read_invoice(invoice(**told))["status"] == status


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"fatura_ativa": False, "data_pagamento": None}, "cancelled"),
        ({"fatura_ativa": False}, "cancelled"),
        ({"fatura_ativa": False, "quitado": False}, "cancelled"),
        ({"fatura_ativa": False, "status": "vencido"}, "cancelled"),
        ({"fatura_ativa": False, "data_pagamento": "2026-11-25"}, "paid"),
        ({"fatura_ativa": True, "data_pagamento": "2026-11-25"}, "paid"),
        ({"fatura_ativa": True, "data_pagamento": None}, "open"),
        ({"fatura_ativa": True}, None),  # nothing is said of a payment
        ({"fatura_ativa": None, "data_pagamento": None}, None),
        ({"data_pagamento": None}, None),
    ],
)
def test_an_inactive_invoice_is_cancelled_and_an_active_one_that_is_not_paid_is_open(told, status):
    assert read_invoice(invoice(**told), lenient=True).get("status") == status


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ("89.900", "89.9"),
        ("119.9", "119.9"),
        ("1234.5", "1234.5"),
        (1234.5, "1234.5"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("R$ 12,00", "12"),
        (100, "100"),
    ],
)
def test_no_amount_is_read_a_thousand_times_too_high(told, amount, lenient):
    found = read_invoice(
        invoice(valor=told, valor_pago=told, detalhamento=[{"valor": told}]), lenient=lenient
    )
    assert found["amount"] == found["paid_amount"] == Decimal(amount)
    assert found["details"]["items"] == [{"amount": float(amount)}]


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"status": "protestado", "quitado": True}, "paid"),
        ({"status": "protestado", "data_pagamento": "2026-11-25"}, "paid"),
        ({"status": "protestado", "quitado": False, "fatura_ativa": False}, "cancelled"),
        ({"status": "vencido", "data_pagamento": "2026-11-25"}, "paid"),
        ({"status": "vencido", "data_pagamento": "2026-11-25", "quitado": False}, "open"),  # in part
        ({"status": "vencido", "quitado": "talvez", "fatura_ativa": False}, "cancelled"),
    ],
)
def test_a_word_of_a_sources_own_hides_no_payment(told, status):
    assert read_invoice(invoice(**told), lenient=True)["status"] == status


@pytest.mark.parametrize(
    "day",
    ["29-11-2026", "2026/11/29", 1_764_547_200, {"date": "2026-11-29 00:00:00.000000", "timezone_type": 3}],
)
def test_a_day_of_payment_that_cannot_be_read_says_that_an_invoice_is_paid(day):
    for beside in ({}, {"fatura_ativa": True}, {"status": "aguardando"}, {"status": "protestado"}):
        assert read_invoice(invoice(data_pagamento=day, **beside), lenient=True)["status"] == "paid"
    assert read_invoice(invoice(data_pagamento=day, quitado=False), lenient=True).get("status") is None


@pytest.mark.parametrize("day", ["0000-00-00", "-0001-11-30 00:00:00", "1969-12-31 21:00:00", [], False, "-"])
def test_what_php_writes_for_no_day_says_nothing_of_a_payment(day):
    found = read_invoice(invoice(data_pagamento=day, status="aguardando"), lenient=True)
    assert found["status"] == "open"


@pytest.mark.parametrize("beside", [{}, {"quitado": False, "fatura_ativa": True}, {"quitado": "talvez"}])
def test_a_word_that_nobody_knows_is_not_taken_for_an_open_invoices(beside):
    with pytest.raises(BadField, match=r"(status|quitado) deve ser"):
        read_invoice(invoice(status="protestado", **beside), lenient=True)


@pytest.mark.parametrize("told", ["12.345", 12.345, "12,345"])
def test_an_amount_with_parts_of_a_cent_is_none(told):
    with pytest.raises(BadField, match="no máximo dois decimais"):
        read_invoice(invoice(valor=told), lenient=True)


@pytest.mark.parametrize(("told", "phones"), [("\r\n", "; "), ("\n\n", "; "), ("\t", " ")])
def test_phones_on_lines_of_their_own_are_several(told, phones):
    found = read_customer(customer(telefone_primario=f"37999931412{told}37999931413\n"), lenient=True)
    assert found["phone_1"] == f"37999931412{phones}37999931413"


@pytest.mark.parametrize(
    ("name", "key", "told"),
    [
        ("link", "link", "em breve"),
        ("link", "link", ["https://f.example/1"]),
        ("linha_digitavel", "linha_digitavel", "34191"),
        ("pix_copia_cola", "pix", "chave: 37999931412"),
    ],
)
def test_a_code_that_cannot_be_read_is_no_code_and_not_the_one_before(name, key, told):
    assert read_invoice(invoice(**{name: told}), lenient=True)[key] is None
    with pytest.raises(BadField):
        read_invoice(invoice(**{name: told}))
    assert key not in read_invoice(invoice(), lenient=True)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"valor_pago": "119,90"}, "paid"),
        ({"valor_pago": 119.9, "data_pagamento": None}, "paid"),
        ({"valor_pago": 119.9, "fatura_ativa": True, "data_pagamento": None}, "paid"),
        ({"valor_pago": 119.9, "fatura_ativa": False}, "cancelled"),
        ({"valor_pago": 119.9, "quitado": False}, None),
        ({"valor_pago": 100}, None),  # in part
        ({"valor_pago": 100, "status": "aberta"}, "open"),
        ({"valor_pago": None, "status": "aberta"}, "open"),
    ],
)
def test_an_invoice_is_pushed_as_paid_where_what_was_paid_covers_it(told, status):
    assert read_invoice(invoice(valor=119.9, **told)).get("status") == status


def test_one_that_is_pushed_as_open_and_covered_is_refused():
    with pytest.raises(BadField, match="valor_pago que foi paga"):
        read_invoice(invoice(valor=119.9, valor_pago=119.9, status="aberta"))


@pytest.mark.parametrize("beside", [{}, {"fatura_ativa": True}, {"fatura_ativa": False}, {"status": ""}])
def test_one_that_is_pushed_with_a_day_of_payment_and_as_not_paid_is_refused(beside):
    told = invoice(data_pagamento="25/11/2026", quitado=False, **beside)
    with pytest.raises(BadField, match="data_pagamento que foi"):
        read_invoice(told)
    assert read_invoice(told, lenient=True)["paid_at"] is None  # HubSoft's own: paid in part
    assert read_invoice(invoice(data_pagamento="", quitado=False))["paid_at"] is None


def test_bars_are_read_as_their_line_where_that_is_not_told():
    line = "34191090086171395730871444640008400000000008990"
    bars = barcode_of(line)
    assert read_invoice(invoice(codigo_barras=bars))["linha_digitavel"] == line
    assert read_invoice(invoice(codigo_barras="1", linha_digitavel=line))["linha_digitavel"] == line
    with pytest.raises(BadField, match="codigo_barras não confere"):
        read_invoice(invoice(codigo_barras="1"))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_invoice_may_name_any_of_its_customers_phones(place):
    names = ("telefone_primario", "telefone_secundario", "telefone_terciario")
    phones = read_told(invoice(cliente={names[place]: "11988880001"}))
    assert phones == (1, (*("11988880001" if at == place else None for at in range(3)), None))
    assert read_told(invoice(cliente=dict.fromkeys(names, ""))) is None


def test_a_contact_has_its_name_and_what_it_permits():
    contacts = [
        {"id_contato": 5, "nome": "MÃE", "telefone": "11988880001", "permite_enviar_sms": True},
        {"id_contato": 6, "nome": None, "telefone": "11988880002"},
    ]
    found = read_contacts(customer(contatos=contacts), 1)
    assert [(one["id"], one["name"], one["phone"], one["sms_allowed"]) for one in found] == [
        (5, "MÃE", "11988880001", True),
        (6, "", "11988880002", False),
    ]
    assert read_contacts(customer(), 1) is None


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("nothing", [None, "", " "])
def test_a_code_is_not_hidden_by_an_empty_field_that_is_called_otherwise(lenient, nothing):
    line = "34191090086171395730871444640008400000000008990"
    found = read_invoice(invoice(linha_digitavel=nothing, codigo_barras=barcode_of(line)), lenient=lenient)
    assert found["linha_digitavel"] == line
    found = read_invoice(invoice(linha_digitavel=nothing, codigo_barras=None), lenient=lenient)
    assert found["linha_digitavel"] is None
