"""The command line: `app` loads the one command that is asked for; what people read is Portuguese.

For its users: docs/pt-BR/operar.md. A module has the commands of one matter: `messages` has four.

- Processes: `run` (all of one machine, as `launch` puts it together; it prints `banner`), `serve`, `worker`
  (with its `chores`), `simulator`. `processes` keeps children running, `listening` says where a server
  listens, `stopping` how one is told to end, `notify` tells systemd, `health_watch` looks from outside,
  `failing_starts` notes those that fail, `outage` keeps what was told from one start to the next, `telling`
  tells people.
- Setting up: `install` (what it writes: `installation/`), `doctor` (what it looks at: `examine/`), `db`
  (backup, restore), `upgrade` (a copy before a new version), `demo`.
- Who may call: `accounts`, `access_tokens`; `credentials` are made here.
- Data and sending: `imports`, `sync`, `bulk` (with `bulk_progress`, `bulk_words`, `paused_runs`), `simulate`,
  `messages`, `platforms`, `opt_outs`, `subjects` (what the law gives whoever the data are about).
- What commands share: `context` (settings and database), `asking` and `phones` (what people type), `tables`,
  `portuguese` (the library's own words), `spoken_log` (its log, in words), `called_off` (SIGTERM as Ctrl-C).
"""
