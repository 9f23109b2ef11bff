"""SMSCs: an SMPP 3.4 client of our own (docs/decisions/0041).

`pdu` and `text` are the wire, `writer` makes submissions of messages, `long_text` sends one that has several
parts, `statuses` and `receipts` read what comes back, `session` is one bound connection, `binds` keeps those
of a platform open, `platform` is the whole as a `Platform`, `settings` is its table.
"""
