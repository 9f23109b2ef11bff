"""This machine's clock: does the system keep it right, and what do others' say."""

from __future__ import annotations

import ctypes

from disparo.cli.examine.finding import Finding, note, ok, wrong

_NOTE_S, _WRONG_S = 2.0, 60.0
_SET_BY_ITSELF = "sudo timedatectl set-ntp true"
#: adjtimex(2): nobody has set the clock for about nine hours, or ever (TIME_ERROR).
_UNKEPT = 5
#: More than any system's `struct timex`; its first word, 0, says that nothing is to be changed.
_TIMEX_BYTES = 512


def examine_kept() -> list[Finding]:
    """Ask the kernel whether something keeps the clock right; nothing where it does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):  # no such call here
        return []
    return judge_kept(state)


def judge_kept(state: int) -> list[Finding]:
    """Say what the kernel's answer means; below 0 it was forbidden."""
    subject = "acerto do relógio"
    if state < 0:
        return []
    if state != _UNKEPT:
        return [ok(subject, "automático")]
    text = "o sistema diz que nada acerta o relógio desta máquina; com o tempo ele erra"
    return [note(subject, text, f"{_SET_BY_ITSELF}; depois confira com timedatectl.")]


def judge_clock(whose: str, ahead_s: float) -> Finding:
    """Say what a difference between this machine's clock and another means."""
    subject = "relógio"
    apart = f"{abs(ahead_s):.1f}".replace(".", ",")
    text = f"diferença para o relógio {whose}: {apart} s"
    remedy = f"Ligue o acerto automático nas duas máquinas: {_SET_BY_ITSELF}."
    if abs(ahead_s) >= _WRONG_S:
        return wrong(subject, text, remedy)
    return note(subject, text, remedy) if abs(ahead_s) >= _NOTE_S else ok(subject, text)
