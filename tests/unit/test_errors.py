"""Why the system refused something is said in Portuguese."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest

from disparo.errors import in_words


def refusal(work):
    with pytest.raises((OSError, TimeoutError)) as caught:
        work()
    return in_words(caught.value)


def test_files(tmp_path):
    assert refusal((tmp_path / "a.csv").read_bytes) == "não existe"
    assert refusal(tmp_path.read_bytes) == "é uma pasta"
    assert refusal((tmp_path / ("a" * 300)).read_bytes) == "o nome é longo demais"


def test_what_the_machine_has_too_little_of():
    assert in_words(MemoryError()) == in_words(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert in_words(BlockingIOError(errno.EAGAIN, "fork")) == "não há mais processos ou threads livres"


def test_connections():
    async def connect(host, port):
        await asyncio.open_connection(host, port)

    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        assert refusal(lambda: socket.create_server(("127.0.0.1", port))) == "já está em uso"
    assert refusal(lambda: asyncio.run(connect("127.0.0.1", port))) == "conexão recusada"
    assert in_words(socket.gaierror(socket.EAI_NONAME, "Name or service not known")) == "o nome não existe"
    assert in_words(TimeoutError()) == "não responde"


def test_what_has_no_words_of_ours_is_told_in_its_own():
    assert in_words(OSError(12345, "Very strange")) == "Very strange"
    assert in_words(OSError()) == "OSError"
    assert in_words(ValueError("secret")) == "ValueError"
    assert in_words(ssl.SSLError(2, "no certificate")) == "no certificate"  # 2 is a file's number elsewhere
