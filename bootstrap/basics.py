"""Files and programs, for `./dev`: runs on any Python 3.8+ without a library."""

import hashlib
import os
import subprocess
import sys


class SetupFailed(Exception):
    """What a person has to read when the environment cannot be made."""


def become(command):
    """Replace this process, so that signals and the exit status are the task's own."""
    sys.stdout.flush()
    os.execv(command[0], command)


def run(command, env=None, quiet=False):
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, env=env, stdout=sink, stderr=sink, check=False).returncode


def say(text):
    print(text, file=sys.stderr, flush=True)


def digest(*paths):
    return hashlib.sha256("".join(read(path) or "" for path in paths).encode()).hexdigest()


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def write(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SetupFailed("não é possível escrever {}: {}.".format(path, error.strerror)) from None


def remove(path):
    if os.path.exists(path):
        os.remove(path)
