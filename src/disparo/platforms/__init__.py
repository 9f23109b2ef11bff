"""SMS platforms: from a message to a call on the wire, and from what they answer to outcomes and receipts.

Nothing here knows the database, the queue or the settings. `base` has the one shape of a platform, the
hand-over and the webhooks use nothing else; `registry` makes platforms from the settings' tables (`table`),
each behind the `guard` that lets no real SMS leave before the administrator says so.

- By configuration: `generic_http` with `generic_settings` and `generic_rules` (what can be said),
  `generic_calls`, `generic_answers`, `generic_receipts` and `generic_questions`, `placeholders`,
  `json_paths`, `xml_text`, `xml_trees`, `forms`, `masking`; `presets/` are tables of it, found by name
  (`presets`).
- `http`: one hand-over is one write on the wire. `authenticity`: whether a call to our webhook is the
  platform's.
- `smpp/`: SMSCs, by a client of our own. `simulator/`: the simulated platform, a process of its own.
- `clock`: our clock beside theirs. `unknown_codes`: codes that no table knows, counted.

How one is added: docs/adding-a-platform.md.
"""
