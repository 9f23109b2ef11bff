"""What kept an answer from coming, in the words a billing clerk reads."""

from __future__ import annotations

import re
from collections.abc import Mapping

from disparo.wording.plain import on_line

#: What our own way out found, where a platform's code would stand: the names of errors, mostly.
CODE: Mapping[str, str] = {
    name: said
    for said, names in {
        "a conexão não abriu": "ClientConnectorError UnixClientConnectorError OSError",
        "a conexão não abriu a tempo": "ConnectionTimeoutError no_bind",
        "a conexão foi recusada": "ConnectionRefusedError",
        "o Disparo não chama este endereço, que é reservado": "ForbiddenAddress",
        "o nome do endereço não existe": "ClientConnectorDNSError gaierror UnicodeError UnicodeEncodeError",
        "o endereço configurado não vale": "InvalidURL InvalidUrlClientError NonHttpUrlClientError",
        "a conexão segura (TLS) não abriu": (
            "ClientConnectorSSLError ClientSSLError ServerFingerprintMismatch SSLError"
        ),
        "o certificado dela não vale": "ClientConnectorCertificateError SSLCertVerificationError",
        "a conexão foi cortada antes da resposta": (
            "ServerDisconnectedError ServerConnectionError ClientConnectionError ClientConnectionResetError "
            "ClientOSError ConnectionResetError ConnectionAbortedError BrokenPipeError bind_lost _SecondWrite"
        ),
        "não respondeu a tempo": (
            "TimeoutError ServerTimeoutError SocketTimeoutError no_answer no_answer_to_bind"
        ),
        "a resposta não pôde ser lida": "ClientPayloadError ClientResponseError ContentTypeError ValueError",
        "a resposta não fala desta mensagem": "item_missing no_items",
        "a resposta não traz o número da mensagem": "no_id",
        "não dá sinal há tempo demais": "not_seen",
        "já não podia sair, passados cinco minutos do começo": "too_late",
        "há mensagens demais à espera de resposta": "no_room",
        "o envio real está desligado": "guard",
    }.items()
    for name in names.split()
}

#: Of a text in parts (`platforms/smpp/long_text.py`).
_OF_A_PART = re.compile(r"(.+), part ([0-9]+)")


def code(stored: str) -> str:
    """Give in Portuguese what kept an answer from coming; a platform's own code stays as it is."""
    if found := _OF_A_PART.fullmatch(stored):
        return f"na parte {found[2]}: {code(found[1])}"
    return CODE.get(stored, f"código {on_line(stored)}")
