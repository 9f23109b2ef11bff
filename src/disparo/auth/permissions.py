"""What a user may do through the API and the panel; ADMIN does not include the others."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """Stored values."""

    SEND = "send"
    SEND_BULK = "send_bulk"
    CANCEL = "cancel"
    REMOVE_OPT_OUT = "remove_opt_out"
    REGISTER = "register"  # push customers and invoices in
    PASS_THROUGH = "pass_through"  # noqa: S105 - HubSoft's other routes, with our credential there
    VIEW_TEXT = "view_text"  # texts of messages, and receipts as platforms sent them
    ADMIN = "admin"
