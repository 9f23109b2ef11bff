"""Data in: customers and invoices, from files and from other programs.

- Files: `file_import` streams one in. `open_table` opens it (`csv_tables`, `xlsx_tables`, `workbooks`, all
  of the shape in `tables`; `kept_rows` are read twice); `columns` finds which column is which field, by
  `column_names` and with `phone_columns`, and `column_warnings` says what that leaves open; `csv_fields`,
  `moments`, `amount_style` and `day_order` read single values, `row_readers` makes rows of lines,
  `cut_amounts` finds those that a comma has shifted, `whole_lines` one that is cut, `import_report` says what
  became of them, `refused_lines` keeps those not stored, `seen_ids` tells which ids came twice.
- Live sources: `base` has the shape of one, `build` makes them from the settings, `sync` brings a register
  over and keeps it up to date, by a `sync_plan`; `listing` tells whether its pages were all there is,
  `asking_again` asks for what is about to be sent, `lookout` for one invoice, `moved` for one that its
  customer's list lacks.
- HubSoft: `hubsoft` (the source), `hubsoft_settings`, `hubsoft_login`, `hubsoft_answers`, `hubsoft_fields`,
  `hubsoft_names`, `json_values`, `hubsoft_tokens`, `hubsoft_parts` (a page that it cannot make whole).
- `demo_data`: a small made-up register.

How a live one is added: docs/adding-a-source.md.
"""
