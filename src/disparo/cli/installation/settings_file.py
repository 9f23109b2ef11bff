"""The settings file of a new installation: every setting with its default and a word on what it is.

It is made from `Settings` itself, so that none can be missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from disparo.domain.template import DEFAULT
from disparo.settings import Settings

_HEAD = """\
# Configuração do Disparo. O que está comentado mostra o padrão, ou um exemplo onde não há um; tire o # para
# mudar, e confira:
#   sudo disparo doctor
# Quase tudo vale em poucos segundos; o que docs/pt-BR/operar.md diz (Mudar com tudo no ar), só reiniciando:
#   sudo systemctl restart disparo
# Este arquivo guarda segredos: root:disparo, modo 0640.
"""
_TAIL = """\

# ---- Plataformas de SMS
# `disparo plataforma presets` lista as que já vêm prontas, e com o nome de uma mostra o que colar.
# [platforms.comtele]
# type = "comtele"
# secrets.chave = "file:/etc/disparo/comtele.chave"
# webhook_secret = "um texto longo e aleatório, seu"
"""
#: In the order in which a person needs them.
_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Onde as coisas estão": {
        "data_dir": "pasta do banco próprio",
        "database_url": "o seu PostgreSQL (15 ou mais novo), em vez do banco próprio",
        "host": "endereço em que escutar; atrás do nginx, deixe assim",
        "port": "porta em que escutar",
        "public_url": "endereço https pelo qual as plataformas entregam as confirmações",
        "trusted_proxies": 'proxies cujo X-Forwarded-For vale; com nginx nesta máquina: ["127.0.0.1"]',
        "tls_certificate": "certificado (PEM), se não há proxy com TLS na frente",
        "tls_key": "chave do certificado (PEM)",
        "cors_origins": "páginas de outros endereços que podem chamar a API",
    },
    "O que o cliente lê": {
        "brand": "nome no começo do SMS",
        "template": "texto do SMS; há {marca} {primeiro_nome} {valor} {vence} {vencimento} {pagamento} "
        "{link} {linha_digitavel} {pix} {observacao}",
        "company_name": "nome da empresa nas consultas da API; vazio: a marca",
        "company_document": "CNPJ da empresa nas consultas da API",
        "timezone": "fuso horário das telas, das respostas da API e de `hours` das plataformas",
        "max_segments": "partes de SMS que uma mensagem pode ter",
    },
    "Envio": {
        "real_sending": "true libera plataformas de verdade; antes disso, só os números de test_numbers",
        "test_numbers": 'números que podem receber antes disso, como "+5511988887777"',
        "alerts": 'quem é avisado de falhas, em endereços do Apprise: ["tgram://...", "mailto://..."]',
        "max_per_phone_day": "avisos e cobranças que um telefone recebe por dia; 0: sem limite",
        "max_per_phone_week": "... em sete dias",
        "extra_holidays": 'feriados do município: ["20/01", "08/12/2026"]',
        "dispatch_delay_s": "segundos entre aceitar e enviar",
        "tries": "entregas que uma mensagem pode ter; acima de 1 pode haver SMS em dobro",
        "timeout_s": "quanto uma mensagem espera, contado só em horário permitido",
        "worker_memory_mb": "acima disso o worker termina o que tem e reinicia",
        "queue": "nome da fila na resposta da API",
    },
    "Chamadas": {
        "allow_paid": "enviar também faturas pagas",
        "allow_zero": "enviar também faturas de R$ 0,00",
        "max_extra_phones": "telefones adicionais por chamada",
        "max_extra_phones_per_day": "telefones adicionais por dia e cliente de API",
        "rate_per_s": "chamadas por segundo e cliente de API; 0 desliga",
        "rate_burst": "chamadas seguidas permitidas",
        "token_rate_per_min": "pedidos de token por minuto; 0 desliga",
        "token_rate_burst": "pedidos de token seguidos permitidos",
        "access_token_s": "validade de um token, em segundos",
        "body_limit_bytes": "tamanho máximo do corpo de uma chamada",
        "register_body_limit_bytes": "... de PUT cliente e PUT fatura",
        "bulk_body_limit_bytes": "... de um disparo em lote",
        "group_commit": "juntar numa só gravação as chamadas que chegam juntas",
        "most_waiting": "chamadas à espera em cada processo do servidor; além disso, 503 na hora",
    },
    "Junto do HubSoft: docs/pt-BR/hubsoft-ao-lado.md": {
        "hubsoft_url": "endereço do HubSoft do provedor; vazio: sozinho",
        "hubsoft_client_id": "credencial de API com que o HubSoft é consultado",
        "hubsoft_client_secret": "... seu segredo",
        "hubsoft_username": "... seu usuário",
        "hubsoft_password": "... sua senha",
        "hubsoft_verify_tls": "conferir o certificado do HubSoft",
        "hubsoft_timeout_s": "segundos até desistir de uma resposta dele",
        "hubsoft_local_client": "cliente de API (ID) como o qual valem os tokens do próprio HubSoft",
        "hubsoft_login": "passar ao HubSoft os pedidos de token de clientes que não são daqui",
        "sync_every_s": "segundos entre sincronizações; 0: só com `disparo sincronizar`",
        "sync_months_back": "meses para trás que a sincronização busca",
        "sync_months_ahead": "meses para a frente",
        "sync_sms_permission": "o que vale para SMS, já que a API dele não diz",
        "max_data_age_s": "dados mais velhos são consultados de novo antes do envio; 0: nunca",
        "single_when_source_down": "com o HubSoft fora do ar, chamadas avulsas: send (vão) ou wait (esperam)",
    },
    "Guarda": {
        "keep_text_days": "dias em que o texto dos SMS é guardado; 0: sempre",
        "keep_evidence_days": "dias em que as provas de envio são guardadas; 0: sempre",
    },
    "Acompanhamento": {
        "metrics_networks": "redes que podem ler /metrics; em lugar destas: mantenha esta máquina",
        "metrics_token": "ou quem mandar este token (Authorization: Bearer)",
        "upgrade_backup": "copiar o banco para data_dir/backups antes que uma versão nova o altere",
        "backup_max_age_days": "avisar quando o último `disparo db backup` é mais velho; 0: nunca",
        "clock_url": "endereço cujo relógio o `disparo doctor` compara com o desta máquina",
        "log_level": "DEBUG, INFO, WARNING ou ERROR",
    },
}
_EXAMPLES: Mapping[str, str] = {
    "database_url": '"postgresql://disparo:SENHA@servidor/disparo"',
    "public_url": '"https://sms.provedor.com.br"',
    "tls_certificate": '"/etc/disparo/tls.crt"',
    "tls_key": '"/etc/disparo/tls.key"',
    "template": f'"{DEFAULT}"',
    "metrics_token": '"um texto longo e aleatório"',
    "clock_url": '"https://www.example.com"',
    "hubsoft_url": '"https://hubsoft.provedor.com.br"',
    "hubsoft_local_client": "1",
}


def settings_text(data_dir: Path) -> str:
    """Give the whole file; only the data folder is set."""
    lines = [_HEAD.rstrip("\n")]
    described = {name for section in _SECTIONS.values() for name in section} | {"platforms"}
    others = {name: "" for name in Settings.model_fields if name not in described}
    for title, names in [*_SECTIONS.items(), *([("Outras", others)] if others else [])]:
        lines += ["", f"# ---- {title}", *_section(names, data_dir)]
    return "\n".join(lines) + _TAIL


def _section(names: Mapping[str, str], data_dir: Path) -> Iterable[str]:
    for name, explanation in names.items():
        if name == "data_dir":
            yield f"# {explanation}\n{name} = {json.dumps(str(data_dir))}\n"
            continue
        default = Settings.model_fields[name].get_default(call_default_factory=True)
        value = _EXAMPLES.get(name) or (_blank(name) if default is None else toml_value(default))
        yield (f"# {explanation}\n" if explanation else "") + f"# {name} = {value}\n"


def _blank(name: str) -> str:
    """Stand in for a setting that has no default."""
    return "0" if "int" in str(Settings.model_fields[name].annotation) else '""'


def toml_value(value: Any) -> str:
    """Write a default as TOML would have it."""
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value), ensure_ascii=False)
