"""Texts as octets of SMPP: the alphabets, compared with another codec's (aiosmpplib), and the parts."""

from __future__ import annotations

import pytest
from aiosmpplib.codec import GSM_BASIC_DECODE_MAP, GSM_EXTENDED_DECODE_MAP, GSM7BitCodec
from aiosmpplib.utils import split_sms_udh
from hypothesis import given
from hypothesis import strategies as st

from disparo.domain.sms_text import GSM_BASIC, SegmentProfile, count_segments
from disparo.platforms.smpp.text import CODING_OF, UCS2, Written, join_header, read, without_header, write

PROFILE = SegmentProfile()
#: Short, so that cuts are many; two characters is the least in which a pair fits.
SHORT = st.builds(
    SegmentProfile,
    single=st.integers(2, 12),
    part=st.integers(2, 9),
    ucs2_single=st.integers(2, 8),
    ucs2_part=st.integers(2, 5),
)
BASIC = st.text(st.sampled_from(sorted(GSM_BASIC)))
GSM = st.text(st.sampled_from(sorted(GSM_BASIC | set(GSM_EXTENDED_DECODE_MAP.values()))))
WIDE = st.text(st.sampled_from("aã€😀ш𝄞"), min_size=1).map(lambda text: text + "ш")
ANY_TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=0x10FFFF, exclude_categories=()))


def as_gsm(text: str, profile: SegmentProfile = PROFILE) -> Written:
    return write(text, "gsm7", 0, profile)


def as_others_read(octets: bytes) -> str:
    return GSM7BitCodec().decode(octets)[0]  # strict: an escape without its sign is an error


# The alphabets


@pytest.mark.parametrize("char", sorted(GSM_BASIC | set(GSM_EXTENDED_DECODE_MAP.values())))
def test_each_character_is_written_as_others_write_it(char):
    assert as_gsm(char) == Written((GSM7BitCodec().encode(char)[0],), 0)


@pytest.mark.parametrize(("octet", "char"), GSM_BASIC_DECODE_MAP.items())
def test_each_octet_is_read_as_others_read_it(octet, char):
    assert read(bytes((octet,)), 0, "gsm7") == char


@pytest.mark.parametrize(("octet", "char"), GSM_EXTENDED_DECODE_MAP.items())
def test_each_escape_is_read_as_others_read_it(octet, char):
    assert read(b"a\x1b" + bytes((octet,)) + b"b", 0, "gsm7") == f"a{char}b"


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("@", b"\x00"),
        ("$", b"\x02"),
        ("€", b"\x1b\x65"),
        ("[x]", b"\x1b\x3cx\x1b\x3e"),
        ("R$ 1,00 a_b@c", b"R\x02 1,00 a\x11b\0c"),
        ("", b""),
    ],
)
def test_gsm_by_heart(text, octets):
    assert as_gsm(text).parts == (octets,)


@pytest.mark.parametrize("text", ["ação", "não", "ê", "“", "😀", "\t", "ç"])
def test_what_gsm_does_not_hold_goes_as_ucs2(text):
    assert as_gsm(text) == Written((text.encode("utf-16-be"),), UCS2)


@pytest.mark.parametrize(
    ("alphabet", "text", "octets", "data_coding"),
    [
        ("ascii", "R$ [1] @", b"R$ [1] @", 1),
        ("ascii", "ação", "ação".encode("utf-16-be"), 8),
        ("latin1", "ação $ @", "ação $ @".encode("latin-1"), 3),
        ("latin1", "€", "€".encode("utf-16-be"), 8),
    ],
)
def test_the_other_alphabets(alphabet, text, octets, data_coding):
    assert write(text, alphabet, CODING_OF[alphabet], PROFILE) == Written((octets,), data_coding)


@pytest.mark.parametrize("alphabet", ["gsm7", "ascii", "latin1"])
def test_a_data_coding_of_ones_own_is_kept_but_for_ucs2(alphabet):
    assert write("abc", alphabet, 0xF1, PROFILE) == Written((b"abc",), 0xF1)
    assert write("abc" * 100, alphabet, 0xF1, PROFILE).data_coding == 0xF1
    assert write("ш", alphabet, 0xF1, PROFILE).data_coding == UCS2


# The parts


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 306, [153, 153]),
        ("a" * 307, [153, 153, 1]),
        ("€" * 80, [160]),
        ("€" * 81, [152, 10]),
        ("ш" * 70, [140]),
        ("ш" * 71, [134, 8]),
        ("😀" * 35, [140]),
        ("😀" * 36, [132, 12]),
    ],
)
def test_where_a_text_is_cut(text, lengths):
    assert [len(part) for part in as_gsm(text).parts] == lengths


