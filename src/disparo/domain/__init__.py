"""The rules of the field, pure: no input or output, no framework, no settings.

`message` (states and moves), `outcome` (what platforms say), `windows` (sending hours), `waits`, `retry`,
`routing` (which platform), `recipients`, `phone`, `sms_text`, `template`, `gaps`, `boleto`, `pix`, `cnpj`,
`money`, `ids`, `states`, `local_holidays`, `stop_words`.
"""
