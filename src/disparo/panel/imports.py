"""A file of customers, contacts or invoices: looked over, columns and faults, and only then stored.

The file is kept (`db/uploads.py`) while it is looked over: any server process may get the next form.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, uploads
from disparo.domain.ids import new_id
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.fields import Wrong
from disparo.panel.pages import render
from disparo.panel.services import PanelServices, services_of
from disparo.sources.column_warnings import warn
from disparo.sources.columns import ColumnsMissing, ColumnsUnclear, Proposal
from disparo.sources.file_import import Options, import_file, look
from disparo.sources.import_report import BadLine, Report
from disparo.sources.tables import NotReadable
from disparo.wording import field_words

_MOST_BYTES = 16_777_216
BODY_LIMIT = _MOST_BYTES + 65_536
_SHOWN_FAULTS = 50
_LONGEST_NAME = 100
KINDS: Mapping[str, str] = {"clientes": "Clientes", "contatos": "Contatos de clientes", "faturas": "Faturas"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file would come to, or came to; `proposal` None: it is no table that could be imported."""

    upload_id: UUID
    kind: str
    name: str
    proposal: Proposal | None = None
    wrong: str | None = None
    stored: int = 0
    bad_count: int = 0
    bad: Sequence[BadLine] = ()
    told: Sequence[str] = ()
    is_done: bool = False


async def show(request: Request, person: Person) -> Response:
    """Show the form."""
    del person
    return _page(request)


async def check(request: Request, person: Person) -> Response:
    """Show what a file would come to, with columns as the person takes them; nothing is stored."""
    form = await fields.read_form(request)
    try:
        upload_id, kind, name, content = await _file(request, form, person)
    except Wrong as wrong:
        return _page(request, status=422, wrong=str(wrong))
    async with _on_disk(content) as path:
        found = await _look_over(services_of(request), path, Checked(upload_id, kind, name), form)
    return _page(request, found, status=422 if found.proposal is None else 200)


async def store(request: Request, person: Person) -> Response:
    """Store the good lines of a file that was looked over; done twice it changes nothing more."""
    form = await fields.read_form(request)
    services, (upload_id, kind, name, content) = services_of(request), await _kept(request, form, person)
    async with _on_disk(content) as path:
        found = await _look_over(services, path, Checked(upload_id, kind, name), form, simulate=False)
    if found.wrong:
        return _page(request, found, status=422)
    async with services.pool.acquire() as connection, connection.transaction():
        detail = {"kind": kind, "stored": found.stored, "refused": found.bad_count}
        await accounts.audit(connection, actor=person.actor, action="imported", detail=detail)
    return _page(request, replace(found, is_done=True))


async def show_refused(request: Request, person: Person) -> Response:
    """Give the lines that are not stored as a CSV, as they came, each with the reason."""
    form = await fields.read_form(request)
    upload_id, kind, name, content = await _kept(request, form, person)
    async with _on_disk(content) as path:
        refused = path.with_name("recusadas")
        checked = Checked(upload_id, kind, name)
        found = await _look_over(services_of(request), path, checked, form, refused=refused)
        if found.wrong:
            raise Wrong(found.wrong)
        body = await asyncio.to_thread(refused.read_bytes)
    headers = {
        "Content-Disposition": f'attachment; filename="{kind}-recusadas.csv"',
        "Cache-Control": "no-store",
    }
    return Response(body, media_type="text/csv; charset=utf-8", headers=headers)


