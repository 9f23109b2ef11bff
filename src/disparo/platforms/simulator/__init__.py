"""A simulated SMS platform: a process of its own, for trying an installation and for every fault test.

Loopback only. What it takes is in its append-only log before its answer leaves, and there is a line of its
own for the end of each call (`answered_at`). The HTTP API:

- `POST /v1/messages` `{"to", "text", "reference", "callback"?}` -> 200 `{"id"}`, or an error with `code`.
- `GET /v1/messages?limit=` -> `{"messages": [...]}`, the newest first. `GET /v1/stats` -> counts and doubles.
- `GET /v1/message?reference=` -> `{"id", "reference", "status"}`, 404 where it is not known.
- `POST /v1/behaviour` -> how it behaves from now on, see `behaviour.Behaviour`; `GET` shows it.
- To `callback` it posts receipts: `{"id", "reference", "status", "code", "carrier"}`, again until a 2xx.
- `GET /` shows what arrived, for a person.
"""