@given(GSM, SHORT)
def test_no_escape_is_torn_from_its_sign(text, profile):
    written = as_gsm(text, profile)
    assert "".join(as_others_read(part) for part in written.parts) == text
    assert len(written.parts) == 1 or max(map(len, written.parts)) <= profile.part


@given(WIDE, SHORT)
def test_no_pair_is_torn(text, profile):
    written = as_gsm(text, profile)
    assert "".join(part.decode("utf-16-be") for part in written.parts) == text
    assert len(written.parts) == 1 or max(map(len, written.parts)) <= 2 * profile.ucs2_part


@given(ANY_TEXT, SHORT, st.sampled_from(["gsm7", "ascii", "latin1"]))
def test_parts_are_the_whole_and_none_is_too_long_or_empty(text, profile, alphabet):
    whole = write(text, alphabet, CODING_OF[alphabet], SegmentProfile(single=10**6, ucs2_single=10**6))
    written = write(text, alphabet, CODING_OF[alphabet], profile)
    width = 2 if written.data_coding == UCS2 else 1
    single, part = (profile.ucs2_single, profile.ucs2_part) if width == 2 else (profile.single, profile.part)
    assert (b"".join(written.parts), written.data_coding) == (whole.parts[0], whole.data_coding)
    if len(written.parts) == 1:
        assert len(written.parts[0]) <= max(single, part) * width
    else:
        assert all(0 < len(octets) <= part * width for octets in written.parts)


@given(BASIC, SHORT)
def test_there_are_as_many_parts_as_are_billed(text, profile):
    assert len(as_gsm(text, profile).parts) == count_segments(text, profile)


@given(
    st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])).map(lambda text: text + "ш"),
    SHORT,
)
def test_there_are_as_many_parts_of_ucs2_as_are_billed(text, profile):
    assert len(as_gsm(text, profile).parts) == count_segments(text, profile)


@pytest.mark.parametrize("text", ["a" * 500, "ш" * 200, "ш" + "😀" * 100])
def test_parts_with_their_headers_are_those_that_others_write(text):
    parts = as_gsm(text).parts
    ours = [join_header(77, len(parts), number) + part for number, part in enumerate(parts, 1)]
    assert ours == split_sms_udh(text, csms_ref=77)


def test_a_header_is_what_the_standard_says():
    assert join_header(255, 10, 3) == bytes.fromhex("05 00 03 FF 0A 03")


@pytest.mark.parametrize(
    ("octets", "rest"),
    [
        (join_header(7, 2, 1) + b"texto", b"texto"),
        (bytes.fromhex("06 08 04 01 02 02 01") + b"texto", b"texto"),
        (bytes.fromhex("00") + b"texto", b"texto"),
        (join_header(7, 2, 1), b""),
        (b"\xff\x00", b""),
        (b"", b""),
    ],
)
def test_a_text_without_its_header(octets, rest):
    assert without_header(octets) == rest


# And back


@given(GSM)
def test_gsm_is_read_back(text):
    written = as_gsm(text)
    assert read(b"".join(written.parts), written.data_coding, "gsm7") == text


@given(st.text(st.characters(max_codepoint=0xFF)), st.sampled_from([0, 3]))
def test_latin_1_is_read_back(text, data_coding):
    written = write(text, "latin1", data_coding, PROFILE)
    assert read(b"".join(written.parts), written.data_coding, "latin1") == text


@given(WIDE, st.sampled_from(["gsm7", "ascii", "latin1"]))
def test_ucs2_is_read_back_whatever_the_alphabet(text, alphabet):
    written = write(text, alphabet, CODING_OF[alphabet], PROFILE)
    assert read(b"".join(written.parts), written.data_coding, alphabet) == text


@pytest.mark.parametrize(
    ("octets", "data_coding", "alphabet", "text"),
    [
        (b"ol\xe1", 0, "latin1", "olá"),
        (b"ol\xe1", 3, "gsm7", "olá"),
        (b"ol\xe1", 1, "gsm7", "olá"),  # Sinch Brasil's Latin-1 is 1
        (b"ol\xe1", 0, "gsm7", "ol\ufffd"),
        (b"\0\x02", 0xF1, "gsm7", "@$"),
        (b"fim\x1b", 0, "gsm7", "fim"),
        (b"a\x1bbc", 0, "gsm7", "abc"),  # TS 23.038 §6.2.1.1: an escape nobody knows is the basic sign
        (b"\0a\0", 8, "gsm7", "a\ufffd"),
        (b"\xd8\x3d\0a", 8, "gsm7", "\ufffda"),
    ],
)
def test_what_is_not_quite_right_is_read_as_far_as_it_goes(octets, data_coding, alphabet, text):
    assert read(octets, data_coding, alphabet) == text


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from(["gsm7", "ascii", "latin1"]))
def test_whatever_comes_becomes_text(octets, data_coding, alphabet):
    read(octets, data_coding, alphabet).encode()
