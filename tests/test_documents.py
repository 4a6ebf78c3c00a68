"""What the documents promise is there."""

import re
from pathlib import Path

import pytest

from reconciler import settings

TOP = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md"), *TOP.glob("desired/*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_every_link_leads_somewhere(document):
    """A link to a file of this repository names one that exists."""
    targets = re.findall(r"\]\(([^)#]+)\)", document.read_text())

    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]

    assert not missing


def test_the_example_settings_can_be_used(tmp_path):
    """A copy of the example, as it is, is read without complaint."""
    copy = tmp_path / "config.yaml"
    copy.write_text((TOP / "deploy/config.example.yaml").read_text())
    copy.chmod(0o600)

    loaded = settings.load(copy)

    assert loaded.device == "living-room"
    assert loaded.daemon is None


def test_the_example_says_every_key(tmp_path):
    """With its comments taken away, the example names all there is to set, and is valid too."""
    text = (TOP / "deploy/config.example.yaml").read_text()
    env = tmp_path / "env"
    env.mkdir()
    whole = re.sub(r"^# (?=daemon:|env_dir:|metrics:|  )", "", text, flags=re.MULTILINE).replace(
        "/etc/reconciler/env", str(env)
    )
    copy = tmp_path / "config.yaml"
    copy.write_text(whole.replace("/etc/docker/daemon.json", str(tmp_path / "daemon.json")))
    copy.chmod(0o600)

    loaded = settings.load(copy)

    assert loaded.env_dir == env
    assert loaded.daemon is not None
    assert set(loaded.daemon.owned) == {"bridge", "cgroup-parent"}
    assert loaded.metrics is not None


def test_the_settings_page_names_every_key():
    """docs/settings.md has a row for each key of the example."""
    page = (TOP / "docs/settings.md").read_text()
    keys = re.findall(
        r"^(?:# )?([a-z_]+):|^(?:# )?  ([a-z_]+):", (TOP / "deploy/config.example.yaml").read_text(), re.MULTILINE
    )

    assert not [key for key in map("".join, keys) if not re.search(rf"`(\w+\.)?{key}[`.]", page)]
