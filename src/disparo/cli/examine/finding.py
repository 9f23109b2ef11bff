"""One thing that was looked at, in words for the administrator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """Values are what is printed and what --json says."""

    OK = "ok"
    NOTE = "aviso"  # works, and somebody should know
    WRONG = "falha"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` says what to do about it; empty where all is well."""

    subject: str
    grade: Grade
    text: str
    remedy: str = ""


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding(subject, Grade.OK, text)


def note(subject: str, text: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(subject, Grade.NOTE, text, remedy)


def wrong(subject: str, text: str, remedy: str) -> Finding:
    """It does not work, or will soon not work."""
    return Finding(subject, Grade.WRONG, text, remedy)
