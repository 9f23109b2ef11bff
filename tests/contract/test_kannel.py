"""The Kannel preset against Kannel itself: bearerbox, smsbox and the SMSC simulator of Debian's packages."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.contract.conftest import http
from tests.support.stage import free_port

from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind
from disparo.platforms.base import Outgoing, WebhookRequest, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

FAKE_SMSC = Path("/usr/lib/kannel/test/fakesmsc")
HERE = all(map(shutil.which, ("bearerbox", "smsbox"))) and FAKE_SMSC.exists()
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not HERE, reason="no kannel, kannel-extras here: NOT tried against Kannel itself"),
]
CONFIG = """\
group = core
admin-port = {admin}
admin-password = x
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-level = 4

group = smsc
smsc = fake
smsc-id = fake
port = {smsc}
connect-allow-ip = 127.0.0.1
denied-prefix = +5521

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
mo-recode = true
log-level = 4

group = sendsms-user
username = isp
password = s3cret

group = sms-service
keyword = default
max-messages = 0
get-url = "{ours}?de=%p&recebido=%a&id_recebido=%I"
"""


async def listens(port):
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError(f"nobody listens on {port}")


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


def started(stack, log, *command):
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(log.name).parent)
    stack.callback(process.wait)
    stack.callback(process.kill)


async def test_kannel_itself_takes_confirms_and_brings_answers(peer, tmp_path):
    peer.answer = http(200, "OK")
    ports = {name: free_port() for name in ("admin", "boxes", "smsc", "sendsms")}
    path = "/webhook/kannel/s%2B%3D%25%20"  # what may stand in one: see `registry`
    ours = f"http://127.0.0.1:{peer.port}{path}"
    (tmp_path / "kannel.conf").write_text(CONFIG.format(**ports, ours=ours))
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("wb"))
        started(stack, log, "bearerbox", "kannel.conf")
        await listens(ports["boxes"])
        started(stack, log, "smsbox", "kannel.conf")
        await listens(ports["sendsms"])
        phone = "11988887777 27700 text Sair"
        started(stack, log, str(FAKE_SMSC), "-H", "127.0.0.1", "-r", str(ports["smsc"]), "-m", "1", phone)

        good = build(ports, ours)
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

        bad = build(ports, ours, senha="another")
        (refused,) = await bad.send([message("Ola")])
        assert (refused.kind, refused.failure) == (OutcomeKind.NOT_TAKEN, FailureClass.AUTH)
        await good.close()
        await bad.close()
    assert {request.split(b" ")[1].partition(b"?")[0].decode() for request in peer.requests} == {path}


def build(ports, ours, senha="s3cret", **changes):
    table = {
        "type": "kannel",
        "url": f"http://127.0.0.1:{ports['sendsms']}/cgi-bin/sendsms",
        "secrets": {"usuario": "isp", "senha": senha},
        "values": {"remetente": "27700"},
        **changes,
    }
    return GenericHttp("kannel", read_table("kannel", table), receipt_url=ours)


def message(text, e164="+5511988887777"):
    return Outgoing(reference="ref-1", e164=e164, text=text, deadline_s=boottime_s() + 30)


def levels(found):
    return {event.kind for each in found for event in each.receipts}
