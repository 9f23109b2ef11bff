"""What is stored, in the Portuguese that people read: in the panel, on the command line, in alerts.

`words` for states and actions, `reason_words` for why; `code_words` for platforms' codes; `receipt_words`,
`alert_words`, `duration_words`, `moment_words`, `platform_words`, `subject_words`, `field_words` for what
their names say.
`plain` keeps foreign text on its line.
"""
