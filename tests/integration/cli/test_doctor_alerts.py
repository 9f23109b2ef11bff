"""Whoever is told of a fault runs the doctor: what one look cannot see, it knows from the alerts that go on."""

from __future__ import annotations

import pytest

from disparo.cli.examine.database import examine_database
from disparo.cli.examine.finding import Grade
from disparo.db import accounts, alerts


@pytest.mark.anyio
async def test_alerts_that_go_on_are_findings(connection, dsn):
    for kind, subject in (
        (alerts.RECEIPTS_STOPPED, "alfa"),
        (alerts.DISPATCH_STUCK, ""),
        (alerts.CREDIT_LOW, "alfa"),
        (alerts.PLATFORM_OPEN, "beta"),
    ):
        await alerts.raise_(connection, kind, subject, detail="30/11 14:00")
    await alerts.clear(connection, alerts.CREDIT_LOW, "alfa")
    found = [each for each in await examine_database(dsn) if each.subject == "aviso em aberto"]
    assert [(each.grade, each.text) for each in found] == [
        (Grade.NOTE, "A plataforma alfa parou de confirmar entregas"),
        (Grade.WRONG, "Há mensagens na hora de sair e nenhuma está saindo (desde 30/11 14:00)"),
    ]


@pytest.mark.anyio
async def test_hubsofts_tokens_that_count_as_no_api_client_are_said(connection, dsn):
    client_id = await accounts.add_client(
        connection, name="tokens do HubSoft", secret_sha256=b"x" * 32, settings={}
    )

    async def said():
        found = await examine_database(dsn, local_client=client_id)
        return [each.grade for each in found if each.subject == "hubsoft_local_client"]

    assert await said() == []
    assert await accounts.deactivate_client(connection, client_id)
    assert await said() == [Grade.WRONG]
