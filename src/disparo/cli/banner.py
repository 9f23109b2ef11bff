"""What `disparo run` prints when all is ready."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from disparo.cli.credentials import Credentials
from disparo.cli.launch import Plan
from disparo.cli.paused_runs import in_folder

SEED_BODY = '{"id_fatura":"11000", "telefone_adicional":["11988887777","1188887776"]}'
_PLACEHOLDERS = Credentials(0, "SEGREDO", "EMAIL", "SENHA")


def banner(plan: Plan, credentials: Credentials | None, *, has_client: bool) -> str:
    """Give addresses, credentials where they are new, and the first calls to paste."""
    lines = ["", f"Disparo no ar: {plan.base_url}    (documentação da API: {plan.base_url}/docs)"]
    lines.append(f"Painel, com o mesmo usuário e senha: {plan.base_url}/painel")
    if plan.simulator_url is not None:
        lines.append(f"SMS que chegam na plataforma simulada: {plan.simulator_url}")
    if credentials is None:
        new_client = f"  disparo cliente-api criar NOME{_folder(plan)}"
        if has_client:
            lines += [
                "",
                "As credenciais foram mostradas quando foram criadas. Para criar outras:",
                f"  disparo usuario criar EMAIL{_folder(plan)}",
                new_client,
            ]
        else:
            lines += ["", "Ainda não há cliente de API; crie um:", new_client]
        credentials = _PLACEHOLDERS
    else:
        if plan.simulator_url is not None:
            lines.append(
                "Clientes e faturas de exemplo, inventados, saem quando houver uma plataforma de verdade."
            )
        lines += [
            "",
            "Credenciais desta instalação (mostradas só agora; guardadas com hash):",
            f"  client_id: {credentials.client_id}    client_secret: {credentials.client_secret}",
            f"  usuário: {credentials.username}    senha: {credentials.password}",
        ]
    return "\n".join([*lines, *_steps(plan, credentials), *_program(), "", "Ctrl-C encerra."])


def _program() -> list[str]:
    """Say how commands are typed where `disparo` is none, as in a copy of the repository."""
    program = Path(sys.executable).with_name("disparo")
    if shutil.which("disparo") or not program.exists():
        return []
    return ["", f"Aqui, o comando disparo é {program}"]


def _folder(plan: Plan) -> str:
    """A database of one's own is in no folder, and commands refuse one beside it."""
    return in_folder(None if plan.settings.database_url else plan.data_dir)


def _steps(plan: Plan, credentials: Credentials) -> list[str]:
    """Write the calls out, to be copied; with a platform of one's own none goes to a made-up number."""
    insecure = " -k" if plan.tls else ""
    body = json.dumps(
        {
            "grant_type": "password",
            "client_id": str(credentials.client_id or "ID"),
            "client_secret": credentials.client_secret,
            "username": credentials.username,
            "password": credentials.password,
        }
    )
    lines = [
        "",
        "1. Peça um token:",
        f"curl{insecure} -X POST {plan.base_url}/oauth/token \\",
        f"  --header 'Content-Type: application/json' -d '{body}'",
        "",
    ]
    send, invoice = "2. Envie uma fatura (troque TOKEN pelo access_token):", SEED_BODY
    if plan.simulator_url is None:
        lines += [
            "2. Traga clientes e faturas (do HubSoft, se está configurado, eles vêm sozinhos):",
            f"disparo importar clientes clientes.csv{_folder(plan)}",
            f"disparo importar faturas faturas.csv{_folder(plan)}",
            "",
        ]
        send = "3. Envie uma fatura, de verdade (troque TOKEN pelo access_token e FATURA pelo id dela):"
        invoice = '{"id_fatura":"FATURA"}'
    return [
        *lines,
        send,
        f"curl{insecure} -X POST --header 'Accept:application/json' \\",
        "  --header 'Authorization: Bearer TOKEN' --header 'Content-Type: application/json' \\",
        f"  {plan.base_url}/api/v1/integracao/cliente/financeiro/enviar_sms \\",
        f"  -d '{invoice}'",
    ]
