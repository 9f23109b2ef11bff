"""Turn this process into a program of PostgreSQL: as whom, and dying with whom.

Run by its path (`python -I -S postgres_child.py UID GID PARENT PROGRAM ARGUMENTS...`): nothing of the
package is imported, and no code runs between a fork and an exec in a process with threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
#: An id that every system has a name for ("nobody").
_NAMED_ID = 65534


def main(uid: int, gid: int, parent: int, command: list[str]) -> None:
    """Become `uid`:`gid` (-1: stay), end when `parent` does (0: never), then become the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0 and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    elif command[0].endswith("/initdb") and not _has_name(os.geteuid()):
        _borrow_a_name(libc)
    os.umask(0o077)
    if parent:
        # After setuid, which clears it. SIGINT: PostgreSQL's fast shutdown, which waits for no client.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            sys.exit(1)
    os.chdir("/")
    os.execv(command[0], command)  # noqa: S606 - becoming the command is the point


def _has_name(uid: int) -> bool:
    import pwd

    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _borrow_a_name(libc: ctypes.CDLL) -> None:
    """Let initdb, which insists on its user's name, see a named id: in a user namespace of its own."""
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        sys.exit(f"uid {uid} has no name in /etc/passwd and the kernel lends none")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_NAMED_ID} {uid} 1"),
        ("gid_map", f"{_NAMED_ID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - no imports here
            file.write(text)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
