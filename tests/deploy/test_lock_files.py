"""The lock files: exact pins with hashes, no addresses, and in step with pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def entries(name):
    """Return the requirements of a lock file, each as one logical line without comments."""
    text = re.sub(r"^\s*#.*\n", "", (REPOSITORY / name).read_text(), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(name):
    requirements = [Requirement(entry.split(" --hash=")[0]) for entry in entries(name)]
    return {canonicalize_name(requirement.name): str(requirement.specifier) for requirement in requirements}


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_one_version_with_hashes(name):
    pattern = re.compile(r"[a-z0-9.-]+==[^\s;*]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [entry for entry in entries(name) if not pattern.fullmatch(entry)] == []
    assert len(entries(name)) > len(PROJECT["project"]["dependencies"])


@pytest.mark.parametrize("name", LOCKS)
def test_no_address_of_an_index(name):
    text = (REPOSITORY / name).read_text()
    assert [
        word for word in ("://", "--index", "--extra-index", "--find-links", "--trusted-host", " @ ") if word in text
    ] == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]),
        ("requirements-dev.lock", PROJECT["build-system"]["requires"]),
    ],
)
def test_what_the_project_asks_for_is_locked(name, wanted):
    locked = pins(name)
    requirements = [Requirement(line) for line in wanted]
    assert [
        str(r)
        for r in requirements
        if locked.get(canonicalize_name(r.name), "==0").removeprefix("==") not in r.specifier
    ] == []


def test_users_and_developers_get_the_same_versions():
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()
