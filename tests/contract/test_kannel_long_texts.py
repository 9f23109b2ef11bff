"""What an SMSC gets of the longest text that goes through Kannel itself, by the preset as it comes and as told."""

from __future__ import annotations

import pytest
from tests.contract.kannel import MARKS, build, kannel, message
from tests.contract.smsc import an_smsc
from tests.support.stage import free_port

from disparo.domain.outcome import OutcomeKind
from disparo.domain.sms_text import count_segments
from disparo.platforms.presets import fill
from disparo.platforms.smpp.text import read, without_header

pytestmark = MARKS
SMSC = """\
smsc = smpp
host = 127.0.0.1
port = {port}
transceiver-mode = true
smsc-username = isp
smsc-password = segredo
system-type = \"\""""
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
    async with an_smsc() as smsc, kannel(tmp_path, SMSC.format(port=smsc.port), more) as (port, _):
        await smsc.until(lambda: smsc.binds)
        platform = build(port, f"http://127.0.0.1:{free_port()}/", **changes)
        profile = platform.capabilities.profile
        alone, part = (profile.ucs2_single, profile.ucs2_part) if accents else (profile.single, profile.part)
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
