"""The panel at /painel: pages in Portuguese for the billing clerk and the administrator.

For its users: docs/pt-BR/painel.md.

`app` has the routes; every page passes `access` (session, forgery token, permission) and is made by `pages`
from a template in `templates/`.

- Pages: `home`, `messages`, `message`, `dispatches`, `new_dispatch` and `create_dispatch` (its button),
  `attention` (uncertain and held), `replies`, `search`, `imports`, `opt_outs`, `platforms`, `template`,
  `statement`, `audit`, `users`, `api_clients`, `sign_in`, `own_password`.
- Words: `disparo.wording` (what is stored, as people read it), and `notices` (what was done).
- Parts of pages: `progress`, `matters` (what needs a person now), `invoice_list`, `export` (CSV),
  `cursors` (where a list goes on), `fields` (what people type).
- Around them: `services` (what it works with), `assets`, `headers`, `routing`, `failures` (how they look).
"""
