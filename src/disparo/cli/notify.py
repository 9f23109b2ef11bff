"""The word to systemd that a service is ready (sd_notify(3)); nothing where no systemd listens."""

from __future__ import annotations

import os
import socket


def tell_systemd(state: str) -> None:
    """Send one state, such as `READY=1`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # An address that begins with @ stands for an abstract one.
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.send(state.encode())
