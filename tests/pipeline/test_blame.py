"""The commit that brought a change is the one that touched it, not whatever came last in the same pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.desired.repo import Repository
from reconciler.model import Revision
from reconciler.pipeline.blame import Blame
from reconciler.pipeline.targets import Target, TargetKind
from reconciler.record.changes import Change
from reconciler.record.history import Run
from reconciler.settings import SourceSettings
from tests.desired.sources import COMPOSE, Source

Blamed = Callable[..., Revision]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "home")


@pytest.fixture
def blame(source: Source, tmp_path: Path) -> Blamed:
    """Fetch what the source has now, and ask whose a change of `web`, or of the daemon, is."""

    def ask(head: str, before: str | None, target: str = "stack/web", path: str = ".", stack: str = "web") -> Revision:
        repository = Repository(SourceSettings(str(source.folder), path=path), tmp_path / "state")
        repository.fetch(last_good=None)
        now = datetime.now(UTC)
        run = Run("7", "push", "root", head, "of the run", "Run", now, now, "Applied")
        change = Change(target, run, now, before, "recreate", "web-api-1", "change", None, ())
        kind: TargetKind = "daemon" if target.startswith("daemon") else "stack"
        return Blame(repository, "attic").of(Target(kind, target, stack), change)

    return ask


@pytest.mark.parametrize(
    "file",
    [
        "stacks/web/compose.yaml",
        "stacks/web/conf/deep/file",
        "roles/nas/stacks/web/.env",
        "devices/attic/stacks/web/compose.override.yaml",
        "devices/attic/device.yaml",
    ],
)
def test_the_last_commit_that_touched_the_stack_is_named(source: Source, blame: Blamed, file: str) -> None:
    """Three commits in one pass: the one in the middle is about the stack."""
    first = source.commit({"stacks/web/compose.yaml": COMPOSE}, "first")
    blame(first, None)
    source.commit({"README.md": "a"}, "words")
    wanted = source.commit({file: "b"}, "this one")
    head = source.commit({"stacks/other/compose.yaml": COMPOSE, "devices/cellar/device.yaml": "c"}, "not this one")

    assert blame(head, first) == Revision(wanted, "this one", "Ada")


def test_daemon_keys_are_brought_by_daemon_json(source: Source, blame: Blamed) -> None:
    """A commit to a stack changes no setting of dockerd."""
    first = source.commit({"daemon.json": "{}"}, "first")
    blame(first, None)
    wanted = source.commit({"daemon.json": '{"debug": true}'}, "debug on")
    head = source.commit({"stacks/web/compose.yaml": COMPOSE}, "a stack")

    assert blame(head, first, "daemon/debug", stack="daemon").commit == wanted


def test_a_folder_of_the_repository_is_looked_at_alone(source: Source, blame: Blamed) -> None:
    """What `source.path` leaves out is not to blame."""
    first = source.commit({"homes/attic/stacks/web/compose.yaml": COMPOSE}, "first")
    blame(first, None, path="homes/attic")
    wanted = source.commit({"homes/attic/stacks/web/x": "1"}, "this one")
    head = source.commit({"stacks/web/x": "1"}, "another home")

    assert blame(head, first, path="homes/attic").commit == wanted


@pytest.mark.parametrize("before", ["first", "gone"])
def test_where_no_commit_is_to_blame_the_run_is_named(source: Source, blame: Blamed, before: str) -> None:
    """A variable of the device changed, or the history was rewritten: the revision that was applied is what is known."""
    first = source.commit({"stacks/web/compose.yaml": COMPOSE}, "first")
    head = source.commit({"README.md": "a"}, "words")

    assert blame(head, first if before == "first" else "0" * 40) == Revision(head, "of the run", "Run")


def test_names_are_no_patterns(source: Source, blame: Blamed) -> None:
    """A stack's name with a star in it means itself."""
    first = source.commit({"stacks/w*b/compose.yaml": COMPOSE}, "first")
    blame(first, None)
    wanted = source.commit({"stacks/w*b/compose.yaml": COMPOSE + "# x\n"}, "this one")
    head = source.commit({"stacks/web/compose.yaml": COMPOSE}, "not this one")

    assert blame(head, first, stack="w*b").commit == wanted
