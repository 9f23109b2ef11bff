"""Alerts: what begins them, and that they end also where the settings leave nothing that would see it end."""

from __future__ import annotations

import asyncio
import time
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from tests.integration.dispatch.test_receipts import handed_over
from tests.support import rows
from tests.support.hands import a_handover
from tests.support.serving import answering_nobody

from disparo.db import alerts, platform_states, signs
from disparo.db.receipts import Told
from disparo.dispatch.alarms import Alarms, tell_all
from disparo.dispatch.receipts import take_one
from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind
from disparo.platforms.base import Balance, Capabilities, Health
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table
from disparo.wording.alert_words import say

pytestmark = pytest.mark.anyio
ZONE = ZoneInfo("America/Sao_Paulo")
ABLE = Capabilities(has_balance=True, has_health=True, receipts=True)
UNABLE = Capabilities()
OF_PLATFORMS = ("credit_gone", "credit_low", "platform_open", "platform_unreachable", "receipts_stopped")


class Platform:
    """One that says nothing when it is asked."""

    name = "p"

    def __init__(self, capabilities):
        self.capabilities = capabilities

    async def balance(self) -> Balance | None:
        return None

    async def health(self) -> Health | None:
        return None


async def begin(connection, *kinds, subject):
    for kind in kinds:
        await alerts.raise_(connection, kind, subject)


async def live(connection):
    return sorted(row["kind"] for row in await alerts.live(connection))


async def test_what_a_platform_is_asked_no_more_is_over(pool, connection):
    await begin(connection, *OF_PLATFORMS, subject="p")
    alarms = Alarms(pool, zone=ZONE)
    await alarms.look({"p": Platform(ABLE)})
    assert await live(connection) == list(OF_PLATFORMS)
    await alarms.look({"p": Platform(UNABLE)})
    assert await live(connection) == ["platform_open"]


async def test_a_source_that_is_no_more_in_the_settings_is_over(pool, connection):
    await begin(connection, "source_down", "sync_failed", subject="hubsoft")
    await Alarms(pool, zone=ZONE, sources=["hubsoft"]).look({})
    assert await live(connection) == ["source_down", "sync_failed"]
    await Alarms(pool, zone=ZONE, sources=[]).look({})
    assert await live(connection) == []


async def test_what_a_worker_with_older_settings_sees_again_is_left_alone(pool, connection, monkeypatch):
    alarms = Alarms(pool, zone=ZONE, sources=[])
    await alarms.look({"p": Platform(UNABLE)})
    began = time.monotonic()
    monkeypatch.setattr("disparo.dispatch.alarms.time.monotonic", lambda: began + 60)
    await begin(connection, "sync_failed", subject="hubsoft")
    await begin(connection, "credit_low", subject="p")
    await begin(connection, "platform_open", subject="removed")
    await alarms.look({"p": Platform(UNABLE)})
    assert await live(connection) == ["credit_low", "platform_open", "sync_failed"]


async def test_a_platform_that_is_removed_is_over_whatever_it_was_asked(pool, connection):
    alarms = Alarms(pool, zone=ZONE)
    await alarms.look({"p": Platform(UNABLE)})
    await begin(connection, "platform_open", subject="p")
    await alarms.look({"p": Platform(UNABLE)})
    assert await live(connection) == ["platform_open"]
    await alarms.look({})
    assert await live(connection) == []


async def told(pool):
    """What people are told of now."""
    said = []

    async def tell(alert):
        said.append(say(alert))
        return True

    await tell_all(pool, tell)
    return said


async def test_people_are_told_in_the_order_of_what_happened(pool, connection):
    names = ("first", "second", "third")
    for name in names:
        await begin(connection, "disk_low", subject=name)
    await alerts.clear(connection, "disk_low", "first")  # its row is written anew, behind the others
    assert [row["subject"] for row in await alerts.take_untold(connection)] == list(names)


