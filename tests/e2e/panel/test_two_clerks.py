"""Two clerks who look at the same simulation: the second is told of what the first sent meanwhile."""

from __future__ import annotations

import asyncio
import re
from datetime import date, datetime
from functools import partial
from uuid import uuid4

import pytest
from tests.support.locks import until_somebody_waits
from tests.support.rows import add_invoices
from tests.support.visitor import text, visitor

from disparo.auth.tokens import digest
from disparo.db import overlaps

#: Not by whom: it may be themselves, in another tab.
_SAID = "Nada foi feito: desde a sua simulação outro disparo com faturas desta lista foi criado."


_ON_THE_FIFTH = {"de": "2035-03-05", "ate": "2035-03-05"}


@pytest.fixture(scope="module")
def clerks(house):
    return visitor(house), visitor(house)


def simulate(person, **chosen):
    """Give the form under a simulation, as its button would send it."""
    page = person.post("/painel/disparos/novo", **chosen).raw.decode()
    assert "200.000 telefones" not in page
    (form,) = re.findall(r'action="/painel/disparos">(.*?)</form>', page, re.DOTALL)
    return dict(re.findall(r'name="((?!csrf)\w+)" value="([^"]*)"', form.partition("<button")[0]))


def send(person, form, **more):
    return person.post("/painel/disparos", **form, **more)


def messages_of(house, first, last):
    return house.value("SELECT count(*) FROM messages WHERE invoice_id BETWEEN $1 AND $2", first, last)


def test_one_invoice_is_sent_once(house, clerks):
    house.run(lambda connection: add_invoices(connection, 1, first_id=8_400_001))
    ana, rui = clerks
    hers, his = simulate(ana, faturas="8400001"), simulate(rui, faturas="8400001")
    assert send(ana, hers).status == 303
    refused = send(rui, his)
    assert (refused.status, _SAID in text(refused)) == (422, True)
    assert messages_of(house, 8_400_001, 8_400_001) == 1
    assert send(ana, hers).status == 303  # a double click finds what it stored
    assert messages_of(house, 8_400_001, 8_400_001) == 1
    assert send(rui, simulate(rui, faturas="8400001")).status == 303  # who was told may mean it
    assert messages_of(house, 8_400_001, 8_400_001) == 2


@pytest.mark.parametrize(
    ("hers", "his", "is_told"),
    [
        ({"faturas": "8410001 8410002"}, {"faturas": "8410002 8410003"}, True),
        ({"faturas": "8420001 8420002"}, {"faturas": "8420003 8420004"}, False),
        ({"de": "2033-03-01", "ate": "2033-03-05"}, {"de": "2033-03-05"}, True),
        ({"de": "2034-03-01", "ate": "2034-03-05"}, {"de": "2034-03-06", "ate": "2034-03-07"}, False),
        ({"faturas": "8430001 8430002"}, {"faturas": "8430001"}, True),
        (_ON_THE_FIFTH, {"faturas": "8460001 8460002"}, True),
        (_ON_THE_FIFTH, {"faturas": "8460001"}, True),
        ({"faturas": "8460001 8460002"}, _ON_THE_FIFTH, True),
        (_ON_THE_FIFTH, {"faturas": "8460002 8460003"}, False),
        ({"faturas": "8460002 8460003"}, _ON_THE_FIFTH, False),
        # Single calls come all the time: a long list could never be sent.
        ({"faturas": "8440001"}, {"faturas": "8440001 8440002"}, False),
    ],
)
def test_lists_that_have_something_in_common_are_told(house, clerks, hers, his, is_told):
    for first in (8_410_001, 8_420_001, 8_430_001, 8_440_001, 8_460_001):
        house.run(lambda connection, first=first: add_invoices(connection, 4, first_id=first))
    for day, invoice_id in {
        "2033-03-05": 8_410_004,
        "2034-03-04": 8_420_001,
        "2034-03-06": 8_420_003,
        "2035-03-05": 8_460_001,
    }.items():
        house.fetch(f"UPDATE invoices SET due_date = '{day}' WHERE id = $1", invoice_id)
    ana, rui = clerks
    first, second = simulate(ana, **hers), simulate(rui, **his)
    assert send(ana, first).status == 303
    answer = send(rui, second)
    assert (_SAID in text(answer)) is is_told
    assert answer.status == (422 if is_told else 303)


async def behind_a_slice(steps, connection):
    """Have clerks wait, one behind the other, for a slice to the others; gives what each got, and when it ended."""
    begun = []
    async with connection.transaction():
        await overlaps.look_at_others(connection)
        for step in steps:
            begun.append(asyncio.create_task(asyncio.to_thread(step)))
            await until_somebody_waits(connection, count=len(begun))
        let_go_at = await connection.fetchval("SELECT clock_timestamp()")
    return await asyncio.gather(*begun), let_go_at


