"""What the columns of a file say of an invoice's payment, in words, flags, letters, days and amounts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from disparo.sources.column_warnings import warn
from disparo.sources.columns import propose
from disparo.sources.csv_fields import BadField
from disparo.sources.row_readers import invoice_reader

HEADER = ["Fatura", "id_cliente", "valor", "vencimento"]


def read(columns, fields):
    proposal = propose("faturas", [(1, [*HEADER, *columns])])
    assert warn("faturas", proposal) is None
    return invoice_reader(proposal.positions)(["1", "2", "99,90", "10/12/2026", *fields])


@pytest.mark.parametrize(
    "name", ["Pago", "Paga?", "Quitado", "quitada", "Fatura paga", "Baixado", "Pago (R$)"]
)
@pytest.mark.parametrize(
    ("said", "status"), [("Sim", "paid"), ("S", "paid"), ("99,90", "paid"), ("50,00", None)]
)
def test_a_column_says_whether_an_invoice_was_paid(name, said, status):
    assert read([name], [said]).get("status") == status


@pytest.mark.parametrize("said", ["Não", "N", "0"])
def test_not_paid_may_be_cancelled(said):
    row = read(["Pago"], [said])
    assert "status" not in row
    assert row["paid_at"] is None


def test_nothing_is_told():
    assert read(["Pago"], [""]).keys().isdisjoint({"status", "paid_at"})
    assert read(["Pago"], ["99,90"])["paid_amount"] == Decimal("99.90")
    assert read(["Pago", "Valor pago"], ["99,90", "10,00"])["paid_amount"] == Decimal("10.00")


@pytest.mark.parametrize(
    ("columns", "fields", "status"),
    [
        (["Pago", "Status"], ["Não", "cancelada"], "cancelled"),
        (["Pago", "Status"], ["Sim", "paga"], "paid"),
        (["Pago", "Status"], ["Não", "A"], "open"),
        (["Status"], ["R"], "paid"),
        (["Status"], ["c"], "cancelled"),
        (["Pago", "Data pagamento"], ["Sim", "09/12/2026"], "paid"),
    ],
)
def test_beside_other_columns(columns, fields, status):
    assert read(columns, fields)["status"] == status


@pytest.mark.parametrize(
    ("columns", "fields", "said"),
    [
        (["Pago", "Status"], ["Sim", "aberta"], "situacao diz que a fatura está aberta, e quitado"),
        (["Pago", "Status"], ["Não", "paga"], "quitado diz que a fatura não foi paga"),
        (["Pago", "Data pagamento"], ["Não", "09/12/2026"], "quitado diz que a fatura não foi paga"),
        (["Pago", "Valor pago"], ["Não", "99,90"], "quitado diz que a fatura não foi paga"),
        (["Pago"], ["09/12/2026"], "indique-a como pago_em"),
        (["Pago"], ["em dia"], "quitado deve ser sim ou nao"),
    ],
)
def test_what_contradicts_itself_or_says_nothing_is_refused(columns, fields, said):
    with pytest.raises(BadField, match=said):
        read(columns, fields)


def test_a_day_of_payment_is_read_where_a_person_says_so():
    proposal = propose("faturas", [(1, [*HEADER, "Pago"])], {"Pago": "pago_em"})
    row = invoice_reader(proposal.positions)(["1", "2", "99,90", "10/12/2026", "09/12/2026"])
    assert (row["status"], row["paid_at"]) == ("paid", date(2026, 12, 9))