@pytest.mark.parametrize("was_told_of_the_first", [True, False])
async def test_the_end_of_what_has_begun_again_is_not_the_last_word_of_it(
    pool, connection, was_told_of_the_first
):
    """Nobody could be told for a while; when somebody could, it fails again, and was said to work."""

    async def tell(alert):
        said.append((alert["detail"], alert["cleared_at"] is not None))
        return can_tell

    said, can_tell = [], was_told_of_the_first
    await alerts.raise_(connection, "disk_low", "p", detail="first")
    await tell_all(pool, tell)
    await alerts.clear(connection, "disk_low", "p")
    can_tell = False
    await tell_all(pool, tell)
    await alerts.raise_(connection, "disk_low", "p", detail="again")
    said, can_tell = [], True
    for _ in range(2):
        await tell_all(pool, tell)
        await connection.execute("UPDATE alerts SET taken_until = NULL")
    assert said == [("again", False)]
    await alerts.clear(connection, "disk_low", "p")
    await tell_all(pool, tell)
    assert said == [("again", False), ("again", True)]


async def test_the_end_of_what_was_told_is_told_also_where_nobody_heard_of_what_came_after(pool, connection):
    """The mail server is away for days: what it was said to fail by came again meanwhile, and is over too."""
    await alerts.raise_(connection, "disk_low", "p", detail="first")
    assert len(await told(pool)) == 1
    await alerts.clear(connection, "disk_low", "p")
    await alerts.raise_(connection, "disk_low", "p", detail="again")
    await alerts.clear(connection, "disk_low", "p")
    await connection.execute("UPDATE alerts SET cleared_at = cleared_at - interval '25 hours'")
    assert len(await told(pool)) == 1
    assert await connection.fetchval("SELECT told_over IS NOT NULL FROM alerts WHERE detail = 'first'")
    assert await told(pool) == []


async def test_people_are_told_in_words(pool, connection):
    await platform_states.open_all(connection, {"p": "credit"})
    await alerts.raise_(connection, "platform_unreachable", "p", detail="http_500")
    await alerts.raise_(connection, "credit_low", "p", detail="12.50")
    assert [text for _, text in await told(pool)] == [
        "A plataforma p está falhando e não é usada por enquanto: a plataforma está sem crédito",
        "A plataforma p não responde como devia: código http_500",
        "O crédito da plataforma p está acabando: 12.50",
    ]
    await platform_states.close_all(connection, ["p"])
    await later(connection)
    assert await told(pool) == [("Disparo: resolvido", "A plataforma p voltou a funcionar")]


async def test_the_words_are_of_what_is_wrong_by_now(pool, connection):
    await platform_states.renew_all(connection, {"p": "failing"})
    assert await platform_states.read(connection) == {}  # it was used again meanwhile
    await platform_states.open_all(connection, {"p": "failing"})
    assert len(await told(pool)) == 1
    await platform_states.renew_all(connection, {"p": "credit"})
    assert (await platform_states.read(connection))["p"]["open_reason"] == "credit"
    assert await connection.fetchval("SELECT detail FROM alerts") == "credit"
    assert await told(pool) == []  # it goes on: people know


async def later(connection, seconds=121):
    """Let so many seconds have gone by since alerts ended."""
    await connection.execute(
        "UPDATE alerts SET cleared_at = cleared_at - make_interval(secs => $1::float8)", seconds
    )


async def test_a_platform_that_fails_every_few_seconds_all_night_wakes_people_once(pool, connection):
    said = []
    for _ in range(20):
        await platform_states.open_all(connection, {"p": "error_rate"})
        said += await told(pool)
        await platform_states.close_all(connection, ["p"])
        await later(connection, 60)
        said += await told(pool)
    assert [title for title, _ in said] == ["Disparo: atenção"]
    assert await live(connection) == []
    await later(connection)
    assert await told(pool) == [("Disparo: resolvido", "A plataforma p voltou a funcionar")]
    await platform_states.open_all(connection, {"p": "credit"})
    assert [title for title, _ in await told(pool)] == ["Disparo: atenção"]


