"""Renewed files are served with while the server runs; what is of no use is said, and the old pair stays."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import pytest
from tests.support.certificates import make_pair

from disparo.api import served_certificate
from disparo.api.certificate import Certificate, CertificateInvalid
from disparo.api.served_certificate import ServedCertificate
from disparo.db import alerts

pytestmark = pytest.mark.anyio
ZONE = ZoneInfo("America/Sao_Paulo")
HOST = "sms.provedor.com.br"


@pytest.fixture
def pair(tmp_path):
    return Certificate(*make_pair(tmp_path, HOST, days=10))


@asynccontextmanager
async def listening(served):
    """What serves like a server's socket and gives back what it is sent; gives its port."""

    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=served.context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def call(port, *, host=None, ciphers=None):
    context = ssl._create_unverified_context()
    if ciphers is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)


async def shown(port, **how):
    """The certificate that a new connection is shown."""
    _, writer = await call(port, **how)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return ssl.DER_cert_to_PEM_cert(der)


def refuse(_pair):
    raise CertificateInvalid("permissão negada")


def look(served):
    """Files that changed are read once they stand still."""
    served.look()
    served.look()


async def test_a_new_connection_is_shown_the_renewed_one_and_an_open_one_goes_on(pair, tmp_path):
    served = ServedCertificate(pair)
    async with listening(served) as port:
        before = pair.certificate.read_text()
        assert await shown(port, host=HOST) == before
        reader, writer = await call(port)
        make_pair(tmp_path, HOST, days=90)
        assert await shown(port) == before
        look(served)
        after = pair.certificate.read_text()
        assert after != before
        assert await shown(port, host=HOST) == await shown(port) == after
        writer.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        writer.close()
    assert served.signs(ZONE) == []


async def test_nothing_is_left_of_a_pair_of_another_kind(tmp_path):
    pair = Certificate(*make_pair(tmp_path, HOST, days=10, is_rsa=True))
    served = ServedCertificate(pair)
    only_rsa = "ECDHE-RSA-AES128-GCM-SHA256"
    async with listening(served) as port:
        assert await shown(port, ciphers=only_rsa) == pair.certificate.read_text()
        make_pair(tmp_path, HOST, days=90)
        look(served)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await call(port, ciphers=only_rsa)
        assert await shown(port) == pair.certificate.read_text()


@pytest.mark.parametrize("what", ["half", "key of another", "gone"])
async def test_what_is_of_no_use_is_said_and_the_old_pair_stays_until_it_is(pair, tmp_path, what):
    served = ServedCertificate(pair)
    before, key = pair.certificate.read_text(), pair.key.read_bytes()
    make_pair(tmp_path, HOST, days=90)
    after = pair.certificate.read_text()
    other = pair.key.read_bytes()
    if what == "half":
        pair.certificate.write_text(after[: len(after) // 2])
    elif what == "key of another":
        pair.key.write_bytes(key)
    else:
        pair.key.unlink()
    async with listening(served) as port:
        look(served)
        assert await shown(port) == before
        (sign,) = [each for each in served.signs(ZONE) if each.kind == alerts.CERTIFICATE_REFUSED]
        assert (sign.subject, str(pair.certificate) in sign.detail) == (HOST, True)
        assert not any(line in sign.detail for line in other.decode().splitlines())
        pair.certificate.write_text(after)
        pair.key.write_bytes(other)
        look(served)
        assert await shown(port) == after
        assert served.signs(ZONE) == []


async def test_one_that_is_over_does_not_take_the_place_of_one_that_is_good(pair, tmp_path):
    served, before = ServedCertificate(pair), pair.certificate.read_text()
    make_pair(tmp_path, HOST, days=-1)
    async with listening(served) as port:
        look(served)
        assert await shown(port) == before
    assert served.refused is not None
    assert served.refused.startswith("o certificado venceu em ")


async def test_where_all_are_over_the_one_that_ends_last_is_served(tmp_path):
    served = ServedCertificate(Certificate(*make_pair(tmp_path, HOST, days=-9)))
    make_pair(tmp_path, HOST, days=-1)
    look(served)
    assert served.refused is None


async def test_a_pair_that_is_being_written_is_waited_for(pair, tmp_path):
    served = ServedCertificate(pair)
    old_key = pair.key.read_bytes()
    make_pair(tmp_path, HOST, days=90)
    new_key = pair.key.read_bytes()
    pair.key.write_bytes(old_key)
    served.look()
    pair.key.write_bytes(new_key)
    served.look()
    assert served.refused is None
    async with listening(served) as port:
        served.look()
        assert await shown(port) == pair.certificate.read_text()


async def test_what_was_refused_is_tried_again_though_no_file_changes(pair, tmp_path, monkeypatch):
    served = ServedCertificate(pair)
    make_pair(tmp_path, HOST, days=90)
    with monkeypatch.context() as closed:
        closed.setattr(served_certificate, "load", refuse)
        look(served)
        assert served.refused == "permissão negada"
    served.look()
    assert served.refused is None


def test_nothing_is_served_with_files_that_never_fitted(pair, tmp_path):
    (tmp_path / "other").mkdir()
    _, other = make_pair(tmp_path / "other", HOST, days=90)
    with pytest.raises(CertificateInvalid, match="a chave é a de outro certificado"):
        ServedCertificate(Certificate(pair.certificate, other))


@pytest.mark.parametrize(("days", "is_said"), [(13.9, True), (14.1, False), (-1, True)])
async def test_it_is_spoken_of_two_weeks_before_its_end(tmp_path, days, is_said):
    served = ServedCertificate(Certificate(*make_pair(tmp_path, HOST, days=days)))
    said = [(sign.kind, sign.subject) for sign in served.signs(ZONE)]
    assert said == [(alerts.CERTIFICATE_ENDS, HOST)] * is_said
