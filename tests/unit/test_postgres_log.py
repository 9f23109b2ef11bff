"""Why the private PostgreSQL does not start, in its own words."""

from __future__ import annotations

import pytest

from disparo.db.postgres_log import log_file, open_at_end, reason_since, size_of

EARLIER = "2026-11-01 10:00:00 UTC [1] FATAL:  of an earlier fall\n"
STARTS = "2026-11-30 10:00:00 UTC [7] LOG:  starting PostgreSQL 18.0\n"
PANIC = "2026-11-30 10:00:01 UTC [7] PANIC:  could not locate a valid checkpoint record\n"
ASKED = "2026-11-30 10:00:01 UTC [8] FATAL:  the database system is starting up\n"
NOT_YET = "2026-11-30 10:00:01 UTC [8] FATAL:  the database system is not yet accepting connections\n"
ENDS = "2026-11-30 10:00:02 UTC [7] LOG:  database system is shut down\n"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([STARTS, PANIC, ENDS], PANIC),
        ([STARTS, PANIC, ASKED, NOT_YET, ENDS], PANIC),
        ([STARTS, ASKED, ENDS], ENDS),  # nothing better
        (
            ["postgres: error while loading shared libraries\n"],
            "postgres: error while loading shared libraries\n",
        ),
        ([], ""),
    ],
)
def test_the_reason_is_told_and_not_what_was_said_after_it(tmp_path, lines, reason):
    path = tmp_path / "postgres.log"
    path.write_text(EARLIER)
    before = size_of(path)
    with path.open("a") as file:
        file.writelines(lines)
    assert reason_since(path, before) == reason.strip()


def test_one_that_was_cut_down_meanwhile_is_read_whole(tmp_path):
    path = tmp_path / "postgres.log"
    path.write_text(STARTS + PANIC + ENDS)
    assert reason_since(path, 10_000_000) == PANIC.strip()


def test_one_that_is_not_there_says_nothing(tmp_path):
    path = tmp_path / "postgres.log"
    assert (size_of(path), reason_since(path, 0)) == (0, "")


@pytest.mark.parametrize("is_there", [False, True])
def test_nobody_else_reads_it(tmp_path, is_there):
    log = log_file(tmp_path)
    if is_there:
        log.write_bytes(b"begin\n")
        log.chmod(0o644)
    with open_at_end(tmp_path) as file:
        file.write(b"more\n")
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.read_bytes() == (b"begin\nmore\n" if is_there else b"more\n")
