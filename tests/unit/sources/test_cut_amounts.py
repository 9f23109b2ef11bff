"""Commas between fields and in amounts: a line that can be read in two ways is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from disparo.sources.columns import propose
from disparo.sources.csv_fields import BadField
from disparo.sources.cut_amounts import CutAmounts
from disparo.sources.row_readers import check_width, invoice_reader

IDS = "id_fatura,id_cliente"


def read(header, line):
    headers, values = header.split(","), line.split(",")
    proposal = propose("faturas", [(1, headers)])
    reader = invoice_reader(proposal.positions)
    check_width(values, len(headers), ",")
    row = reader(values)
    CutAmounts(proposal, reader).check(values, row)
    return row


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ("vencimento,valor,", "10/12/2026,99,90,"),
        ("vencimento,valor,obs", "10/12/2026,99,90,"),
        ("vencimento,valor,valor_pago,obs", "10/12/2026,99,90,,"),
        ("valor,vencimento", "99.90,10/12/2026,"),
    ],
)
def test_among_commas_a_field_too_many_is_a_fault_though_it_is_empty(columns, fields):
    with pytest.raises(BadField, match=r'há mais campos que colunas: ponha entre aspas .* "99,90", ou use ;'):
        read(f"{IDS},{columns}", f"1,2,{fields}")


def test_among_other_signs_an_empty_field_too_many_is_none():
    check_width(["1", "2", ""], 2, ";")
    with pytest.raises(BadField, match=r"colunas$"):
        check_width(["1", "2", "x"], 2, ";")


@pytest.mark.parametrize(
    ("columns", "fields", "name"),
    [
        ("vencimento,valor,obs", "10/12/2026,99,90", "valor"),
        ("vencimento,valor,", "10/12/2026,99,90", "valor"),
        ("vencimento,valor,obs", "10/12/2026,R$ 1.234,90", "valor"),
        ("vencimento,valor,valor_pago,obs", "10/12/2026,99,90,", "valor"),
        ("vencimento,valor,valor_pago", "10/12/2026,99,99", "valor"),  # no word says that it is paid
        ("valor,vencimento,valor_pago,obs", "99.90,10/12/2026,50,25", "valor_pago"),
        ("vencimento,valor,parcela", "10/12/2026,99,90", "valor"),  # nobody has ninety instalments
        ("vencimento,valor,parcela,linha,motivo", "10/12/2026,99,05,3,x", "valor"),  # our own refused lines
        ("vencimento,valor,obs,link", "10/12/2026,99,90,", "valor"),
    ],
)
def test_two_digits_behind_a_whole_amount_may_be_its_cents(columns, fields, name):
    with pytest.raises(BadField, match=f"{name} pode ter perdido os centavos"):
        read(f"{IDS},{columns}", f"1,2,{fields}")


@pytest.mark.parametrize(
    ("columns", "fields", "amount"),
    [
        ("valor,vencimento", "100,10/12/2026", "100"),
        ("valor,parcela,vencimento", "100,01,10/12/2026", "100"),  # cut, it would have no due date
        ("vencimento,valor,parcela", "10/12/2026,100,01", "100"),
        ("vencimento,valor,Nº da parcela,obs", "10/12/2026,100,12,", "100"),
        ("vencimento,valor,velocidade,situacao", "10/12/2026,100,50,aberta", "100"),
        ("vencimento,valor,velocidade,link", "10/12/2026,100,50,https://f.example/1", "100"),
        ("vencimento,valor,valor_pago,situacao", "10/12/2026,100,90,paga", "100"),
        ("situacao,vencimento,valor,valor_pago", "paga,10/12/2026,80,80", "80"),
        ("pago_em,vencimento,valor,valor_pago", "09/12/2026,10/12/2026,80,80", "80"),
        ("vencimento,valor,obs", "10/12/2026,99.90,10", "99.90"),
        ("vencimento,valor,obs", "10/12/2026,100,123", "100"),
        ("vencimento,valor,obs", "10/12/2026,100,", "100"),
        ("vencimento,valor", "10/12/2026,100", "100"),
    ],
)
def test_what_can_be_read_in_one_way_only_is_read(columns, fields, amount):
    assert read(f"{IDS},{columns}", f"1,2,{fields}")["amount"] == Decimal(amount)


def test_an_id_behind_the_amount_is_one_where_the_line_would_lack_it():
    assert read("id_fatura,vencimento,valor,id_cliente", "1,10/12/2026,100,12")["customer_id"] == 12
    with pytest.raises(BadField, match="perdido os centavos"):  # customer 90, or 2?
        read("vencimento,valor,id_cliente,id_fatura,obs", "10/12/2026,99,90,2,1")
