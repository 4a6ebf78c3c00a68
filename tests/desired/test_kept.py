"""What was wanted last is kept in memory, and is made anew as soon as anything it was made from is another."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.desired import kept as room
from reconciler.desired.kept import Kept
from reconciler.desired.load import Context, load
from reconciler.desired.repo import Repository
from reconciler.model import Desired
from reconciler.settings import SourceSettings
from tests.desired.sources import COMPOSE, Source, stack

WEB = "stacks/web"


class Device:
    """A device with one stack, and what it keeps."""

    def __init__(self, folder: Path) -> None:
        self.source = Source(folder / "repository")
        self.commit = self.source.commit({f"{WEB}/compose.yaml": COMPOSE})
        self.env_dir = folder / "env"
        self.env_dir.mkdir()
        self.state = folder / "state"
        self.context = Context("attic", Path("/srv/stacks"), self.state, self.env_dir)
        self.repository = self.open()
        self.kept = Kept()

    def open(self) -> Repository:
        repository = Repository(SourceSettings(str(self.source.folder)), self.state)
        repository.fetch(last_good=None)
        return repository

    def load(self) -> Desired:
        return self.kept.load(self.repository, self.commit, self.context)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_the_same_revision_reads_nothing(device: Device) -> None:
    """Nothing of the revision is read again, not even what would be missing now."""
    first = device.load()
    for tree in (device.state / "staging").glob("*/tree"):
        shutil.rmtree(tree)

    assert device.load() is first


def _other_commit(device: Device) -> None:
    device.commit = device.source.commit({f"{WEB}/compose.yaml": COMPOSE + "    read_only: true\n"})
    device.repository.fetch(last_good=None)


def _other_settings(device: Device) -> None:
    device.context = replace(device.context, stacks_dir=Path("/opt/stacks"))


def _other_repository(device: Device) -> None:
    device.repository = device.open()


def _new_file(device: Device) -> None:
    (device.env_dir / "web.env").write_text("A=1\n")


def _written_files(device: Device) -> None:
    (device.state / "env").mkdir()
    (device.state / "env" / "web.env").write_text("A=1\n")


@pytest.mark.parametrize("change", [_other_commit, _other_settings, _other_repository, _new_file, _written_files])
def test_anything_else_is_loaded(device: Device, change: Callable[[Device], None]) -> None:
    """Commit, settings, repository, root's own variables and those that were written last: each makes a difference."""
    first = device.load()
    change(device)

    assert device.load() is not first


def test_a_changed_env_file_is_seen(device: Device) -> None:
    """Also where size and time are as before; and once it is gone again."""
    file = device.env_dir / "web.env"
    file.write_text("A=1\n")
    status = file.stat()
    assert stack(device.load()).variables == {"A": "1"}

    file.write_text("A=2\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert stack(device.load()).variables == {"A": "2"}

    file.unlink()
    assert stack(device.load()).variables == {}


def test_an_env_file_that_cannot_be_looked_at_is_asked_for_each_time(device: Device) -> None:
    """A link to nowhere says nothing about what stands behind it, nor about the files beside it."""
    (device.env_dir / "lost.env").symlink_to("nowhere")
    first = device.load()

    assert device.load() is not first


def test_what_is_wrong_is_asked_for_again(device: Device) -> None:
    """It may have been a passing trouble."""
    device.commit = device.source.commit({f"{WEB}/stack.yaml": "prune: perhaps\n"})
    device.repository.fetch(last_good=None)
    first = device.load()
    assert stack(first).problems

    assert device.load() is not first


def test_a_revision_that_is_no_longer_staged_is_staged_again(device: Device) -> None:
    """Its files are still to be put in place."""
    device.load()
    shutil.rmtree(device.state / "staging")

    assert Path(stack(device.load()).files[0].staged or "").read_text() == COMPOSE


def test_threads_load_it_once(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes while it is loaded waits and gets the same."""
    loads, go_on = [], threading.Event()

    def slowly(*arguments: object) -> Desired:
        loads.append(arguments)
        assert go_on.wait(20)
        return load(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "load", slowly)
    found: list[Desired] = []
    threads = [threading.Thread(target=lambda: found.append(device.load())) for _ in range(4)]
    for thread in threads:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(20)

    assert len(loads) == 1
    assert len({id(one) for one in found}) == 1
    assert len(found) == 4