@pytest.mark.parametrize("kind", ["platform_unreachable", "source_down", "sync_failed"])
async def test_what_fails_now_and_then_wakes_people_once(pool, connection, kind):
    said = []
    for _ in range(5):
        await alerts.raise_(connection, kind, "p")
        said += await told(pool)
        await alerts.clear(connection, kind, "p")
        await later(connection, 600)
        said += await told(pool)
    assert [title for title, _ in said] == ["Disparo: atenção"]
    await later(connection, 301)
    assert [title for title, _ in await told(pool)] == ["Disparo: resolvido"]


async def test_workers_of_which_one_does_not_reach_the_platform_wake_people_once(pool, connection):
    unwell, well = Unwell(), Unwell(is_well=True)
    said = []
    for _ in range(3):
        for platform in (unwell, well):
            await Alarms(pool, zone=ZONE).look({"p": platform})
            said += await told(pool)
    assert [text for _, text in said] == ["A plataforma p não responde como devia: código http_401"]
    await later(connection, 901)
    assert [text for _, text in await told(pool)] == ["A plataforma p voltou a responder"]


async def test_what_nobody_looks_at_any_more_is_not_said_to_be_well_again(pool, connection):
    await begin(connection, *OF_PLATFORMS, subject="p")
    assert len(await told(pool)) == len(OF_PLATFORMS)
    await Alarms(pool, zone=ZONE).look({})
    over = await told(pool)
    assert {title for title, _ in over} == {"Disparo: encerrado"}
    assert sorted(text.removeprefix("A configuração mudou; não se observa mais: ") for _, text in over) == [
        "as confirmações da plataforma p",
        "o crédito da plataforma p",
        "o crédito da plataforma p, pelas confirmações",
        "os envios pela plataforma p",
        "se a plataforma p responde",
    ]


async def hear(pool, platform_id, kind, failure=None):
    event = ReceiptEvent(ReceiptKind(kind), platform_id=platform_id, failure=failure)
    await take_one(pool, Told("p", event, f"{platform_id} {kind}"))


async def test_a_platform_that_takes_all_and_says_in_its_receipts_that_the_credit_is_gone(pool, connection):
    first, second, third = [await handed_over(connection, f"id-{number}") for number in (1, 2, 3)]
    assert first < second < third
    alarms = Alarms(pool, zone=ZONE)
    for platform_id, kind, failure, alert in (
        ("id-1", "sent", None, []),
        ("id-2", "undelivered", FailureClass.CREDIT, ["credit_gone"]),
        ("id-1", "delivered", None, ["credit_gone"]),  # of a hand-over before
        ("id-3", "sent", None, []),
    ):
        await hear(pool, platform_id, kind, failure)
        await alarms.look({"p": Platform(ABLE)})
        assert await live(connection) == alert, platform_id


async def test_of_a_delivery_that_contradicts_people_are_told_until_a_day_went_by_without_one(
    pool, connection
):
    first, second = [await handed_over(connection, f"id-{number}") for number in (1, 2)]
    for platform_id in ("id-1", "id-2"):
        await hear(pool, platform_id, "undelivered")
    assert await live(connection) == []
    alarms = Alarms(pool, zone=ZONE)
    await hear(pool, "id-1", "delivered")
    assert await told(pool) == [
        (
            "Disparo: atenção",
            "A plataforma p confirmou a entrega de uma mensagem que já tinha outro fim; vale a entrega. "
            f"No painel: /painel/mensagens/{first}",
        )
    ]
    await connection.execute("UPDATE receipts SET applied_at = now() - interval '25 hours'")
    await hear(pool, "id-2", "delivered")
    await alarms.look({"p": Platform(ABLE)})
    assert [(row["kind"], row["detail"]) for row in await alerts.live(connection)] == [
        ("receipt_contradicts", str(second))
    ]
    assert await told(pool) == []
    await connection.execute("UPDATE receipts SET applied_at = now() - interval '25 hours'")
    await alarms.look({"p": Platform(ABLE)})
    over = "Há um dia a plataforma p não contradiz o fim de nenhuma mensagem"
    assert await told(pool) == [("Disparo: resolvido", over)]


