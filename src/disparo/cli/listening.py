"""Where a server listens, and with what certificate: the options of `run` and `serve`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from disparo.api.certificate import Certificate, self_signed
from disparo.cli.context import data_dir_of
from disparo.errors import SettingsInvalid
from disparo.settings import Settings

Port = Annotated[int | None, typer.Option("--porta", min=0, max=65535, help="Porta (padrão: 8000).")]
Host = Annotated[str | None, typer.Option("--host", help="Endereço em que escutar (padrão: 127.0.0.1).")]
SelfSigned = Annotated[bool, typer.Option("--tls-self-signed", help="HTTPS com um certificado próprio.")]
CertificateFile = Annotated[Path | None, typer.Option("--tls-certificado", help="Certificado (PEM).")]
KeyFile = Annotated[Path | None, typer.Option("--tls-chave", help="Chave do certificado (PEM).")]


def tls_of(certificate: Certificate | None) -> tuple[str, ...]:
    """Give a certificate as options of `serve`."""
    if certificate is None:
        return ()
    return ("--tls-certificado", str(certificate.certificate), "--tls-chave", str(certificate.key))


def certificate_of(settings: Settings, *, own: bool) -> Certificate | None:
    """Give the certificate to serve with, if any; raises SettingsInvalid for half a pair, or two of them."""
    given = (settings.tls_certificate, settings.tls_key)
    if own and any(given):
        raise SettingsInvalid(
            "Escolha: --tls-self-signed, ou o seu certificado (--tls-certificado e --tls-chave, "
            "ou tls_certificate e tls_key nas configurações)."
        )
    if given[0] is not None and given[1] is not None:
        for path in given:
            if path is not None and not os.access(path, os.R_OK):
                raise SettingsInvalid(f"O arquivo {path} não existe ou não pode ser lido.")
        return Certificate(given[0], given[1])
    if any(given):
        raise SettingsInvalid("Informe os dois: --tls-certificado e --tls-chave.")
    return self_signed(data_dir_of(settings), settings.host) if own else None