async def _file(request: Request, form: FormData, person: Person) -> tuple[UUID, str, str, bytes]:
    """Give the file that comes with a form, or the one it speaks of; raises Wrong."""
    given = form.get("arquivo")
    if not isinstance(given, UploadFile) or not given.filename:
        if form.get("envio"):
            return await _kept(request, form, person)
        raise Wrong("Escolha um arquivo CSV ou XLSX.")
    kind = fields.choice(form, "tipo", KINDS)
    if not kind:
        raise Wrong("Diga o que está no arquivo: clientes, contatos ou faturas.")
    content, upload_id = await given.read(), new_id()
    if len(content) > _MOST_BYTES:
        raise Wrong("O arquivo passa de 16 MB. Divida-o, ou use o comando disparo importar.")
    name = Path(given.filename.replace("\\", "/")).name[:_LONGEST_NAME].replace("\0", "")
    async with services_of(request).pool.acquire() as connection:
        await uploads.keep(
            connection, upload_id, user_id=person.user_id, kind=kind, name=name, content=content
        )
    return upload_id, kind, name, content


async def _kept(request: Request, form: FormData, person: Person) -> tuple[UUID, str, str, bytes]:
    try:
        upload_id = UUID(fields.text(form, "envio"))
    except ValueError:
        upload_id = UUID(int=0)
    async with services_of(request).pool.acquire() as connection:
        row = await uploads.read(connection, upload_id, user_id=person.user_id)
    if row is None:
        raise Wrong("O arquivo conferido não está mais aqui. Escolha-o de novo.")
    return upload_id, row["kind"], row["name"], row["content"]


async def _look_over(
    services: PanelServices,
    path: Path,
    checked: Checked,
    form: FormData,
    *,
    simulate: bool = True,
    refused: Path | None = None,
) -> Checked:
    """Import a file, or do as if; `wrong` in the answer says why it cannot be."""
    given = [value for value in form.getlist("coluna") if isinstance(value, str)]
    try:
        chosen = await asyncio.to_thread(_chosen, checked.kind, path, given)
        options = Options(simulate=simulate, refused=refused, confirmed=chosen, zone=services.settings.zone)
        async with services.pool.acquire() as connection:
            report = await import_file(connection, checked.kind, path, options)
    except ColumnsMissing as missing:
        many = "estas colunas" if len(missing.missing) > 1 else "esta coluna"
        names = ", ".join(missing.missing)
        said = f"Não achei no arquivo {many}: {names}. Diga abaixo qual coluna é, e confira de novo."
        return replace(checked, proposal=missing.proposal, wrong=said + missing.beside)
    except ColumnsUnclear as unclear:
        said = f"{unclear} Diga abaixo qual delas entra, ponha a outra em (não importar), e confira de novo."
        return replace(checked, proposal=unclear.proposal, wrong=said)
    except NotReadable as error:
        return replace(checked, wrong=str(error))
    return _told(checked, report)


def _told(checked: Checked, report: Report) -> Checked:
    return replace(
        checked,
        proposal=report.proposal,
        stored=report.stored,
        bad_count=report.bad_count,
        bad=report.bad[:_SHOWN_FAULTS],
        told=report.told,
    )


def _chosen(kind: str, path: Path, given: Sequence[str]) -> Proposal | None:
    """Give what a person takes each column for, '' for nothing; by its place: two may have one name."""
    if not given:
        return None
    try:
        ours = look(kind, path)
    except ColumnsUnclear as unclear:
        ours = unclear.proposal
    theirs = [field or None for field in given[: len(ours.fields)]]
    return replace(ours, fields=[*theirs, *ours.fields[len(theirs) :]])


@asynccontextmanager
async def _on_disk(content: bytes) -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(prefix="disparo-") as folder:
        path = Path(folder) / "arquivo"
        await asyncio.to_thread(path.write_bytes, content)
        yield path


def _page(
    request: Request, found: Checked | None = None, *, status: int = 200, wrong: str | None = None
) -> Response:
    return render(
        request,
        "importar.html",
        status=status,
        found=found,
        wrong=wrong or (found.wrong if found else None),
        warning=_warning(found) if found else None,
        kinds=KINDS,
        choices={} if found is None else field_words.fields(found.kind),
    )


def _warning(found: Checked) -> str | None:
    if found.proposal is None or found.wrong or found.is_done:
        return None
    return warn(found.kind, found.proposal)
