"""Whoever follows a citation of a page, a section or a decision finds it in this repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "docs", "bench", "bootstrap", "deploy")
#: Presets (.toml) name the pages of their vendors.
SUFFIXES = {".py", ".sql", ".md", ".sh"}
#: Whose text becomes a page elsewhere: the links in it start from there.
WRITES_INTO = {"tests/contract/table.py": ROOT / "docs" / "platforms"}

#: A quoted name alone is a path that code puts together, and a link's label is no citation.
PAGE = re.compile(r"""(?<!["'\w./-])(?:\./)?([\w./-]+\.md)(?!\]\()(?:#([\w-]+))?`?((?:,? §\d+(?:\.\d+)?)*)""")
SECTION = re.compile(r"§(\d+)(?:\.(\d+))?")
#: Files that are yet to be written by whoever follows the instructions.
PLACEHOLDERS = {"docs/platforms/NAME.md", "src/disparo/platforms/presets/NAME.toml"}
#: Files of ours that pages name, and tests by their file's name alone.
FILE = re.compile(r"(?<![\w./-])((?:src|tests|bench|bootstrap|deploy)/[\w./-]+\.[a-z]+|test_\w+\.py)\b")
DECISION = re.compile(r"\bdecisions?[ /](\d{4})\b")


def _texts():
    loose = [*ROOT.glob("*.md"), ROOT / "dev"]
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    for path in sorted(loose + found):
        if path != Path(__file__):
            yield path, re.sub(r"\w+://\S+", "", path.read_text(encoding="utf-8"))


TEXTS = dict(_texts())


def _page(cited, path):
    places = (ROOT, WRITES_INTO.get(str(path.relative_to(ROOT)), path.parent))
    return next((place / cited for place in places if (place / cited).is_file()), None)


def _sections(page):
    """The numbered headings of a page, each with how many numbered items stand under it."""
    parts = re.split(r"(?m)^#+ (\d+)\. .*$", TEXTS[page.resolve()])
    return {
        int(number): len(re.findall(r"(?m)^\d+\. ", body))
        for number, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def _anchors(page):
    titles = re.findall(r"(?m)^#+ (.*)$", TEXTS[page.resolve()])
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def _leads_nowhere(cited, path):
    name, anchor, sections = cited
    page = _page(name, path)
    if page is None or (anchor and anchor not in _anchors(page)):
        return True
    return any(
        _sections(page).get(int(number), -1) < int(item or 0) for number, item in SECTION.findall(sections)
    )


def test_every_page_and_section_that_is_cited_exists():
    cited = [
        (path, found)
        for path, text in TEXTS.items()
        for found in PAGE.findall(text)
        if found[0] not in PLACEHOLDERS
    ]
    assert len(cited) > 150
    assert [
        (str(path.relative_to(ROOT)), found) for path, found in cited if _leads_nowhere(found, path)
    ] == []


#: Records of a day, which name what there was then.
RECORDS = {ROOT / "CHANGELOG.md", *(ROOT / "docs" / "decisions").glob("*.md")}


def test_every_file_that_a_page_names_exists():
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    pages = [path for path in TEXTS if path.suffix == ".md" and path not in RECORDS]
    cited = {(path.name, name) for path in pages for name in {*FILE.findall(TEXTS[path])} - PLACEHOLDERS}
    assert len(cited) > 60
    assert [found for found in cited if not (ROOT / found[1]).is_file() and found[1] not in tests] == []


def test_every_decision_that_is_cited_exists():
    there = {page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md")}
    cited = {(str(path), number) for path, text in TEXTS.items() for number in DECISION.findall(text)}
    assert [found for found in cited if found[1] not in there] == []


@pytest.mark.parametrize(
    ("citation", "parts"),
    [
        ("see docs/delivery.md §4.4).", ("docs/delivery.md", "", " §4.4")),
        ("(`docs/api.md` §1, §4)", ("docs/api.md", "", " §1, §4")),
        ("[x](painel.md#entrar)", ("painel.md", "entrar", "")),
    ],
)
def test_what_a_citation_looks_like(citation, parts):
    assert PAGE.findall(citation) == [parts]
