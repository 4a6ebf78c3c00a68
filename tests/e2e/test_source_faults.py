"""Git fails while it is asked: it hangs, its branch or its folder goes. What runs is kept as the last good revision says."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.desired import repo
from reconciler.errors import InvalidSource, NotFastForward
from reconciler.model import SourceState
from reconciler.pipeline import Pipeline
from tests.e2e.host import Host
from tests.e2e.passes import app

SSH = """#!{python} -I
import os, pathlib, signal, subprocess, sys

folder = pathlib.Path({folder!r})
(folder / "pids").open("a").write(f"{{os.getpid()}}\\n")
patience = {{"well": 10**9, "silent": 0, "mid-fetch": 10**9}}[(folder / "mode").read_text()]
if (folder / "mode").read_text() == "mid-fetch":
    if (folder / "asked").exists():
        patience = 500_000
    (folder / "asked").touch()
git = subprocess.Popen(["sh", "-c", sys.argv[-1]], stdout=subprocess.PIPE)
while patience > 0 and (said := os.read(git.stdout.fileno(), min(patience, 65536))):
    patience -= len(said)
    while said:
        said = said[os.write(1, said) :]
if patience <= 0:
    (folder / "hangs").touch()
    signal.pause()
"""
"""A way to the server: works, says nothing, or goes silent in the middle of a pack after saying where the ref stands."""


@dataclass(frozen=True)
class Server:
    """The repository of a host, reached through ssh that can be told to hang."""

    host: Host
    folder: Path

    def goes(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)
        for name in ("asked", "hangs"):
            (self.folder / name).unlink(missing_ok=True)

    @property
    def hangs(self) -> bool:
        return (self.folder / "hangs").exists()

    @property
    def alive(self) -> list[str]:
        """Return the processes of ours that still speak to it."""
        pids = self.folder / "pids"
        return [pid for pid in pids.read_text().split() if lives(pid)] if pids.exists() else []


def lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def server(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The host's repository behind such an ssh; whatever still hangs in the end is killed."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "ssh").write_text(SSH.format(python=sys.executable, folder=str(folder)))
    (folder / "ssh").chmod(0o755)
    (folder / ".gitconfig").write_text(f"[core]\n\tsshCommand = {folder}/ssh\n")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(repo, "FETCH_LIMIT", 3.0)
    host.configure(source={"url": f"ssh://git@home{host.repository}", "ref": "main"})
    found = Server(host, folder)
    found.goes("well")
    yield found
    for pid in found.alive:
        os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def stack(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """A stack in git; removed at the end."""
    name = unique("faults")
    host.push({f"stacks/{name}/compose.yaml": app()})
    yield name
    host.clear(name)


@pytest.fixture
def pipeline(host: Host, stack: str) -> Iterator[Pipeline]:
    """The pipeline, after it has applied the stack."""
    pipeline = host.pipeline()
    pipeline.repository._ask_limit = 3.0
    pipeline.reconcile(pipeline.refresh())
    yield pipeline
    pipeline.close()


def big_push(host: Host) -> str:
    """Push so much that git gets a pack of it."""
    for number in range(150):
        (host.repository / f"blob{number}").write_bytes(os.urandom(10_000))
    return host.push({})


def assert_drift_is_repaired(host: Host, pipeline: Pipeline, source: SourceState, stack: str) -> None:
    host.api.remove_container(f"{stack}-app-1", force=True)
    pipeline.reconcile(source)
    assert host.containers(stack)[f"{stack}-app-1"]["State"]["Running"]


# ── a server that hangs ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["silent", "mid-fetch"])
def test_a_server_that_hangs_is_given_up(server: Server, pipeline: Pipeline, stack: str, mode: str) -> None:
    """Within the limit; the last good revision counts, drift is repaired, and nothing is left behind."""
    good = pipeline.refresh().revision
    new = big_push(server.host)
    server.goes(mode)

    source = pipeline.refresh()

    assert server.hangs
    wait_for(lambda: server.alive == [])
    assert source.revision == good
    assert source.problem is not None
    assert (source.problem.reason, source.problem.code) == ("SourceUnreachable", "source-timeout")
    assert_drift_is_repaired(server.host, pipeline, source, stack)
    server.goes("well")
    source = pipeline.refresh()
    assert source.revision is not None
    assert (source.revision.commit, source.problem) == (new, None)


def test_what_an_ended_fetch_leaves_is_cleared_away(server: Server, pipeline: Pipeline, stack: str) -> None:
    """A server that goes silent in every pack does not fill the disk."""
    packs = server.host.state_dir / "source.git/objects/pack"
    (packs / "tmp_pack_half").write_text("half a pack")
    big_push(server.host)
    server.goes("mid-fetch")
    pipeline.refresh()
    server.goes("well")
    pipeline.refresh()
    assert list(packs.glob("tmp_*")) == []


def test_drift_is_repaired_while_a_fetch_hangs(
    server: Server, pipeline: Pipeline, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks git holds up nobody who works from the last good revision."""
    monkeypatch.setattr(repo, "FETCH_LIMIT", 100.0)
    good = pipeline.refresh()
    big_push(server.host)
    server.goes("mid-fetch")
    asker = threading.Thread(target=pipeline.refresh, daemon=True)
    asker.start()
    wait_for(lambda: server.hangs)

    assert_drift_is_repaired(server.host, pipeline, good, stack)

    assert asker.is_alive()
    subprocess.run(["kill", *server.alive], check=True)
    asker.join(30)
    assert not asker.is_alive()


