"""PostgreSQL: every statement of the program, and the private server that it brings along.

A function here takes a `Connection` and runs in its caller's transaction. Hot statements are in `sql/`, one
a file, loaded by `pool.sql`; migrations are in `migrations/` and run by `migrate`.

- The server: `pool` (connections, and their settings), `silent_lines` (those cut off without a word),
  `libpq` and `tls_relay` (how psql and pg_dump get there),
  `embedded` (our own PostgreSQL) with `cluster`, `data_dir`, `postgres_binaries`, `postgres_child`,
  `postgres_log` and `server_options`; `connections`, `migrate`, `installation` (is this a copy).
- Messages: `messages`, `chunks`, `dispatches`, `unsettled` (uncertain, held), `idempotency`,
  `extra_phones`, `phone_turns` (frequency caps), `workers`.
- Bulk runs: `bulk_runs`, `bulk_slices`, `bulk_looks` (what a slice would come to), `bulk_messages`,
  `overlaps` (what else is of the same invoices).
- Platforms: `platform_states`, `platform_use`, `rates` (limits), `seats` (who is connected), `receipts`,
  `receipt_polls`, `inbound`, `phones`.
- The register: `customers` with `register_upsert`, `invoices`, `register`, `register_counts`, `numbers`,
  `opt_outs`, `templates`, `uploads`, `sync_states`, `erasure`, `personal_data`.
- People and programs: `accounts`, `audit`, `sessions`, `tokens`, `rate_limits` (of calls).
- What screens and lookups read: `message_pages`, `dispatch_pages`, `dispatch_lists`, `lookups`,
  `customer_search`, `invoice_lookups`, `day`, `figures`, `where` (conditions put together).
- What must be noticed, and what ends: `alerts`, `signs`, `prune`.
"""
