"""Who takes a `Connection` runs in its caller's transaction; who takes a `Pool` owns its own."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "disparo"

#: Those that open one of their own on a connection that is handed to them, and why.
OWN = {
    "db/rates.py:take_slots": "a row lock and a statement that must come after it, whoever asks",
    "db/tokens.py:add_first_signing_key": "a table lock that must end with the one statement it guards",
    "dispatch/watch.py:_tell": "two statements of a look that is otherwise single reads",
    "sources/file_import.py:import_file": "a file of any size is no one transaction",
    "sources/file_import.py:_store": "each batch of a file is one, taken back where nothing is to be stored",
}


def _functions():
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(SOURCE)}:{node.name}", node


def _takes_a_connection(function):
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    kinds = [ast.unparse(argument.annotation) for argument in arguments if argument.annotation]
    return any(kind.removesuffix(" | None") == "Connection" for kind in kinds)


def _opens_a_transaction(function):
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "transaction"
        for node in ast.walk(function)
    )


def test_who_is_given_a_connection_opens_no_transaction():
    takers = {name: node for name, node in _functions() if _takes_a_connection(node)}
    assert len(takers) > 200
    assert {name for name, node in takers.items() if _opens_a_transaction(node)} == set(OWN)
