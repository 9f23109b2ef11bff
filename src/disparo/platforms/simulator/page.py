"""The simulator's page for people: what arrived, newest first. No script; it reloads itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment

from disparo.platforms.simulator.store import Entry

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
ol { list-style: none; padding: 0; }
li { border: 1px solid #8886; border-radius: .75rem; padding: .75rem 1rem; margin: .75rem 0; }
li p { margin: .25rem 0 0; overflow-wrap: anywhere; }
small { opacity: .75; }
.warn { color: #b00020; font-weight: 600; }
"""

_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="pt-BR">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="3">
<title>Plataforma de SMS simulada</title>
<link rel="stylesheet" href="/estilo.css">
</head>
<body>
<h1>Plataforma de SMS simulada</h1>
<p>Aqui chegam os SMS do Disparo enquanto nenhuma plataforma real está ligada. Nada sai desta máquina.</p>
<p><strong>{{ stats.taken }}</strong> SMS recebidos;
{% if stats.doubles_by_reference %}<span class="warn">{{ stats.doubles_by_reference }} repetidos</span>
{% else %}nenhum repetido{% endif %}.</p>
{% if messages %}<ol>{% for m in messages %}
<li><strong>{{ m.to }}</strong> <small>{{ time(m.at) }} · {{ status.get(m.status, "recebido") }}</small>
<p>{{ m.text }}</p></li>{% endfor %}</ol>
{% else %}<p>Nenhum SMS ainda. Faça uma chamada a <code>enviar_sms</code> e ele aparece aqui.</p>{% endif %}
</body>
</html>
""")
_STATUS = {"sent": "na operadora", "delivered": "entregue", "undelivered": "não entregue"}


def render_page(messages: list[Entry], stats: dict[str, Any], *, zone: ZoneInfo) -> str:
    """Give the page's HTML, with times as they are in `zone`; every value is escaped."""

    def time(at: float) -> str:
        return datetime.fromtimestamp(at, zone).strftime("%d/%m/%Y %H:%M:%S")

    return _PAGE.render(messages=messages, stats=stats, status=_STATUS, time=time)