def wait_for(happened: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(600):
        if happened():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not happen")


# ── refs and folders that go ─────────────────────────────────────────────────────────────────────


def test_a_branch_that_is_gone_changes_nothing(host: Host, pipeline: Pipeline, stack: str) -> None:
    """It is said which branches there are; the last good revision goes on, and a new push is taken."""
    good = pipeline.refresh().revision
    host.git("branch", "--move", "main", "trunk")

    with pytest.raises(InvalidSource, match=r"source-ref-missing: .*there=trunk"):
        pipeline.refresh()

    source = pipeline.last_good()
    assert source is not None
    assert source.revision == good
    assert_drift_is_repaired(host, pipeline, source, stack)
    status = host.status()
    assert (status["source"]["state"], status["stacks"][stack]["sync"]) == ("unusable", "Synced")
    host.git("branch", "--move", "trunk", "main")
    new = host.push({"more": "1"})
    assert commit_of(pipeline.refresh()) == new


def test_a_repository_that_goes_and_comes_back(host: Host, pipeline: Pipeline, stack: str) -> None:
    """Made again with its history it is followed as before."""
    good = pipeline.refresh().revision
    away = host.folder / "away"
    host.repository.rename(away)

    source = pipeline.refresh()

    assert source.problem is not None
    assert (source.revision, source.problem.code) == (good, "source-path-missing")
    assert_drift_is_repaired(host, pipeline, source, stack)
    subprocess.run(["git", "clone", "--quiet", away, host.repository], check=True)
    assert pipeline.refresh() == replace(source, problem=None)
    new = host.push({"more": "1"})
    assert commit_of(pipeline.refresh()) == new


def test_a_repository_that_is_begun_anew_waits_for_a_person(host: Host, pipeline: Pipeline, stack: str) -> None:
    """Another history under the same address is a rewritten one; empty or half made, it is not followed at all."""
    shutil.rmtree(host.repository)
    host.repository.mkdir()
    with pytest.raises(InvalidSource, match="source-not-repository"):
        pipeline.refresh()
    host.git("init", "--quiet", "--initial-branch=main")
    with pytest.raises(InvalidSource, match="source-empty"):
        pipeline.refresh()
    new = host.push({f"stacks/{stack}/compose.yaml": app()})
    with pytest.raises(NotFastForward):
        pipeline.refresh()

    source = pipeline.last_good()
    assert source is not None
    assert_drift_is_repaired(host, pipeline, source, stack)
    assert commit_of(pipeline.refresh(accept_rewrite=True)) == new


def commit_of(source: SourceState) -> str:
    assert source.revision is not None
    return source.revision.commit
