"""Fields as people export them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disparo.sources import csv_fields as f
from disparo.sources.moments import read_moment


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234.56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("R$ 99,90", "99.90"),
        ("1.234", "1234"),
        ("1.234.567", "1234567"),
        ("100", "100"),
        ("0,5", "0.5"),
        ("0.500", "0.5"),
        ("1234,", "1234"),
        ("1.234.567,89", "1234567.89"),
    ],
)
def test_amounts(text, amount):
    assert f.read_amount(text, "valor") == Decimal(amount)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "-1",
        "1,234",
        "1.2345,67x",
        "1e5",
        "NaN",
        "9999999999,00",
        "1,,5",
        "1234.56,",
        "1.2.3,4",
        "12.34,56",
    ],
)
def test_amounts_that_are_none(text):
    if text == "1,234":  # three decimals: no money
        with pytest.raises(f.BadField):
            f.read_amount(text, "valor")
        return
    with pytest.raises(f.BadField):
        f.read_amount(text, "valor")


def test_dates():
    assert f.read_date("05/12/2026", "d") == f.read_date("2026-12-05", "d") == date(2026, 12, 5)
    assert f.read_date("2026-12-05T10:00:00", "d") == date(2026, 12, 5)
    for empty in ("", "00/00/0000", "0000-00-00 00:00:00", "-"):
        assert f.read_date(empty, "d") is None
    for wrong in ("31/02/2026", "2026/12/05", "12-05-2026", "05/12/1926", "hoje"):
        with pytest.raises(f.BadField):
            f.read_date(wrong, "d")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2020-01-02", datetime(2020, 1, 2)),
        ("02/01/2020 10:11", datetime(2020, 1, 2, 10, 11)),
        ("2020-01-02T10:11:12.345", datetime(2020, 1, 2, 10, 11, 12)),
        ("2020-01-02T10:11:12-03:00", datetime(2020, 1, 2, 10, 11, 12)),
        ("2020-01-02 10:11:12.5-0400", datetime(2020, 1, 2, 10, 11, 12)),  # of Manaus, on its own clock
        ("2020-01-02T10:11:12Z", datetime(2020, 1, 2, 7, 11, 12)),
        ("2020-01-02 01:11:12 UTC", datetime(2020, 1, 1, 22, 11, 12)),
        ("2020-01-02 10:11:12+00", datetime(2020, 1, 2, 7, 11, 12)),
        ("2020-01-02T00:00:00.000Z", datetime(2020, 1, 2)),  # a day, as JavaScript writes one
        ("2020-01-02T10:11:12+99:00", datetime(2020, 1, 2)),
        ("2020-01-02T25:11:12Z", datetime(2020, 1, 2)),
        ("2020-01-02T10:11:12 de Brasília", datetime(2020, 1, 2)),
    ],
)
def test_a_moment_is_on_the_clock_of_the_wall(text, at):
    assert read_moment(text, "data_cadastro") == at


@pytest.mark.parametrize(
    "text",
    ["30/12/1899", "1899-12-30 00:00:00", "00/01/1900", "01/01/0001", "0001-01-01T00:00:00", "00:00:00"],
)
def test_a_day_that_programs_write_for_none_is_none(text):
    assert f.read_date(text, "data_nascimento", oldest=1900) is None
    assert f.or_absent(read_moment)(text, "data_cadastro") is f.ABSENT
    with pytest.raises(f.BadField):
        f.read_date(text, "vencimento", required=True)


def test_flags_states_and_ids():
    assert f.read_flag("Sim", "x", default=False)
    assert not f.read_flag("NÃO", "x", default=True)
    assert not f.read_flag("na\u0303o", "x", default=True)
    assert f.read_flag("", "x", default=True)
    assert f.read_uf("sp", "uf") == "SP"
    assert f.read_id("11000", "id") == 11000
    for call in (
        lambda: f.read_flag("talvez", "x", default=True),
        lambda: f.read_uf("XX", "uf"),
        lambda: f.read_id("0", "id"),
        lambda: f.read_id("1_0", "id"),
        lambda: f.read_id("1" * 19, "id"),
        lambda: f.read_link("javascript:alert(1)", "link"),
        lambda: f.read_link("https://a b", "link"),
        lambda: f.read_text("a\0b", "nome", longest=9),
        lambda: f.read_linha_digitavel("123", "linha_digitavel"),
        lambda: f.read_status("sei la", "situacao", paid_at=None),
    ):
        with pytest.raises(f.BadField):
            call()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://boleto.br/á", "acentos"),
        ("boleto.br/1", "http"),
        ("https://b.br/" + "1" * 288, "300 caracteres"),
    ],
)
def test_a_link_is_refused_with_what_is_wrong_with_it(text, said):
    assert f.read_link("https://b.br/" + "1" * 287, "link") is not None
    with pytest.raises(f.BadField, match=said):
        f.read_link(text, "link")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("012.345.678-90", "01234567890"),
        ("1234567890", "01234567890"),
        ("2345678000195", "02345678000195"),
        ("CPF: 012.345.678-90", "01234567890"),
        ("12.abc.345/01DE-35", "12ABC34501DE35"),
        ("12345678901.0", "12345678901"),
        ("123456789.00", "12345678900"),  # a CPF with its last punctuation alone
        ("isento", None),
        ("", None),
    ],
)
def test_documents(text, stored):
    assert f.read_cpf_cnpj(text, "cpf_cnpj") == stored


@pytest.mark.parametrize("text", ["1,23457E+13", "1,23456789E+13", "12.ABC.345/01DE-36", "1" * 15])
def test_a_document_that_was_cut_is_not_taken_for_another(text):
    with pytest.raises(f.BadField):
        f.read_cpf_cnpj(text, "cpf_cnpj")


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("1198887777.0", "1198887777"),  # read with its 0 it was a stranger's number, of eleven digits
        ("551198887777,0", "551198887777"),
        ("(11) 98888-7777 / 1133334444", "(11) 98888-7777 / 1133334444"),
        ("\u202a+55 11 98888\u20117777\u202c", "+55 11 98888-7777"),
        ("11.98888.7777", "11.98888.7777"),
        ("11988887777\n\n 1133334444", "11988887777; 1133334444"),
        ("", None),
    ],
)
def test_phones_as_programs_write_them(text, stored):
    assert f.read_phones(text, "telefone_1", longest=60) == stored


@pytest.mark.parametrize("text", ["5,51199E+12", "5.51199E+12", "1,2E10", "5,5e+12"])
def test_a_phone_that_was_cut_is_told_and_does_not_take_the_place_of_a_whole_one(text):
    with pytest.raises(f.BadField, match="telefone_1 foi cortado pela planilha"):
        f.read_phones(text, "telefone_1", longest=60)


def test_a_day_of_payment_means_paid():
    assert f.read_status("", "s", paid_at=date(2026, 1, 1)) == "paid"
    assert f.read_status("Vencida", "s", paid_at=None) == "open"


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Pendente", "open"),
        ("A vencer", "open"),
        ("Liquidada", "paid"),
        ("RENEGOCIADA", "cancelled"),
        ("Aguardando pagamento", "open"),
        ("Não paga", "open"),
        ("Recebida em dinheiro", "paid"),
    ],
)
def test_states_in_other_programs_words(word, status):
    assert f.read_status(word, "situacao", paid_at=None) == status


@given(st.text(max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(text):
    for read in (f.read_amount, f.read_date, f.read_uf, f.read_link, f.read_id, f.read_linha_digitavel):
        try:
            read(text, "x")
        except f.BadField:
            continue


@pytest.mark.parametrize("short", ["05/12/26", "5-12-26", "05/12/26 10:00"])
def test_the_century_of_a_short_year_is_not_guessed(short):
    with pytest.raises(f.BadField, match="com o ano de quatro dígitos"):
        f.read_date(short, "vencimento")
