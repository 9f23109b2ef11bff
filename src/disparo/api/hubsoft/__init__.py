"""The compatible API: HubSoft's words on the wire, ours behind them.

docs/api.md §3, §4, §5; docs/hubsoft.md.

- `enviar_sms`: `routes`, `sending` (what it does), `reading` (what callers send), `mapping` (what they are
  answered), `schemas`. `express` is its short way, and that of receipts. Tokens: `oauth`.
- Bulk runs: `bulk_routes`, `bulk_mapping`, `bulk_schemas`. Upserts: `pushes`, `push_names` (other names of
  their fields), `push_schemas`.
- Lookups: `lookups`, `lookup_reading`, `customer_view`, `invoice_view`, `lookup_schemas`.
- `pass_through`: routes that we do not serve, passed on to HubSoft.
- `opt_out_routes`: numbers that want no SMS. `paging`: pages of long answers.
- `words`: our stored values in the words that clients read.
"""
