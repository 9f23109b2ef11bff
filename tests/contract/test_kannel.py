"""The Kannel preset against Kannel itself: bearerbox, smsbox and the SMSC simulator of Debian's packages."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, urlsplit

from tests.contract.conftest import http
from tests.contract.kannel import FAKE_SMSC, MARKS, build, kannel, message
from tests.support.stage import free_port

from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind
from disparo.platforms.base import WebhookRequest

pytestmark = MARKS
SMSC = """\
smsc = fake
smsc-id = fake
port = {port}
connect-allow-ip = 127.0.0.1
denied-prefix = +5521"""
ANSWERS = """
group = sms-service
keyword = default
max-messages = 0
get-url = "{ours}?de=%p&recebido=%a&id_recebido=%I"
"""


async def heard(peer, platform, wanted):
    """What came of Kannel's calls to us, as soon as it is what is wanted."""
    for _ in range(200):
        found = []
        for request in peer.requests:
            path = request.split(b" ")[1].decode()
            query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
            found.append(platform.parse_webhook(WebhookRequest("GET", {}, query, b"")))
        if wanted(found):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError([request.split(b"\r\n")[0] for request in peer.requests])


async def test_kannel_itself_takes_confirms_and_brings_answers(peer, tmp_path):
    peer.answer = http(200, "OK")
    path = "/webhook/kannel/s%2B%3D%25%20"  # what may stand in one: see `registry`
    ours, fake = f"http://127.0.0.1:{peer.port}{path}", free_port()
    async with kannel(tmp_path, SMSC.format(port=fake), ANSWERS.format(ours=ours)) as (port, start):
        phone = "11988887777 27700 text Sair"
        start(str(FAKE_SMSC), "-H", "127.0.0.1", "-r", str(fake), "-m", "1", phone)

        good = build(port, ours)
        answers = await heard(peer, good, lambda found: any(each.texts for each in found))
        (text,) = [text for each in answers for text in each.texts]
        assert (text.sender, text.text, bool(text.platform_id)) == ("11988887777", "Sair", True)

        (outcome,) = await good.send([message("Ola, a fatura vence amanha")])
        assert outcome.kind is OutcomeKind.ACCEPTED
        told = await heard(
            peer, good, lambda found: {ReceiptKind.SENT, ReceiptKind.DELIVERED} <= levels(found)
        )
        assert {event.reference for each in told for event in each.receipts} == {"ref-1"}

        (unroutable,) = await good.send([message("Ola", e164="+5521988887777")])
        assert (unroutable.kind, unroutable.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.CARRIER)

        bad = build(port, ours, senha="another")
        (refused,) = await bad.send([message("Ola")])
        assert (refused.kind, refused.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.AUTH)
        await good.close()
        await bad.close()
    assert {request.split(b" ")[1].partition(b"?")[0].decode() for request in peer.requests} == {path}


def levels(found):
    return {event.kind for each in found for event in each.receipts}
