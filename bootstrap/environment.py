"""The environment in `.tools` and `.venv`, as the locks say: runs on any Python 3.8+ without a library."""

import ast
import fcntl
import glob
import os
import ssl
import subprocess
import sys
import time

from bootstrap.basics import SetupFailed, digest, read, remove, run, say, write

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
TOOLS = os.path.join(ROOT, ".tools")
VENV = os.path.join(ROOT, ".venv")
UV = os.path.join(TOOLS, "bin", "uv")
PYTHON = os.path.join(VENV, "bin", "python")
LOCK = os.path.join(ROOT, "requirements", "dev.txt")
UV_LOCK = os.path.join(ROOT, "requirements", "uv.txt")
STAMP = os.path.join(VENV, ".disparo-stamp")
UV_STAMP = os.path.join(TOOLS, ".uv-stamp")

OLDEST, NEWEST = (3, 11), (3, 14)  # what the locked packages have wheels for


def prepare():
    """Make `.venv` as the lock says; costs a hash of two small files when it already is."""
    wanted = "{}\n{}\n".format(ROOT, digest(LOCK, UV_LOCK))
    if read(STAMP) == wanted and os.access(PYTHON, os.X_OK):
        return
    began = time.monotonic()
    with alone():
        if read(STAMP) == wanted and os.access(PYTHON, os.X_OK):
            return  # another ./dev made it while we waited
        say("Preparando o ambiente (só na primeira vez ou quando as dependências mudam)...")
        env = with_uv(environment())
        make_venv(env)
        remove(STAMP)
        uv(
            env,
            ["pip", "sync", "--require-hashes", "--python", PYTHON, LOCK],
            "Não foi possível instalar as dependências. Confira a internet (ou o proxy) e tente de novo.",
        )
        install_project()
        write(STAMP, wanted)
    say("Ambiente pronto em {:.1f} s.".format(time.monotonic() - began).replace(".", ",", 1))


class alone:
    """Hold `.tools/lock`, so that two ./dev started together make one environment."""

    def __enter__(self):
        try:
            os.makedirs(TOOLS, exist_ok=True)
            self.file = open(os.path.join(TOOLS, "lock"), "a")
        except OSError as error:
            raise SetupFailed(
                "não é possível escrever em {} ({}). Esta pasta é de outro usuário? "
                "Copie-a para uma pasta sua.".format(TOOLS, error.strerror)
            ) from None
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


def environment():
    """Give the environment for pip and uv: everything inside this folder but their caches."""
    env = dict(os.environ, PIP_ROOT_USER_ACTION="ignore", PIP_DISABLE_PIP_VERSION_CHECK="1")
    env.pop("VIRTUAL_ENV", None)
    env.setdefault("UV_PYTHON_INSTALL_DIR", os.path.join(TOOLS, "python"))
    home = env.get("HOME")
    cache = env.get("XDG_CACHE_HOME") or (home and os.path.join(home, ".cache"))
    if not cache or not can_make(cache):
        env.setdefault("UV_CACHE_DIR", os.path.join(TOOLS, "cache", "uv"))
        env.setdefault("PIP_CACHE_DIR", os.path.join(TOOLS, "cache", "pip"))
    return env


def can_make(folder):
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def with_uv(env):
    """Put uv into `.tools` and give the environment it needs to download like pip does."""
    python = python_with_pip(env)
    wanted = digest(UV_LOCK)
    if read(UV_STAMP) != wanted or not os.access(UV, os.X_OK):
        install_uv(python, env)
        write(UV_STAMP, wanted)
    return dict(pip_mirror(python, env), **env)


def install_uv(python, env):
    """Install the locked uv: `--target` works on externally managed Pythons (PEP 668) and without root."""
    command = [python, "-m", "pip", "install", "--quiet", "--no-input", "--upgrade", "--target", TOOLS]
    command += ["--only-binary", ":all:", "--require-hashes", "-r", UV_LOCK]
    trusting = with_system_certificates(env)
    if run(command, env=trusting) != 0 and (trusting is env or run(command, env=env) != 0):
        raise SetupFailed("não foi possível baixar o uv. Confira a internet (ou o proxy) e tente de novo.")


def python_with_pip(env):
    """Find pip, or take the one inside the standard library (a venv of our own, in `.tools`)."""
    if run([sys.executable, "-m", "pip", "--version"], env=env, quiet=True) == 0:
        return sys.executable
    folder = os.path.join(TOOLS, "pip")
    if run([sys.executable, "-m", "venv", "--clear", folder], env=env, quiet=True) == 0:
        return os.path.join(folder, "bin", "python")
    raise SetupFailed(
        "o Python {} não tem o pip. Instale-o (Debian e Ubuntu: sudo apt install python3-pip) "
        "e tente de novo.".format(sys.executable)
    )


def with_system_certificates(env):
    """Make pip trust what the system trusts: the company's proxy too. uv has --system-certs for that."""
    if "PIP_CERT" in env or "REQUESTS_CA_BUNDLE" in env:
        return env
    bundle = env.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    known = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
    for path in (bundle,) + known:
        if path and os.path.isfile(path):
            return dict(env, PIP_CERT=path)
    return env


def make_venv(env):
    made_here = (read(STAMP) or ROOT).split("\n")[0] == ROOT  # a moved venv's scripts name the old place
    if made_here and os.access(PYTHON, os.X_OK) and right_python(PYTHON):
        return
    fits = OLDEST <= sys.version_info[:2] <= NEWEST
    python = getattr(sys, "_base_executable", None) or sys.executable
    wanted = python if fits else ">={}.{},<{}.{}".format(*OLDEST, NEWEST[0], NEWEST[1] + 1)
    uv(
        env,
        ["venv", "--no-project", "--clear", "--python", wanted, VENV],
        "o Disparo precisa do Python {0}.{1} a {2}.{3}; este é o {4[0]}.{4[1]} e não foi possível obter outro. "
        "Instale um deles (Debian e Ubuntu: sudo apt install python3) e rode, por exemplo: "
        "python{0}.{1} ./dev TAREFA".format(*OLDEST, *NEWEST, sys.version_info),
    )


def right_python(python):
    code = "import sys; sys.exit(not {} <= sys.version_info[:2] <= {})".format(OLDEST, NEWEST)
    return run([python, "-I", "-c", code], quiet=True) == 0


def install_project():
    """Make `disparo` importable and runnable from `.venv`, without a build."""
    for folder in glob.glob(os.path.join(VENV, "lib", "python3.*", "site-packages")):
        write(os.path.join(folder, "disparo.pth"), os.path.join(ROOT, "src") + "\n")
    script = os.path.join(VENV, "bin", "disparo")
    # Through sh: a #! line naming Python itself breaks on long paths and on spaces.
    write(script, '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" -m disparo "$@"\n')
    os.chmod(script, 0o755)


def uv(env, args, failure):
    if run([UV, "--quiet", "--system-certs"] + args, env=env) != 0:
        raise SetupFailed(failure)


def pip_mirror(python, env):
    """Read from pip's settings the mirror and the certificate that uv would not know of."""
    command = [python, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    found = {}
    for line in listing.stdout.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        name = names.get(key.rsplit(".", 1)[-1])
        if name:
            found[name] = ast.literal_eval(value)
    return found
