"""What a call's fields say, as platforms old and new write them."""

from __future__ import annotations

import time
from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from disparo.platforms.forms import read_multipart, read_pairs, read_urlencoded

MULTIPART = (
    '--xyz\r\nContent-Disposition: form-data; name="de"\r\n\r\n5511988887777\r\n'
    '--xyz\r\nContent-Disposition: form-data; name="texto"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
    "Não\r\nobrigado\r\n--xyz--\r\n"
)


@pytest.mark.parametrize(
    ("octets", "fields"),
    [
        (b"texto=N%E3o+quero", {"texto": "Não quero"}),
        (b"texto=N%C3%A3o%20quero", {"texto": "Não quero"}),
        ("texto=Não".encode(), {"texto": "Não"}),
        ("texto=Não".encode("cp1252"), {"texto": "Não"}),
        (b"a=&b", {"a": "", "b": ""}),
        (b"N%E3o=%C3%A3", {"Não": "ã"}),
        (b"a=%00S%00A%00I%00R&b=%00P%00%E1%00r%00e&c=+", {"a": "SAIR", "b": "Páre", "c": " "}),
        (b"a=SAIR%00&b=SAI%00&c=%00&d=%00%00&e=a%00b%00",
         {"a": "SAIR\0", "b": "SAI\0", "c": "\0", "d": "\0\0", "e": "a\0b\0"}),
        (b"", {}),
    ],
)  # fmt: skip
def test_urlencoded_fields(octets, fields):
    assert read_urlencoded(octets) == fields


#: Where one stands before each letter, what came is UCS-2.
WITHOUT_NUL = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(WITHOUT_NUL, max_size=8), max_size=4))
def test_what_a_careful_program_writes_is_read_as_it_was(fields):
    written = URL.build(path="/", query=fields).raw_query_string
    without_mark = {name.removeprefix("\ufeff"): text.removeprefix("\ufeff") for name, text in fields.items()}
    assert read_urlencoded(written.encode()) == without_mark


def test_too_many_fields_are_an_error():
    with pytest.raises(ValueError, match="fields"):
        read_urlencoded(b"a&" * 3000)


@given(st.text(alphabet="ab%+&=2fFéã\x00", max_size=40))
def test_urlencoded_octets_are_those_of_the_standard_library(written):
    octets = written.encode()
    known = parse_qsl(octets.decode("latin-1"), encoding="latin-1", keep_blank_values=True)
    read = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in read_pairs(octets, 50)]
    assert read == known


@pytest.mark.parametrize("piece", ["%", "%41", "%c3%a1", "é%", "+", "="])
def test_a_megabyte_made_to_be_slow_keeps_nobody_waiting(piece):
    """While one call is read no other is answered."""
    octets = ("a=" + piece * (1_048_576 // len(piece.encode()))).encode()
    began = time.process_time()
    read_urlencoded(octets)
    assert time.process_time() - began < 0.3


def test_multipart_fields():
    read = read_multipart('multipart/form-data; boundary="xyz"', MULTIPART.encode())
    assert read == {"de": "5511988887777", "texto": "Não\r\nobrigado"}


def test_multipart_fields_without_quotes_or_in_windows_1252():
    written = MULTIPART.replace('"de"', "de").replace("Content-Disposition", "content-disposition")
    read = read_multipart("multipart/form-data; charset=x; boundary=xyz", written.encode("cp1252"))
    assert read == {"de": "5511988887777", "texto": "Não\r\nobrigado"}


@pytest.mark.parametrize(
    "label", ["multipart/form-data", "multipart/form-data; boundary=other", "multipart/\xff;=", "multipart/"]
)
def test_what_is_no_multipart_is_an_error(label):
    with pytest.raises(ValueError, match=r"\w"):
        read_multipart(label, MULTIPART.encode())


@pytest.mark.parametrize("odd", [";", "(", "; a=b", '; name*0="a"', "\r\n "])
def test_what_is_made_to_be_slow_is_an_error_at_once(odd):
    slow = f"--xyz\r\nContent-Disposition: form-data{odd * 40_000}\r\n\r\nx\r\n"
    many = '--xyz\r\nContent-Disposition: form-data; name="a{}"\r\n\r\n\r\n'
    began = time.thread_time()  # whatever else the machine does takes none of it
    for label, body in (
        ("multipart/form-data; boundary=xyz", slow + MULTIPART),
        ("multipart/form-data; boundary=xyz", "".join(map(many.format, range(10_000)))),
        ("multipart/form-data; x=" + odd * 7000, MULTIPART),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            read_multipart(label, body.encode())
    assert time.thread_time() - began < 2


@given(st.binary(max_size=300))
def test_no_body_is_too_strange(octets):
    with suppress(ValueError):
        read_multipart("multipart/form-data; boundary=xyz", b"--xyz\r\n" + octets)
    read_urlencoded(octets)
