"""What has to be looked at."""

from __future__ import annotations

from reconciler.model import Recorded
from reconciler.plan.ask import ask
from tests.plan.build import STACKS, desired, file, record, service, stack

BIND = {"type": "bind", "source": "/data", "target": "/data"}
WEB = stack(
    "web",
    service("api", "nginx", volumes=[BIND]),
    project="site",
    files=(file("a", "1"),),
    settings={"depends_on": ("db",)},
)
DB = stack("db", service("db", "postgres"))
OTHER = stack("other", service("x"))


def test_everything() -> None:
    """All stacks, and what is recorded of those that are gone."""
    found = ask(desired(WEB, DB), record(OTHER))

    assert found.projects == {"site", "db", "other"}
    assert found.images == {"nginx", "postgres"}
    assert found.paths == {"/data"}
    assert found.files == {f"{STACKS}/web/a"}


def test_scope() -> None:
    """A stack in scope brings those it depends on with it."""
    assert ask(desired(WEB, DB, OTHER), Recorded(), frozenset({"web"})).projects == {"site", "db"}
