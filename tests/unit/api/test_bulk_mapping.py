"""What a body of disparo/lote means, and what an Idempotency-Key takes for the same one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from disparo.api.errors import Refusal
from disparo.api.hubsoft.bulk_mapping import not_possible, read_bulk
from disparo.dispatch.bulk_control import NotPossible

TODAY = date(2026, 11, 24)


def test_the_same_body_is_the_same_request_after_midnight():
    body = {"status": "vencido", "vencimento_inicio": "2026-11-01"}
    today, tomorrow = (read_bulk(body, today=TODAY + timedelta(days=days)) for days in (0, 1))
    assert today.selection != tomorrow.selection
    assert today.digest == tomorrow.digest


def test_other_words_are_another_request():
    bodies = [
        {"status": "vencido"},
        {"status": "aguardando"},
        {"status": "vencido", "simular": "sim"},
        {"vencimento_fim": "2026-11-23"},
        {"vencimento_inicio": "2026-11-23"},
        {"ids_fatura": [1, 2]},
        {"ids_fatura": [1]},
    ]
    assert len({read_bulk(body, today=TODAY).digest for body in bodies}) == len(bodies)


def test_what_a_state_does_not_allow_is_said_in_portuguese():
    assert not_possible(NotPossible("done")).msg == "Não é possível: o disparo está concluído"


@pytest.mark.parametrize(
    "name",
    ["dataInicio", "Data_Fim", "data", "dt_inicio", "venc_inicio", "vencimentoInicio", "VENCIMENTO_FIM"],
)
def test_days_by_any_writing_of_another_name_are_refused_where_there_are_none_of_ours(name):
    with pytest.raises(Refusal, match=f"[(]{name}[)] não vale em disparo/lote: informe os vencimentos"):
        read_bulk({"status": "vencido", name: "2026-11-01"}, today=TODAY)


@pytest.mark.parametrize("name", ["idCliente", "IdsFatura", "clientes", "cpf-cnpj", "id_fatura"])
def test_what_chooses_customers_or_invoices_elsewhere_is_refused_by_any_writing(name):
    with pytest.raises(Refusal, match=f"[(]{name}[)] não vale em disparo/lote: informe [(]ids_fatura"):
        read_bulk({"status": "vencido", name: "12"}, today=TODAY)


def test_what_says_nothing_of_days_or_customers_is_ignored():
    wanted = read_bulk({"status": "vencido"}, today=TODAY)
    more = {"ids_fatura": None, "dataInicio": None, "idCliente": "", "usuario": "erp", "_": "1"}
    assert read_bulk({"status": "vencido", **more}, today=TODAY) == wanted
