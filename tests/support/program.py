"""The program as people run it: its commands, and `disparo run` in the foreground of nobody."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

from tests.support import forks

DISPARO = [sys.executable, "-m", "disparo"]
_LONGEST_S = 90


def command(*arguments, env=None, folder=None, typed=""):
    """Run a command of the program to its end; `env`: what is set besides this process's own."""
    own = env or {}
    environment, words = {**os.environ, **own}, [*map(str, arguments)]
    if forks.can_begin_with(own):
        return forks.run(["disparo", *words], environment, folder=folder, typed=typed, timeout_s=_LONGEST_S)
    return subprocess.run(
        [*DISPARO, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_S,
        env=environment,
        cwd=folder,
        input=typed,
    )


class Run:
    """`disparo run` in the foreground of nobody."""

    def __init__(self, folder, port, *arguments, env=None):
        self.log = folder.parent / f"run-{time.monotonic_ns()}.log"
        self.log.touch()
        words = ["run", "--dados", str(folder), "--porta", str(port), "--atraso", "0", *arguments]
        self.process = forks.begin(["disparo", *words], env or {}, self.log)
        end = time.monotonic() + 60
        while "Ctrl-C encerra." not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)  # between two looks

    @property
    def output(self):
        return self.log.read_text()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(40)


def a_platform():
    """Whose calls go nowhere."""
    table = {
        "type": "generic_http",
        "url": "http://127.0.0.1:1/",
        "json": {"to": "{telefone}", "text": "{texto}"},
    }
    return {"DISPARO_PLATFORMS": json.dumps({"nenhures": table})}


def shell(text, **kwargs):
    done = subprocess.run(
        ["bash", "-c", text], capture_output=True, text=True, check=False, timeout=60, **kwargs
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pasted(output, number):
    """One of the numbered commands that `run` prints, as a person would copy it."""
    return re.search(rf"^{number}\. .*:\n((?:.*\\\n)*.*)\n", output, re.MULTILINE)[1]
