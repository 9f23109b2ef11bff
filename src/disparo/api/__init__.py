"""The HTTP server: what clients, platforms and monitors call (docs/api.md).

`app` is the composition root of a server process; it makes `services`, which every route is handed.
`server` runs it under uvicorn, with a certificate from `certificate` and `served_certificate`.

- Routes: `hubsoft/` (the compatible API, tokens, and our own beside it), `webhooks` (platforms, let in by
  `doors`), `health` with `gauges` (/saude, /metrics), `docs_page`.
- Each call: `edge` (the outermost layer), `callers` and `access` (who calls), `header_fields` and `bodies`
  (what is sent), `errors` (how it fails), `cors`, `heads`, `schemas` (the OpenAPI document), `full_disk`
  (calls that found no room), `reading_on` (the rest of a refused body),
  `turns` (long calls wait for each other).
- Beside HubSoft: `beside`. Under uvicorn, where it does not do what we promise: `protocol/`.
"""
