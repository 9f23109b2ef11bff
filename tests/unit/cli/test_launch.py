"""Where a server is reached from its own machine, and what the simulated platform knows it by."""

from __future__ import annotations

import socket
import socketserver
from pathlib import Path

import pytest
from tests.support.serving import serving

from disparo.cli.launch import _webhook_secret, answers, check_port, free_port, local_url
from disparo.errors import DisparoError, PortTaken


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("sms.provedor.com.br", "http://sms.provedor.com.br:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("fd00::8", "http://[fd00::8]:8000"),
    ],
)
def test_an_address_of_ipv6_has_its_brackets(host, url):
    assert local_url(host, 8000, has_tls=False) == url


def test_tls_is_https():
    assert local_url("::1", 8443, has_tls=True) == "https://[::1]:8443"


def test_a_free_port_of_ipv6_is_found():
    port = free_port("::1")
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", port))
    assert free_port("::1", preferred=port) == port


def test_a_free_port_is_none_that_an_outgoing_connection_may_take_until_it_is_used():
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not first <= free_port() <= last


def test_the_simulators_secret_is_never_an_empty_one(tmp_path):
    """As an earlier version left it that was killed before it had written it: no receipt was believed any more."""
    (tmp_path / "simulador.secret").touch()
    made = _webhook_secret(tmp_path)
    assert len(made) > 16
    assert _webhook_secret(tmp_path) == made
    assert (tmp_path / "simulador.secret").stat().st_mode & 0o777 == 0o600


def test_whatever_speaks_no_http_is_not_ready():
    class Other(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    other = socketserver.TCPServer(("127.0.0.1", 0), Other)
    with serving(other):
        assert not answers(f"http://127.0.0.1:{other.server_address[1]}/saude")


@pytest.mark.parametrize("host", ["192.0.2.1", "isto.nao.existe.invalid"])
def test_a_host_that_is_none_of_this_machine_is_no_fault_of_the_port(host):
    with pytest.raises(DisparoError, match=f"O endereço {host} não pode ser usado: .* --host") as refused:
        check_port(host, 8000)
    assert not isinstance(refused.value, PortTaken)