def test_who_simulates_while_a_colleagues_dispatch_is_just_being_stored_is_told_of_it(house, clerks):
    """It bore the time before the simulation, which could not see it yet: both went."""
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_500_001))
    (ana, rui), chosen = clerks, {"faturas": "8500001 8500002"}
    hers = simulate(ana, **chosen)

    steps = [partial(send, ana, hers), partial(simulate, rui, **chosen)]
    (sent, his), let_go_at = house.run(partial(behind_a_slice, steps))
    assert (sent.status, datetime.fromisoformat(his["simulado_em"]) > let_go_at) == (303, True)


def test_so_is_who_simulates_just_before_it_is_stored(house, clerks):
    """Both wait, the one who stores for the one who looks: its transaction had begun before."""
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_600_001))
    (ana, rui), chosen = clerks, {"faturas": "8600001 8600002"}
    hers = simulate(ana, **chosen)

    steps = [partial(simulate, rui, **chosen), partial(send, ana, hers)]
    (his, sent), _ = house.run(partial(behind_a_slice, steps))
    stored_at = house.value("SELECT max(created_at) FROM dispatches")
    assert (sent.status, stored_at > datetime.fromisoformat(his["simulado_em"])) == (303, True)
    assert send(rui, his).status == 422


def due_on(house, day, first, count):
    house.run(lambda connection: add_invoices(connection, count, first_id=first))
    house.fetch("UPDATE invoices SET due_date = $1 WHERE id BETWEEN $2 AND $3", day, first, first + count - 1)


@pytest.mark.parametrize("more", [{}, {"a_quem": "outros"}])
def test_a_period_into_which_a_colleague_imported_meanwhile_is_not_sent_unseen(house, clerks, more):
    day, first = date(2035, 4, 5 + len(more)), 8_480_001 + 1000 * len(more)
    due_on(house, day, first, 200)
    form = simulate(clerks[0], de=day.isoformat(), ate=day.isoformat())
    due_on(house, day, first + 200, 100)
    refused = send(clerks[0], form, **more)
    said = "Nada foi feito: desde a sua simulação 100 faturas entraram nesta lista. Simule de novo."
    assert (refused.status, said in text(refused)) == (422, True)
    runs = "SELECT count(*) FROM bulk_runs WHERE due_from = $1"
    assert house.value(runs, day) == 0
    again = simulate(clerks[0], de=day.isoformat(), ate=day.isoformat())
    due_on(house, day, first + 300, 3)  # as a source brings them all day
    assert send(clerks[0], again, **more).status == 303
    due_on(house, day, first + 400, 100)
    assert send(clerks[0], again, **more).status == 303  # a double click
    assert house.value(runs, day) == 1


@pytest.mark.parametrize("more", [{}, {"a_quem": "outros"}])
@pytest.mark.parametrize("count", [1, 2])
def test_a_text_that_a_colleague_wrote_meanwhile_is_not_sent_unseen(house, clerks, count, more):
    first = 8_490_001 + 10 * count + 100 * len(more)
    ids = house.run(lambda connection: add_invoices(connection, count, first_id=first))
    invoices = " ".join(map(str, ids))
    form = simulate(clerks[0], faturas=invoices)
    clerks[1].post("/painel/modelo", modelo="OUTRO TEXTO {valor} {vencimento} {link}", acao="salvar")
    refused = send(clerks[0], form, **more)
    said = "Nada foi feito: desde a sua simulação o modelo do SMS foi mudado."
    assert (refused.status, said in text(refused)) == (422, True)
    assert messages_of(house, ids[0], ids[-1]) == 0
    assert send(clerks[0], simulate(clerks[0], faturas=invoices), **more).status == 303


def test_who_sends_to_the_others_alone_needs_no_telling(house, clerks):
    house.run(lambda connection: add_invoices(connection, 2, first_id=8_450_001))
    ana, rui = clerks
    listed = "8450001 8450002"
    second = simulate(rui, faturas=listed)
    assert send(ana, simulate(ana, faturas=listed)).status == 303
    assert send(rui, second, a_quem="outros").status == 303


@pytest.mark.parametrize(
    "moment", ["ontem", "2026-11-29T05:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"]
)
def test_a_form_without_a_moment_that_can_be_read_is_not_taken_for_one(clerks, moment):
    ana, _ = clerks
    form = {"faturas": "8450001", "disparo": str(uuid4()), "simulado_em": moment}
    assert "Simule de novo antes de enviar." in text(send(ana, form))


def seen(person):
    (number,) = re.findall(r'name="visto".* value="(\d+)"', person.get("/painel/modelo").raw.decode())
    return number


@pytest.fixture
def _own_template(house):
    yield
    house.fetch("DELETE FROM templates")


