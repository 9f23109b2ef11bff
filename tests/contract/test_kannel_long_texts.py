"""What an SMSC gets of the longest text that goes through Kannel itself, by the preset as it comes and as told."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from tests.contract.smsc import an_smsc
from tests.contract.test_kannel import HERE, build, listens, message, started
from tests.support.stage import free_port

from disparo.domain.outcome import OutcomeKind
from disparo.domain.sms_text import count_segments
from disparo.platforms.presets import fill
from disparo.platforms.smpp.text import read, without_header

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
smsc = smpp
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = isp
smsc-password = segredo
system-type = ""

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-level = 4

group = sendsms-user
username = isp
password = s3cret
{more}
"""
_HAS_HEADER = 0x40


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        pytest.param("", {}, id="a Kannel that cuts what is longer than one"),
        pytest.param("max-messages = 3", {"segments": {"max_parts": 3}}, id="one that was told of three"),
    ],
)
@pytest.mark.parametrize(("letter", "accents"), [("a", False), ("ã", True)])
async def test_the_longest_text_is_whole(more, changes, letter, accents, tmp_path):
    ports = {name: free_port() for name in ("admin", "boxes", "sendsms")}
    async with an_smsc() as smsc:
        (tmp_path / "kannel.conf").write_text(CONFIG.format(**ports, smsc=smsc.port, more=more))
        with ExitStack() as stack:
            log = stack.enter_context((tmp_path / "log").open("wb"))
            started(stack, log, "bearerbox", "kannel.conf")
            await listens(ports["boxes"])
            started(stack, log, "smsbox", "kannel.conf")
            await listens(ports["sendsms"])
            await smsc.until(lambda: smsc.binds)

            platform = build(ports, f"http://127.0.0.1:{free_port()}/", **changes)
            profile = platform.capabilities.profile
            alone, part = (
                (profile.ucs2_single, profile.ucs2_part) if accents else (profile.single, profile.part)
            )
            text = letter * (alone if profile.max_parts == 1 else part * profile.max_parts)
            (outcome,) = await platform.send([message(text)])
            await platform.close()
            assert outcome.kind is OutcomeKind.ACCEPTED
            await smsc.until(lambda: len(smsc.submitted) == count_segments(text, profile))
    assert "".join(map(words, smsc.submitted)) == text


def words(part):
    octets = without_header(part.content) if part.esm_class & _HAS_HEADER else part.content
    return read(octets, part.data_coding, "gsm7")


def test_what_a_table_says_of_its_kannel_counts():
    assert fill("kannel", {})["segments"]["max_parts"] == 1
    assert fill("kannel", {"segments": {"max_parts": 3}})["segments"]["max_parts"] == 3