class Unwell(Platform):
    """One that says each time it is asked that it does not know us, or that all `is_well`."""

    def __init__(self, *, is_well=False):
        super().__init__(ABLE)
        self.asked = 0
        self.is_well = is_well

    async def health(self):
        self.asked += 1
        return Health(self.is_well, detail="" if self.is_well else "http_401")


async def test_what_platforms_said_outlives_a_fault_of_the_database(pool, connection):
    alarms, platform = Alarms(pool, zone=ZONE), Unwell()
    await rows.refuse(connection, "alerts", "true")
    with pytest.raises(asyncpg.CheckViolationError):
        await alarms.look({"p": platform})
    await connection.execute("DROP TRIGGER refuse ON alerts")
    await alarms.look({"p": platform})
    assert (await live(connection), platform.asked) == (["platform_unreachable"], 1)


async def test_what_platforms_said_outlives_the_turn_of_another_worker(pool, connection):
    alarms, platform = Alarms(pool, zone=ZONE), Unwell()
    async with connection.transaction():
        assert await signs.try_duty(connection)
        await alarms.look({"p": platform})
    await alarms.look({"p": platform})
    assert (await live(connection), platform.asked) == (["platform_unreachable"], 1)


async def test_an_alert_that_cannot_be_told_keeps_no_other_from_it(pool, connection):
    await begin(connection, "source_down", subject="first")
    await begin(connection, "source_down", subject="second")
    said = []

    async def tell(alert):
        if alert["subject"] == "first":
            raise ValueError("no address")
        said.append(alert["subject"])
        return True

    assert await tell_all(pool, tell) == 1
    assert said == ["second"]


async def test_who_tells_slowly_leaves_to_another_what_is_told_by_that_other(pool, connection):
    """Each way to tell takes a minute to give up, or to do it: of the next alert another worker tells."""
    for name in ("first", "second", "third"):
        await begin(connection, "source_down", subject=name)
    said = []

    async def tell(alert):
        said.append(alert["subject"])
        return True

    async def tell_slowly(alert):
        await connection.execute("UPDATE alerts SET taken_until = taken_until - interval '61 s'")
        if alert["subject"] == "second":
            assert await tell_all(pool, tell) == 1
        return await tell(alert)

    assert await tell_all(pool, tell_slowly) == 2
    assert said == ["first", "third", "second"]


async def test_a_platform_whose_settings_change_while_it_is_asked_is_not_called_unwell(pool, connection):
    """What it was asked over is closed then; it is asked anew at once."""
    async with answering_nobody() as (url, asked), asyncio.timeout(30):
        async with a_handover(pool, connection) as handover:
            alarms, fleet = Alarms(pool, zone=ZONE), handover.fleet
            fleet.use({"p": GenericHttp("p", read_table("p", {"url": url, "health": {"url": url}}))})
            looking = asyncio.create_task(alarms.look(fleet.platforms, is_used=fleet.uses))
            await asked.wait()
            platform = Unwell()
            fleet.use({"p": GenericHttp("p", read_table("p", {"url": url}))})
            await looking
            assert await live(connection) == []
        await alarms.look({"p": platform})
        assert platform.asked == 1


async def test_receipts_that_come_again_to_few_hand_overs_end_what_was_told(pool, connection):
    """With fewer than twenty of them nothing is judged, also not that it is over."""
    await begin(connection, "receipts_stopped", subject="p")
    id_ = await handed_over(connection)
    platforms = {"p": Platform(ABLE)}
    await Alarms(pool, zone=ZONE).look(platforms)
    assert await live(connection) == ["receipts_stopped"]
    event = ReceiptEvent(ReceiptKind.DELIVERED, platform_id="id-1")
    assert await take_one(pool, Told("p", event, "raw"))
    assert await rows.statuses(connection, [id_]) == ["delivered"]
    await Alarms(pool, zone=ZONE).look(platforms)
    assert await live(connection) == []