@pytest.mark.usefixtures("_own_template")
def test_whose_template_was_overtaken_is_told_and_loses_nothing(house, clerks):
    ana, rui = clerks
    hers, his = ("{marca}: Ana {valor} {vencimento}", "{marca}: Rui {valor} {vencimento}")
    both_saw = seen(ana)
    assert ana.post("/painel/modelo", modelo=hers, visto=both_saw).status == 303
    for act in ("", "padrao"):
        told = rui.post("/painel/modelo", modelo=his, visto=both_saw, acao=act)
        assert told.status == 409
        # Of other tests there are more who are called Ana: then her e-mail is beside it.
        assert re.search(r"Nada foi salvo: Ana( \(\S+@example.com\))? mudou o modelo em", text(told))
        assert hers in text(told).partition("O que você escreveu está abaixo")[0]
        assert f">{his}</textarea>" in told.raw.decode()
    assert house.value("SELECT text FROM templates ORDER BY id DESC LIMIT 1") == hers
    (now_seen,) = re.findall(r'name="visto".* value="(\d+)"', told.raw.decode())
    assert rui.post("/painel/modelo", modelo=his, visto=now_seen).status == 303  # who was told may mean it
    assert house.value("SELECT text FROM templates ORDER BY id DESC LIMIT 1") == his


@pytest.mark.usefixtures("_own_template")
def test_a_template_that_is_put_right_overtakes_nobody_either(house, clerks):
    ana, rui = clerks
    hers, both_saw = "{marca}: Ana {valor} {vencimento}", seen(ana)
    assert ana.post("/painel/modelo", modelo=hers, visto=both_saw).status == 303
    told = rui.post("/painel/modelo", modelo="{marca}: Rui {valor} {vencimento", visto=both_saw)
    (still_seen,) = re.findall(r'name="visto".* value="(\d+)"', told.raw.decode())
    again = rui.post("/painel/modelo", modelo="{marca}: Rui {valor} {vencimento}", visto=still_seen)
    assert (told.status, again.status) == (422, 409)
    assert house.value("SELECT text FROM templates ORDER BY id DESC LIMIT 1") == hers


@pytest.mark.usefixtures("_own_template")
def test_a_template_that_cannot_be_used_is_still_there_to_be_put_right(clerks):
    told = clerks[0].post("/painel/modelo", modelo="Pague {valor} ate {vencimento", visto=seen(clerks[0]))
    assert told.status == 422
    assert "Nada foi salvo: o modelo anterior continua valendo." in text(told)
    assert ">Pague {valor} ate {vencimento</textarea>" in told.raw.decode()


def user_id(house, person):
    return house.value(
        "SELECT user_id FROM panel_sessions WHERE token_sha256 = $1", digest(person.cookies["painel"])
    )


@pytest.mark.parametrize(
    ("act", "form"), [("desativar", {}), ("permissoes", {"permissao": "send", "visto": "admin"})]
)
def test_two_who_take_the_administration_from_each_other_do_not_leave_nobody(house, act, form):
    pair = visitor(house, ("admin",)), visitor(house, ("admin",))
    ids = [user_id(house, each) for each in pair]

    async def send_both(connection):
        """Each form passes the door before either is done: both wait for somebody's row."""
        async with connection.transaction():
            await connection.execute("SELECT FROM users WHERE id = ANY ($1) FOR UPDATE", ids)
            forms = [
                asyncio.create_task(asyncio.to_thread(each.post, f"/painel/usuarios/{other}/{act}", **form))
                for each, other in zip(pair, reversed(ids), strict=True)
            ]
            await until_somebody_waits(connection, count=2)
        return sorted([(await each).status for each in forms])

    assert house.run(send_both) == [303, 403]
    administers = "SELECT count(*) FROM users WHERE id = ANY ($1) AND active AND 'admin' = ANY (permissions)"
    assert house.value(administers, ids) == 1


def test_whose_permissions_were_changed_meanwhile_are_not_overwritten(house, clerks):
    ana, rui = clerks
    whose = user_id(house, visitor(house, ("send", "cancel")))
    address = f"/painel/usuarios/{whose}/permissoes"
    seen_there = re.compile(rf'{address}">.*name="visto"[^>]* value="([^"]*)"')
    (both_saw,) = seen_there.findall(ana.get("/painel/usuarios").raw.decode())
    assert ana.post(address, visto=both_saw).status == 303
    told = rui.post(address, visto=both_saw, permissao=["send", "cancel", "send_bulk"])
    assert (told.status, "Nada foi salvo" in text(told), "Agora pode: nada." in text(told)) == (
        409,
        True,
        True,
    )
    assert house.value("SELECT permissions FROM users WHERE id = $1", whose) == []
    (now_seen,) = seen_there.findall(told.raw.decode())
    ticked = re.findall(rf'id="u{whose}-(\w+)"[^>]* checked', told.raw.decode())
    assert ticked == ["send", "send_bulk", "cancel"]
    assert rui.post(address, visto=now_seen, permissao=["send"]).status == 303  # who was told may mean it
    assert house.value("SELECT permissions FROM users WHERE id = $1", whose) == ["send"]
