"""What only a process itself sees is said by whoever sees it, and over when nobody says it any more."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from tests.support.certificates import make_pair

from disparo.api.certificate import read_served
from disparo.db import alerts
from disparo.dispatch import own_signs
from disparo.dispatch.alarms import Alarms
from disparo.dispatch.own_signs import Sign
from disparo.panel.alert_words import say

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


@pytest.mark.parametrize(("days", "is_said"), [(13.9, True), (14.1, False), (-1, True)])
async def test_a_certificate_is_spoken_of_two_weeks_before_its_end(tmp_path, days, is_said):
    certificate, _ = make_pair(tmp_path, "sms.provedor.com.br", days=days)
    signs = read_served(certificate).signs(ZONE)
    assert bool(signs) is is_said
    assert [(sign.kind, sign.subject) for sign in signs] == [
        (alerts.CERTIFICATE_ENDS, "sms.provedor.com.br")
    ] * is_said


async def test_a_certificate_that_was_renewed_and_not_loaded_is_still_the_old_one(tmp_path):
    certificate, _ = make_pair(tmp_path, "sms.provedor.com.br", days=10)
    served = read_served(certificate)
    assert "basta reiniciar" not in served.signs(ZONE)[0].detail
    make_pair(tmp_path, "sms.provedor.com.br", days=90)
    assert "já com outro: basta reiniciar o Disparo" in served.signs(ZONE)[0].detail
    certificate.write_text("pela metade")
    assert "basta reiniciar" not in served.signs(ZONE)[0].detail


def test_what_cannot_be_understood_is_served_with_all_the_same(tmp_path):
    (tmp_path / "tls.crt").write_text("nada")
    assert read_served(tmp_path / "tls.crt") is None
