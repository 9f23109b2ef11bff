"""Programs from Debian packages that a part of a task needs: runs on any Python 3.8+ without a library."""

import os
import shutil

from bootstrap.basics import run, say

#: Each as (task, program, package, what is skipped). Of two programs, joined by "ou", one is enough.
OPTIONAL_PROGRAMS = (
    ("test", "strace", "strace", "o rastro das gravações antes de cada 200"),
    ("test", "nginx", "nginx-light", "a receita de nginx da documentação e uma chamada pelo exemplo dela"),
    ("test", "bearerbox", "kannel kannel-extras", "o teste com o Kannel de verdade"),
    ("test", "gcc", "gcc libc6-dev", "os workers com o relógio errado nos testes de limites"),
    ("test", "promtool", "prometheus", "as regras de alerta"),
    ("test", "systemd-analyze", "systemd", "a verificação das unidades do systemd"),
    ("instalacao", "debootstrap", "debootstrap", "a instalação num Debian 12 limpo"),
    ("test", "chromium-headless-shell ou chromium", "chromium-headless-shell", "o painel num navegador"),
)
CI_INSTALLS = ("chromium-headless-shell",)
#: Where Debian has programs that ordinary users do not find.
SBIN = ":/usr/local/sbin:/usr/sbin:/sbin"


def install_in_ci(packages):
    """Install what the bar stands or falls with, on a machine made for testing; a person's is never changed."""
    if packages and os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get"):
        say("Instalando com apt-get, por ser CI: {}".format(", ".join(packages)))
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        run(["apt-get", "update", "-qq"], env=env, quiet=True)
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends"] + packages, env=env, quiet=True)


def announce_missing(task):
    missing = [line for line in OPTIONAL_PROGRAMS if line[0] == task and not is_there(line[1])]
    install_in_ci([line[2] for line in missing if line[2] in CI_INSTALLS])
    for _, program, package, skipped in missing:
        if not is_there(program):
            say(
                "AVISO: sem o programa {} (sudo apt install {}); não será feito: {}".format(
                    program, package, skipped
                )
            )


def is_there(programs):
    """Tell whether one of them is on this machine; joined by "ou", as they are told of."""
    path = os.environ.get("PATH", "") + SBIN
    return any(shutil.which(program, path=path) for program in programs.split(" ou "))
