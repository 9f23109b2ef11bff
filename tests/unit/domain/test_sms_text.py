"""The text over the air: GSM-7 without surprises, segments as platforms bill them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disparo.domain.sms_text import (
    GSM_BASIC,
    Encoding,
    SegmentProfile,
    count_segments,
    encoding_of,
    is_cut,
    to_gsm_basic,
)

PROFILE = SegmentProfile()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("João, sua conexão está à disposição", "Joao, sua conexao esta a disposicao"),
        ("Ação ÚNICA É ÔNUS ü Ñ", "Acao UNICA E ONUS u N"),
        ("“aspas” – travessão… 5º R$ 1.234,56", '"aspas" - travessao... 5o R$ 1.234,56'),
        ("€ 10 [ok] {a} | ~", "EUR 10 (ok) (a) / -"),
        ("emoji 😀 fim", "emoji  fim"),
        ("tab\tnbsp\u00a0fim", "tab nbsp fim"),
        ("https://a.example/f?x=1&y=2_z", "https://a.example/f?x=1&y=2_z"),
    ],
)
def test_transliteration(text, plain):
    assert to_gsm_basic(text) == plain


def test_foreign_digits_never_turn_into_ours():
    assert to_gsm_basic("R$ ١٢٣ ² ½ 5") == "R$    5"


@given(st.text())
def test_the_result_is_always_gsm_basic_and_stays_as_it_is(text):
    plain = to_gsm_basic(text)
    assert set(plain) <= GSM_BASIC
    assert encoding_of(plain) is Encoding.GSM7
    assert to_gsm_basic(plain) == plain


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_digits_and_ascii_letters_are_never_touched(text):
    keep = [char for char in text if char.isalnum()]
    assert [char for char in to_gsm_basic(text) if char.isalnum()] == keep


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ã" * 70, 1),
        ("ã" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("a" * 152 + "€" + "b" * 152, 3),  # the pair that makes a € stays in one part
        ("ш" * 66 + "😀" + "ш" * 66, 3),
    ],
)
def test_segments(text, segments):
    assert count_segments(text, PROFILE) == segments


def test_a_platform_that_cuts_at_spaces_needs_more_parts_and_tears_long_words():
    cutting = SegmentProfile(cuts_at_spaces=True)
    assert count_segments("a" * 100 + " " + "b" * 100, cutting) == 2
    assert count_segments("a" * 80 + " " + "b" * 80 + " " + "c" * 80, cutting) == 3
    code = "9" * 200
    assert is_cut(f"Pix: {code}", code, cutting)
    assert not is_cut(f"Pix: {code}", code, PROFILE)


def test_parts_are_filled_to_their_last_place():
    """Each part is exactly full: with one sign more there is one part more."""
    cutting = SegmentProfile(cuts_at_spaces=True)
    words, word = " ".join(["a" * 100 + " " + "b" * 52] * 3), " ".join(["a" * 153] * 3)
    pairs = ("a" + "😀" * 33) * 3
    for text, profile in ((words, cutting), (word, cutting), ("a" * 459, cutting), (pairs, PROFILE)):
        assert count_segments(text, profile) == 3
        assert count_segments(text + "c", profile) == 4


@pytest.mark.parametrize(("wide", "alike"), [("~", "aa"), ("😀", "шш")])
@given(words=st.lists(st.text(alphabet="a*", min_size=1, max_size=12), min_size=1, max_size=30))
def test_what_takes_the_room_of_two_does_so_too_where_a_platform_cuts_at_spaces(wide, alike, words):
    cutting = SegmentProfile(single=50, part=50, ucs2_single=25, ucs2_part=25, cuts_at_spaces=True)
    text = " ".join(words).replace("a", alike[0])
    assert count_segments(text.replace("*", wide), cutting) == count_segments(
        text.replace("*", alike), cutting
    )


def test_a_word_that_only_fits_a_part_of_gsm7_is_torn_among_letters_with_accents():
    cutting = SegmentProfile(single=152, part=152, ucs2_single=66, ucs2_part=66, cuts_at_spaces=True)
    link = "https://f.example/" + "x" * 60
    assert is_cut(f"Até amanhã: {link}", link, cutting)
    assert not is_cut(f"Ate amanha: {link}", link, cutting)


def test_a_code_with_blanks_is_torn_between_parts_or_loses_one_of_two_blanks():
    cutting = SegmentProfile(single=152, part=152, cuts_at_spaces=True)
    code, padded = "000201 FULANO DE TAL 6304ABCD", "000201 FULANO  6304ABCD"
    assert is_cut("a" * 130 + " " + code, code, cutting)
    assert not is_cut(f"Pix: {code}", code, cutting)
    assert is_cut(f"Pix: {padded}", padded, cutting)
    assert not is_cut(f"Pix: {padded}", padded, PROFILE)
