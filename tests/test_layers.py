"""What the house rules say and import-linter cannot see."""

import ast
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60  # without its docstring

# plan may use these and no others; what touches files, clocks, programs or chance is not among them.
PURE = {
    "__future__", "abc", "base64", "bisect", "collections", "copy", "dataclasses", "datetime", "decimal", "difflib",
    "enum", "fnmatch", "fractions", "functools", "graphlib", "hashlib", "heapq", "hmac", "ipaddress", "itertools",
    "json", "math", "numbers", "operator", "pathlib", "posixpath", "re", "shlex", "string", "textwrap", "types",
    "typing", "unicodedata", "urllib.parse",
}  # fmt: skip
OURS_IN_PLAN = ("reconciler.errors", "reconciler.model", "reconciler.plan")
PATHS_IN_PLAN = {"PurePath", "PurePosixPath"}
CLOCKS = {"now", "today", "utcnow"}


def imports(source: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield each imported module with the name taken from it ('' for the module itself)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def ours_allowed(module: str, name: str) -> bool:
    full = f"{module}.{name}"
    return any(full == ok or full.startswith(f"{ok}.") for ok in OURS_IN_PLAN)


def import_faults(source: str) -> Iterator[str]:
    for module, name in imports(source, "reconciler.plan"):
        if module.split(".")[0] == "reconciler":
            if not ours_allowed(module, name):
                yield f"{module} {name}".strip()
        elif module not in PURE and module.split(".")[0] not in PURE:
            yield module
        elif module == "pathlib" and name not in PATHS_IN_PLAN:
            yield f"pathlib {name}".strip()


def call_faults(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
                yield f"{node.func.attr}()"
            elif isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input", "__import__"}:
                yield f"{node.func.id}()"


def impurities(source: str) -> list[str]:
    return sorted(chain(import_faults(source), call_faults(source)))


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def long_functions(source: str) -> list[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return [function.name for function in functions if body_lines(function) > MAX_FUNCTION_LINES]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import json, re\nfrom pathlib import PurePosixPath\nfrom reconciler.model import Plan", []),
        ("from reconciler import errors, model\nfrom reconciler.plan import texts\nfrom . import texts", []),
        ("import os.path", ["os.path"]),
        ("def f():\n    import random", ["random"]),
        ("from pathlib import Path", ["pathlib Path"]),
        ("import pathlib", ["pathlib"]),
        ("import urllib.request", ["urllib.request"]),
        ("import docker", ["docker"]),
        ("from reconciler import engine", ["reconciler engine"]),
        ("from reconciler.record import store", ["reconciler.record store"]),
        ("from ..record import store", ["reconciler.record store"]),
        ("import reconciler.models_of_mine", ["reconciler.models_of_mine"]),
        ("x = datetime.now(UTC)", ["now()"]),
        ("open('f')", ["open()"]),
    ],
)
def test_impurities_are_seen(source, expected):
    assert impurities(source) == expected


def test_plan_is_pure():
    found = {path.name: impurities(path.read_text()) for path in (ROOT / "reconciler" / "plan").rglob("*.py")}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_files_and_functions_stay_short():
    sources = {path.relative_to(ROOT).as_posix(): path.read_text() for path in MODULES}
    assert [name for name, text in sources.items() if text.count("\n") > MAX_FILE_LINES] == []
    assert {name: long for name, text in sources.items() if (long := long_functions(text))} == {}


def test_long_functions_are_seen():
    assert long_functions("def f():\n    'One.\\n'\n" + "    x = 1\n" * 61) == ["f"]
    assert long_functions("def f():\n    'One.\\n'\n" + "    x = 1\n" * 60) == []
