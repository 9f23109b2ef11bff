"""Kannel itself, of Debian's packages: bearerbox and smsbox, and our preset that leads to them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.support.stage import free_port

from disparo.platforms.base import Outgoing, boottime_s
from disparo.platforms.generic_http import GenericHttp
from disparo.platforms.registry import read_table

FAKE_SMSC = Path("/usr/lib/kannel/test/fakesmsc")
MARKS = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        not (all(map(shutil.which, ("bearerbox", "smsbox"))) and FAKE_SMSC.exists()),
        reason="no kannel, kannel-extras here: NOT tried against Kannel itself",
    ),
]
_CONFIG = """\
group = core
admin-port = {admin}
admin-password = x
smsbox-port = {boxes}
box-allow-ip = "127.0.0.1"
dlr-storage = internal
log-level = 4

group = smsc
{smsc}

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
mo-recode = true
log-level = 4

group = sendsms-user
username = isp
password = s3cret
{more}
"""


@asynccontextmanager
async def kannel(folder, smsc, more=""):
    """Run both programs; gives the port of sendsms, and what starts a program beside them.

    `smsc` is the group of the SMSC; `more` goes on in that of the sendsms-user.
    """
    ports = {name: free_port() for name in ("admin", "boxes", "sendsms")}
    (folder / "kannel.conf").write_text(_CONFIG.format(**ports, smsc=smsc, more=more))
    with ExitStack() as stack:
        start = partial(_started, stack, stack.enter_context((folder / "log").open("wb")))
        start("bearerbox", "kannel.conf")
        await _listens(ports["boxes"])
        start("smsbox", "kannel.conf")
        await _listens(ports["sendsms"])
        yield ports["sendsms"], start


def build(port, ours, senha="s3cret", **changes):
    table = {
        "type": "kannel",
        "url": f"http://127.0.0.1:{port}/cgi-bin/sendsms",
        "secrets": {"usuario": "isp", "senha": senha},
        "values": {"remetente": "27700"},
        **changes,
    }
    return GenericHttp("kannel", read_table("kannel", table), receipt_url=ours)


def message(text, e164="+5511988887777"):
    return Outgoing(reference="ref-1", e164=e164, text=text, deadline_s=boottime_s() + 30)


def _started(stack, log, *command):
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=Path(log.name).parent)
    stack.callback(process.wait)
    stack.callback(process.kill)


async def _listens(port):
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError(f"nobody listens on {port}")
