"""A customer is on the phone: whatever they say of themselves leads to them, and what is shown of them is so."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from tests.support.rows import add_invoices, add_messages
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def person(house):
    return visitor(house)


def search(person, typed):
    return text(person.get(f"/painel/buscar?q={quote(typed)}"))


def test_who_got_no_sms_is_found_by_phone(house, person):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_100_001))
    house.fetch("UPDATE customers SET phone_2 = '(11) 3333-4444; 11 8810-0009' WHERE id = 8100002")
    for typed in ("11 90810-0002", "+55 11 98810-0009", "(11) 8810-0009", "1133334444"):
        page = search(person, typed)
        assert "CLIENTE 8100002" in page, typed
        assert "Nenhum SMS para este cliente ainda." in page
        assert "Fatura 8100002, R$ 99,90" in page
        assert "CLIENTE 8100001" not in page
    assert "Nada encontrado" in search(person, "11 98810-0008")


def test_whoever_has_a_number_now_is_found_beside_what_went_to_whom_it_was_before(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, 1, first_id=8_103_001, due_in_s=86_400)
    )
    number = house.value("SELECT e164 FROM messages WHERE id = $1", message_id)
    owner = "UPDATE customers SET phone_1 = $2 WHERE id = $1"
    house.fetch(owner, 8_103_001, number)
    page = search(person, number)
    assert ("Telefone" in page, "Cliente 8103001" in page) == (True, False)  # theirs is in the list
    house.run(lambda connection: add_invoices(connection, 1, first_id=8_103_501))
    house.fetch(owner, 8_103_001, "11 98810-3999")
    house.fetch(owner, 8_103_501, number)
    page = search(person, number)
    assert "Telefone" in page
    assert "CLIENTE 8103501 Nenhum SMS para este cliente ainda." in page
    assert "Fatura 8103501, R$ 99,90" in page


def test_whose_contact_a_phone_is_is_found_though_it_never_got_an_sms(house, person):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_105_001))
    house.fetch(
        """INSERT INTO contacts (id, customer_id, name, phone) VALUES
           (8105, 8105001, 'FILHA', '11 98820-0105 / (21) 2222-0105'), (8106, 8105002, 'OUTRA', '21 98820-0105')"""
    )
    for typed in ("11988200105", "(11) 8820-0105", "2122220105"):
        page = search(person, typed)
        assert ("CLIENTE 8105001" in page, "CLIENTE 8105002" in page) == (True, False), typed
    assert "CLIENTE 8105002" in search(person, "21 98820-0105")


def test_an_invoice_without_sms_is_found_and_whose_it_is(house, person):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_110_001))
    house.fetch("UPDATE invoices SET status = 'paid' WHERE id = 8110002")
    house.fetch("UPDATE invoices SET customer_id = 8110001 WHERE id = 8110002")
    page = search(person, "8.110.002")
    assert "Fatura 8110002 · CLIENTE 8110001" in page
    assert "Nenhum SMS para esta fatura ainda." in page
    assert "(paga)" in page
    assert "Nada encontrado" in search(person, "8110003")


def test_more_customers_of_a_name_than_are_shown_are_told(house, person):
    house.run(lambda connection: add_invoices(connection, 11, first_id=8_120_001))
    house.fetch("UPDATE customers SET name = 'ZENAIDE ' || id WHERE id BETWEEN 8120001 AND 8120011")
    page = search(person, "zenaide")
    assert page.count("ZENAIDE") == 10
    assert "Há mais clientes assim: aqui estão só 10." in page
    house.fetch("UPDATE customers SET name = 'OUTRA' WHERE id = 8120011")
    page = search(person, "zenaide")
    assert page.count("ZENAIDE") == 10
    assert "Há mais clientes" not in page


def test_a_whole_name_comes_before_all_the_longer_ones(house, person):
    house.run(lambda connection: add_invoices(connection, 14, first_id=8_125_001))
    house.fetch(
        """UPDATE customers SET name = 'Antônia Kowalczyk 2' || lpad((id % 100)::text, 2, '0')
           WHERE id BETWEEN 8125001 AND 8125014"""
    )
    house.fetch("UPDATE customers SET name = 'ANTÔNIA  KOWALCZYK' WHERE id = 8125002")
    house.fetch("UPDATE customers SET name = 'ANTONIA KOWALCZYK 2', active = false WHERE id = 8125014")
    page = search(person, "antônia kowalczyk 2")
    assert page.count("Cliente 81250") == 10
    assert re.search(r"Cliente \d+", page)[0] == "Cliente 8125014"
    assert "Cliente 8125014" in search(person, "Anto\u0302nia   Kowalczyk 2")


def test_a_customer_is_found_by_the_name_of_a_contact_who_is_said(house, person):
    house.run(lambda connection: add_invoices(connection, 14, first_id=8_127_001))
    house.fetch("UPDATE customers SET name = 'Quitéria ' || id WHERE id BETWEEN 8127003 AND 8127014")
    house.fetch(
        """INSERT INTO contacts (id, customer_id, name, phone) VALUES
           (8127, 8127001, 'Quitéria', '11 98820-0127'), (8128, 8127002, 'Zuleica d''Ávila Brandão', '1133334444')"""
    )
    for typed in ("zuleica brandao", "ávila", "Zuleica d'Ávila Brandão", "zuleica d br"):
        page = search(person, typed)
        assert "Cliente 8127002 · CLIENTE 8127002 (contato: Zuleica d'Ávila Brandão)" in page, typed
        assert page.count("Cliente 8127") == 1
    page = search(person, "quiteria")
    assert "Cliente 8127001 · CLIENTE 8127001 (contato: Quitéria)" in page
    assert page.count("(contato:") == 1
    assert "Há mais clientes assim: aqui estão só 10." in page
    for typed in ("zuleica prado", "_%", "z%a bra"):
        assert "Nada encontrado" in search(person, typed), typed


def test_older_messages_of_a_name_say_of_nobody_that_they_got_none(house, person):
    house.run(lambda connection: add_messages(connection, 22, first_id=8_130_001, due_in_s=86_400))
    house.fetch("UPDATE customers SET name = 'YOLANDA ' || id WHERE id IN (8130001, 8130022)")
    house.fetch("UPDATE invoices SET customer_id = 8130001 WHERE id BETWEEN 8130001 AND 8130021")
    house.fetch("UPDATE messages SET created_at = now() - interval '1 day' WHERE invoice_id < 8130022")
    page = person.get("/painel/buscar?q=yolanda").raw.decode()
    assert "Nenhum SMS" not in page
    older = text(person.get(unescape(re.search(r'<a href="([^"]+)">Ver mais antigas', page)[1])))
    assert "YOLANDA 8130001" in older
    assert "Nenhum SMS" not in older
    assert "YOLANDA 8130022" not in older


def test_words_of_a_name_are_found_whatever_stands_between_them(house, person):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_140_001))
    house.fetch("UPDATE customers SET name = 'NÚBIA DE SOUZA SIMÕES' WHERE id = 8140001")
    house.fetch("UPDATE customers SET name = 'NÚBIA DE SOUZA XAVIER' WHERE id = 8140002")
    for typed in ("nubia simões", " Simões  Núbia", "núbia d simo", "de souza sim", "nú de simoes"):
        page = search(person, typed)
        assert "NÚBIA DE SOUZA SIMÕES" in page, typed
        assert "XAVIER" not in page, typed
    assert "Nada encontrado" in search(person, "núbia prado")
    assert "Nada encontrado" in search(person, "nú %")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("status = 'paid', paid_at = '2026-11-26'", ", paga em 26/11/2026"),
        ("status = 'paid', paid_at = NULL", ", paga "),
        ("status = 'cancelled'", ", cancelada "),
    ],
)
def test_a_message_says_that_its_invoice_is_paid_by_now(house, person, change, said):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=8_150_001, due_in_s=86_400)
    )
    house.fetch(f"UPDATE invoices SET {change} WHERE id = 8150001")
    page = text(person.get(f"/painel/mensagens/{message_id}"))
    assert re.search(rf"R\$ 99,90, vence em [\d/]+{said}", page), page


def test_no_invoice_of_a_customer_is_left_out_unsaid(house, person):
    house.run(lambda connection: add_invoices(connection, 12, first_id=8_160_001))
    house.fetch("UPDATE invoices SET customer_id = 8160001 WHERE id BETWEEN 8160001 AND 8160012")
    page = search(person, "8160001")
    assert "e mais 2 faturas" in page
    for invoice_id in range(8_160_001, 8_160_013):
        assert f"Fatura {invoice_id}, R$ 99,90" in page
    assert "e mais" not in search(person, "8160002")


def test_whose_number_opted_out_is_told_so_wherever_they_are_found(house, person):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_170_001))
    house.run(lambda connection: add_messages(connection, first_id=8_170_002, due_in_s=86_400))
    house.fetch(
        """INSERT INTO opt_outs (e164, reason, actor, created_at) VALUES
           ('+5511908170001', 'asked', 'test', '2026-03-02 15:00Z'),
           ('+5511908170002', 'asked', 'test', '2026-04-02 15:00Z'),
           ('+5511908170009', 'asked', 'test', '2026-05-02 15:00Z')"""
    )
    since = "está descadastrado desde {}: não recebe SMS."
    for phone, day in (("08170001", "02/03/2026"), ("08170002", "02/04/2026"), ("08170009", "02/05/2026")):
        assert f"Este número {since.format(day)}" in search(person, f"11 9{phone}"), phone
    assert "Nada encontrado" in search(person, "11 908170009")
    assert f"O número (11) 90817-0001 {since.format('02/03/2026')}" in search(person, "cliente 8170001")
    of_an_invoice = search(person, "fatura 8170002")
    assert f"O número (11) 90817-0002 {since.format('02/04/2026')}" in of_an_invoice
    assert "descadastrado" not in of_an_invoice.partition("90817-0002 está descadastrado")[2]
    assert "está descadastrado" not in search(person, "8160001")


def test_an_overdue_invoice_is_not_said_to_fall_due(house, person):
    (message_id,) = house.run(
        lambda connection: add_messages(connection, first_id=8_180_001, due_in_s=86_400)
    )
    house.run(lambda connection: add_invoices(connection, first_id=8_180_002))
    house.fetch("UPDATE invoices SET due_date = '2026-01-05' WHERE id BETWEEN 8180001 AND 8180002")
    for page in (search(person, "fatura 8180002"), text(person.get(f"/painel/mensagens/{message_id}"))):
        assert "R$ 99,90, venceu em 05/01/2026" in page
        assert "vence em" not in page


@pytest.mark.parametrize(
    ("phone", "said"),
    [
        ("(11) 3232-1004", "É um telefone fixo: não recebe SMS."),
        ("11 98818-0009", "Recebe SMS se está no cadastro, com permissão, ou se o sistema o indicar."),
    ],
)
def test_of_a_number_that_is_not_opted_out_is_not_said_more_than_is_known(person, phone, said):
    page = text(person.get(f"/painel/descadastros?telefone={quote(phone)}"))
    assert f"Este número não está descadastrado {said}" in page


def test_a_phone_is_found_in_every_way_in_which_people_write_it(house, person):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_700_001, ddd=37))
    house.fetch("UPDATE customers SET phone_1 = '37991237001' WHERE id = 8700001")
    house.fetch("UPDATE customers SET phone_2 = '37991237002' WHERE id = 8700002")
    ways = (
        *(
            "0055 37 99123-7001",
            "0xx37 99123-7001",
            "(0xx37) 99123-7001",
            "0 15 37 99123-7001",
            "01537991237001",
        ),
        *("tel: 37991237001", "tel:+5537991237001", "fone (37) 99123-7001", "WhatsApp 37 99123-7001"),
        *("37 99123-7001 / 37 3333-4444", "37 9123-7001"),
        *("991237001", "99123-7001", "9 9123-7001", "91237001", "9123 7001", "9123\u20117001"),
    )
    for way in ways:
        found = text(person.get(f"/painel/buscar?q={quote(way)}"))
        assert found.count("Cliente 8700001") == 1, way
        assert "Cliente 8700002" not in found, way
    both = text(person.get(f"/painel/buscar?q={quote('37 99123-7001; 37 99123-7002')}"))
    assert ("Cliente 8700001" in both, "Cliente 8700002" in both) == (True, True)
    assert person.post("/painel/descadastros", telefone="tel: (0xx37) 99123-7001").status == 303
    assert "está descadastrado desde" in text(person.get("/painel/buscar?q=tel:%2037991237001"))
    shown = text(person.get("/painel/descadastros?telefone=0055%2037%2099123-7001"))
    assert "(37) 99123-7001" in shown
    house.fetch("DELETE FROM opt_outs WHERE e164 = '+5537991237001'")


def test_what_a_number_is_said_to_be_of_is_what_is_looked_for(house, person):
    """Customer 8190001 and the invoice 8190001 of another one: their numbers have nothing to do with each other."""
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_190_001))
    house.fetch("UPDATE invoices SET customer_id = 8190002 WHERE id = 8190001")
    house.fetch("UPDATE customers SET name = 'DONA IARA', cpf_cnpj = '81900010140' WHERE id = 8190001")
    house.fetch("UPDATE customers SET name = 'SEU BENTO' WHERE id = 8190002")
    for typed in (
        "cliente 8190001",
        "Código do cliente: 8.190.001",
        "CPF 819.000.101-40",
        "cpf/cnpj: 81900010140",
    ):
        page = search(person, typed)
        assert ("DONA IARA" in page, "SEU BENTO" in page) == (True, False), typed
    for typed in ("fatura 8190001", "Fatura: nº 8.190.001", "boleto 8190001,", "título no 8190001"):
        page = search(person, typed)
        assert ("DONA IARA" in page, "SEU BENTO" in page) == (False, True), typed
    page = search(person, "nº 8190001")
    assert ("DONA IARA" in page, "SEU BENTO" in page) == (True, True)


def test_who_types_several_numbers_is_told_what_was_not_looked_for(house, person):
    house.run(lambda connection: add_invoices(connection, 4, first_id=8_180_001))
    phones = [f"119{invoice_id:08d}" for invoice_id in range(8_180_001, 8_180_005)]
    told, alone = "Busquei só os primeiros 3 telefones: busque os outros à parte.", "busque um de cada vez."
    assert told in search(person, ", ".join(phones))
    assert told not in search(person, ", ".join(phones[:3]))
    for typed in ("8180001 8180002", "8180001,8180002", " ".join(phones[:2])):
        assert alone in search(person, typed), typed
    assert alone not in search(person, "819999999")
    refused = person.post("/painel/descadastros", telefone=" / ".join(phones[:2]))
    assert (refused.status, "São vários telefones: informe um de cada vez." in text(refused)) == (422, True)
