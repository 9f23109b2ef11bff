"""What a caller reads of an invoice that is paid already."""

from __future__ import annotations

from datetime import date

import pytest

from disparo.api.hubsoft.mapping import refusal_of
from disparo.dispatch.calls import Reason, Refused


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 11, 5), "com data de pagamento em 05/11/2026"),
        (None, "(data de pagamento não informada)"),
    ],
)
def test_the_day_of_payment_is_said_where_it_is_known(day, said):
    refusal = refusal_of(Refused(Reason.INVOICE_PAID, 7, paid_at=day))
    assert refusal.msg == f"A fatura de ID 7 já encontra-se quitada {said}"
