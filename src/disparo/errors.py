"""Errors that reach a person: the text is Portuguese and says what to do."""

from __future__ import annotations

import errno
import socket
import ssl

#: What the system says, in Portuguese: its own words are English wherever no language is set.
_OF_THE_SYSTEM = {
    errno.ENOENT: "não existe",
    errno.EEXIST: "já existe",
    errno.EACCES: "sem permissão",
    errno.EPERM: "sem permissão",
    errno.EISDIR: "é uma pasta",
    errno.ENOTDIR: "há um arquivo onde devia haver uma pasta",
    errno.ENAMETOOLONG: "o nome é longo demais",
    errno.ENOSPC: "o disco está cheio",
    errno.EFBIG: "o arquivo é grande demais",
    errno.EDQUOT: "a cota do disco acabou",
    errno.EROFS: "o disco só pode ser lido",
    errno.EIO: "o disco falhou",
    errno.EMFILE: "há arquivos abertos demais",
    errno.ENFILE: "há arquivos abertos demais na máquina",
    errno.ENOMEM: "falta memória",
    errno.EAGAIN: "não há mais processos ou threads livres",
    errno.EADDRINUSE: "já está em uso",
    errno.EADDRNOTAVAIL: "o endereço não é desta máquina",
    errno.ECONNREFUSED: "conexão recusada",
    errno.ECONNRESET: "conexão cortada",
    errno.ETIMEDOUT: "não responde",
    errno.ENETUNREACH: "não há caminho até lá",
    errno.EHOSTUNREACH: "não há caminho até lá",
    socket.EAI_NONAME: "o nome não existe",
    socket.EAI_AGAIN: "o DNS não responde",
}

#: What the machine has not enough of at this moment: nothing is wrong with what was asked of it.
OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)

#: Exit status of a process that ends to be started anew: a part of it fell, or its memory passed the setting.
RESTART_ME = 75


class DisparoError(Exception):
    """The base of every error whose message may be shown as it stands."""


class SettingsInvalid(DisparoError):
    """A setting is missing or wrong; the message names it."""


class DatabaseUnavailable(DisparoError):
    """The database cannot be reached or refuses what is needed."""


class PortTaken(DisparoError):
    """The address cannot be listened on."""


def in_words(error: BaseException) -> str:
    """Say in words why the system refused something."""
    if isinstance(error, TimeoutError):
        return _OF_THE_SYSTEM[errno.ETIMEDOUT]
    if isinstance(error, MemoryError):
        return _OF_THE_SYSTEM[errno.ENOMEM]
    if not isinstance(error, OSError):
        return type(error).__name__
    # The numbers of a TLS library are its own.
    known = None if isinstance(error, ssl.SSLError) else _OF_THE_SYSTEM.get(error.errno or 0)
    return known or error.strerror or type(error).__name__
