"""The HTTP server: what clients, platforms and monitors call (docs/api.md).

`app` is the composition root of a server process; it makes `services`, which every route is handed.
`server` runs it under uvicorn.

- Routes: `hubsoft/` (the compatible API and our own beside it), `oauth` (tokens), `webhooks` (platforms,
  let in by `doors`), `health` with `gauges` (/saude, /metrics), `docs_page`. `express` is the short way of
  enviar_sms and receipts.
- Each call: `edge` (the outermost layer), `callers` and `access` (who calls), `bodies` (what is sent),
  `errors` (how it fails), `cors`, `heads`, `schemas` (the OpenAPI document).
- Beside HubSoft: `beside`, `pass_through`.
- Under uvicorn, where it does not do what we promise: `bounded`, `endings`, `impatient`, `one_write`,
  `raw_addresses`, `upgrades`. Also `certificate`, and `full_disk` (what calls met of it).
"""
