"""Errors that reach a person: the text is Portuguese and says what to do."""

from __future__ import annotations

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
