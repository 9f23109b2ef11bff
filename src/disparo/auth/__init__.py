"""Who may call: passwords, access tokens, permissions, rate limits.

`tokens` signs and reads access tokens, with keys from `signing_keys`; `live_tokens` tells whether one still
lives; `throttle` counts calls over all server processes. `enrolment` adds users and API clients, and shuts
them out.
"""
