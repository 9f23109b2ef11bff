"""What only a process itself sees is said by whoever sees it, and over when nobody says it any more."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from disparo.db import alerts
from disparo.dispatch import own_signs
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.own_signs import Sign
from disparo.wording.alert_words import say

pytestmark = pytest.mark.anyio
ZONE = ZoneInfo("America/Sao_Paulo")
WRONG = Sign(alerts.SETTINGS_REFUSED, "web1", "tries")


@pytest.fixture
def look(pool, monkeypatch):
    """Let so many looks of the alarms go by, three seconds each; `says` says it between them."""
    now = [1000.0]
    monkeypatch.setattr("disparo.dispatch.alarms.time.monotonic", lambda: now[0])
    alarms = Alarms(pool, zone=ZONE)

    async def go_by(looks, *signs):
        for _ in range(looks):
            await own_signs.say(pool, signs)
            now[0] += 3
            await alarms.look({})

    return go_by


async def test_where_nobody_knows_the_place_none_is_told(look, connection):
    await look(1, Sign(alerts.SETTINGS_REFUSED, "web1", ""))
    (row,) = await alerts.take_untold(connection)
    assert say(row)[1].endswith("; a anterior continua. O motivo: disparo doctor")


async def test_it_is_over_when_nobody_says_it_any_more_and_not_while_one_still_does(look, connection):
    await look(30, WRONG)
    (row,) = await alerts.take_untold(connection)
    assert say(row) == (
        "Disparo: atenção",
        "A configuração mudada na máquina web1 está errada e não vale; a anterior continua. "
        "Onde: tries. O motivo: disparo doctor",
    )
    await alerts.mark_told(connection, row["id"], begun=True, over=False)
    await look(10)
    await look(1, WRONG)  # another process of the machine
    await look(14)
    assert await alerts.take_untold(connection) == []
    await look(3)
    (row,) = await alerts.take_untold(connection)
    assert say(row) == ("Disparo: resolvido", "Na máquina web1 a configuração não é mais recusada")
    assert await alerts.live(connection) == []
