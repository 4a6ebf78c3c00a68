"""A push to a repository on this machine is noticed, wherever git keeps its refs."""

from __future__ import annotations

import errno
import queue
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.inotify_c import InotifyConstants

from reconciler.loop import refs
from reconciler.loop.refs import RefWatch
from tests.desired.sources import Source

SILENCE = 0.5
"""Seconds in which nothing is to be told; where something wrongly is, it comes after 0.2."""


class Told:
    """Counts what is told, and reads the ref each time as a fetch would."""

    def __init__(self, read: Callable[[], str] = lambda: "") -> None:
        self.seen: queue.Queue[str] = queue.Queue()
        self._read = read

    def __call__(self) -> None:
        self.seen.put(self._read())

    def wait(self) -> str:
        return self.seen.get(timeout=20)

    def wait_for(self, value: str) -> int:
        """Wait until this was read; return how often it took."""
        for times in range(1, 1000):
            if self.wait() == value:
                return times
        raise AssertionError(value)

    def silent(self) -> bool:
        try:
            return self.seen.get(timeout=SILENCE) is None
        except queue.Empty:
            return True


@contextmanager
def watching(url: str | Path, told: Told, ref: str = "main") -> Iterator[RefWatch]:
    watch = RefWatch(str(url), ref, told)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = Source(tmp_path / "work")
    source.commit({"a": "1"})
    return source


@pytest.fixture
def bare(source: Source, tmp_path: Path) -> Path:
    """A bare repository that `source` can push to."""
    source.git("clone", "-q", "--bare", ".", str(tmp_path / "home.git"))
    source.git("remote", "add", "home", str(tmp_path / "home.git"))
    return tmp_path / "home.git"


# ── where refs are ───────────────────────────────────────────────────────────────────────────────


def at_bare(source: Source, bare: Path) -> str:
    return str(bare)


def at_bare_without_its_ending(source: Source, bare: Path) -> str:
    return str(bare).removesuffix(".git")


def at_bare_by_file_url(source: Source, bare: Path) -> str:
    return f"file://{bare}/"


def at_bare_through_a_link(source: Source, bare: Path) -> str:
    link = bare.with_name("link")
    link.symlink_to(bare)
    return str(link)


def at_packed(source: Source, bare: Path) -> str:
    source.git("-C", str(bare), "pack-refs", "--all")
    return str(bare)


@pytest.mark.parametrize(
    ("place", "ref"),
    [
        *((place, "main") for place in (at_bare_without_its_ending, at_bare_by_file_url, at_bare_through_a_link)),
        *((at_bare, ref) for ref in ("main", "feature/deep/x", "refs/heads/main", "refs/deploy/prod", "v1")),
        *((at_packed, ref) for ref in ("main", "feature/deep/x")),
    ],
)
def test_a_push_is_told(source: Source, bare: Path, place: Callable[[Source, Path], str], ref: str) -> None:
    """Whatever the repository's address, whatever the kind of ref, also one whose folders are not there yet."""
    full = {"v1": "refs/tags/v1"}.get(ref, ref if ref.startswith("refs/") else f"refs/heads/{ref}")
    told = Told(lambda: source.git("ls-remote", str(bare), full)[:40])
    with watching(place(source, bare), told, ref):
        for number in range(2):
            commit = source.commit({"a": f"push {number}"})
            source.git("push", "-q", "-f", "home", f"HEAD:{full}")
            told.wait_for(commit)


def test_a_commit_in_a_work_tree_is_told(source: Source) -> None:
    """A repository with files is followed as well."""
    told = Told(lambda: source.git("rev-parse", "main"))
    with watching(source.folder, told):
        told.wait_for(source.commit({"a": "2"}))
    with watching(f"{source.folder}/.git", told):
        told.wait_for(source.commit({"a": "3"}))


def test_a_commit_in_a_linked_work_tree_is_told(source: Source, tmp_path: Path) -> None:
    """Its `.git` is a file, and its branches are kept elsewhere."""
    source.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    told = Told(lambda: source.git("rev-parse", "side"))
    with watching(tmp_path / "side", told, "side"):
        source.git("-C", str(tmp_path / "side"), "commit", "-q", "--allow-empty", "-m", "more")
        told.wait_for(source.git("rev-parse", "side"))


def test_a_repository_with_a_separate_folder_is_followed(source: Source, tmp_path: Path) -> None:
    """A `.git` file may name a folder relative to where it is."""
    (source.folder / ".git").rename(tmp_path / "elsewhere")
    (source.folder / ".git").write_text("gitdir: ../elsewhere\n")
    told = Told(lambda: source.git("rev-parse", "main"))
    with watching(source.folder, told):
        told.wait_for(source.commit({"a": "2"}))


def test_a_reftable_is_followed(bare: Path) -> None:
    """Git replaces its list of tables with every change of any ref."""
    told = Told()
    with watching(bare, told):
        (bare / "reftable").mkdir()
        told.wait()
        for number in range(2):
            (bare / "reftable/tables.list.lock").write_text(f"{number}\n")
            (bare / "reftable/tables.list.lock").rename(bare / "reftable/tables.list")
            told.wait()


def test_a_deleted_branch_is_told(source: Source, bare: Path) -> None:
    """Loose or packed."""
    told = Told(lambda: source.git("ls-remote", str(bare), "refs/heads/main"))
    with watching(bare, told):
        source.git("-C", str(bare), "update-ref", "-d", "refs/heads/main")
        told.wait_for("")
        source.git("push", "-q", "home", "main")
        told.wait_for(source.git("ls-remote", str(bare), "refs/heads/main"))
        source.git("-C", str(bare), "pack-refs", "--all")
        source.git("-C", str(bare), "update-ref", "-d", "refs/heads/main")
        told.wait_for("")


# ── what is not told ─────────────────────────────────────────────────────────────────────────────


def test_what_does_not_concern_the_ref_is_not_told(source: Source, bare: Path) -> None:
    """Other branches, the index, locks, and those who read."""
    with watching(bare, told := Told()), watching(source.folder, told):
        source.git("push", "-q", "home", "HEAD:refs/heads/other")
        source.git("ls-remote", str(bare))
        (source.folder / "b").write_text("b")
        source.git("add", "b")
        source.git("fetch", "-q", str(bare), "main")
        (bare / "refs/heads/main.lock").write_text("")
        (bare / "refs/heads/main.lock").unlink()
        assert told.silent()


def test_a_repository_elsewhere_is_not_watched() -> None:
    """Nothing is started for it."""
    before = set(threading.enumerate())
    with watching("https://example.org/home.git", Told()) as watch:
        watch.check()
        assert set(threading.enumerate()) == before
        assert watch.problem is None


def test_pushes_in_a_row_are_gathered(bare: Path) -> None:
    """Each is told, several of them once."""
    commits = [f"{number:040x}" for number in range(300)]
    ref = bare / "refs/heads/main"
    told = Told(lambda: ref.read_text().strip())
    with watching(bare, told):
        for commit in commits:
            (bare / "refs/heads/main.lock").write_text(f"{commit}\n")
            (bare / "refs/heads/main.lock").rename(ref)
        assert told.wait_for(commits[-1]) < 100
        assert told.silent()


# ── folders that go and come ─────────────────────────────────────────────────────────────────────


def emitters(watch: RefWatch) -> dict[str, Any]:
    assert watch._observer
    return {str(emitter.watch.path): emitter for emitter in watch._observer.emitters}


def test_a_repository_that_goes_and_comes_back_is_watched_again(source: Source, bare: Path) -> None:
    """Its end is told, and its return at the next check, once."""
    told = Told()
    with watching(bare, told) as watch:
        shutil.rmtree(bare)
        told.wait()
        assert told.silent()
        source.git("clone", "-q", "--bare", ".", str(bare))
        watch.check()
        told.wait()
        watch.check()
        assert told.silent()
        source.commit({"a": "2"})
        source.git("push", "-q", "home", "main")
        told.wait()


def test_a_repository_that_comes_later_is_watched(source: Source, tmp_path: Path) -> None:
    """It need not be there when the watch begins."""
    told = Told()
    with watching(tmp_path / "home.git", told) as watch:
        watch.check()
        assert told.silent()
        source.git("clone", "-q", "--bare", ".", str(tmp_path / "home.git"))
        watch.check()
        told.wait()


def test_a_repository_that_is_replaced_is_watched_again(source: Source, bare: Path) -> None:
    """Another folder under the same name is another folder."""
    told = Told()
    with watching(bare, told) as watch:
        bare.rename(bare.with_name("old.git"))
        source.git("clone", "-q", "--bare", ".", str(bare))
        watch.check()
        told.wait()
        source.commit({"a": "2"})
        source.git("push", "-q", "home", "main")
        told.wait()


def test_a_dead_emitter_is_replaced(source: Source, bare: Path) -> None:
    """Threads of the library die silently; a check finds it."""
    told = Told()
    with watching(bare, told) as watch:
        dead = emitters(watch)[f"{bare}/refs/heads"]
        dead.stop()
        dead.join()
        watch.check()
        told.wait()
        source.commit({"a": "2"})
        source.git("push", "-q", "home", "main")
        told.wait()


def test_the_kernel_is_asked_for_new_names_alone(bare: Path) -> None:
    """With the old ones as well, the library would now and then hold a rename back for half a second."""
    with watching(bare, Told()) as watch:
        for emitter in emitters(watch).values():
            assert not emitter.get_event_mask_from_filter() & InotifyConstants.IN_MOVED_FROM


@pytest.mark.parametrize("part", ["observer", "reader"])
def test_a_dead_observer_is_replaced(source: Source, bare: Path, part: str) -> None:
    """Either of its threads."""
    told = Told()
    with watching(bare, told) as watch:
        assert watch._observer
        dead = watch._observer if part == "observer" else watch._observer._inotify_fd
        dead.stop()
        dead.join()
        watch.check()
        told.wait()
        source.commit({"a": "2"})
        source.git("push", "-q", "home", "main")
        told.wait()


def test_a_place_that_cannot_be_looked_at_ends_nothing(tmp_path: Path) -> None:
    """A name too long, a folder that nobody may enter, a dead network disk: the poll says what is wrong."""
    told = Told()
    with watching(tmp_path / ("x" * 300), told) as watch:
        watch.check()
        assert watch.problem is None
        assert told.silent()


# ── limits, leaks ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("number", "words", "limit"),
    [
        (errno.ENOSPC, "inotify watch limit reached", "fs.inotify.max_user_watches"),
        (errno.EMFILE, "inotify instance limit reached", "fs.inotify.max_user_instances"),
    ],
)
def test_a_limit_is_told_and_overcome(
    source: Source, bare: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, limit: str
) -> None:
    """Nothing fails, the status can say why pushes are not noticed, and a check tries again."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, words)

    told = Told()
    with monkeypatch.context() as limited:
        limited.setattr(refs._Observer, "schedule" if number == errno.ENOSPC else "__init__", refuse)
        watch = RefWatch(str(bare), "main", told)
        watch.start()
        watch.check()
        assert words in str(watch.problem)
        assert limit in str(watch.problem)
        assert told.silent()
    watch.check()
    assert watch.problem is None
    told.wait()
    source.commit({"a": "2"})
    source.git("push", "-q", "home", "main")
    told.wait()
    watch.stop()


UNDER_LIMITS = """
from pathlib import Path
import sys
from reconciler.loop.refs import RefWatch

limits = Path("/proc/sys/user")
for name in ("max_inotify_watches", "max_inotify_instances"):
    (limits / name).write_text("0")
    watch = RefWatch(sys.argv[1], "main", lambda: None)
    watch.start()
    print(watch.problem)
    (limits / name).write_text("100")
    watch.check()
    print(watch.problem)
    watch.stop()
"""


def test_the_kernels_own_limits_are_told(bare: Path) -> None:
    """The same with a kernel that refuses, as only this process' namespace has no watches left."""
    alone = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    program = [*alone, sys.executable, "-c", UNDER_LIMITS, str(bare)]
    root = Path(refs.__file__).parents[2]
    said = subprocess.run(program, cwd=root, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert ["watch limit" in said[0], said[1], "instance limit" in said[2], said[3]] == [True, "None", True, "None"]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_after_the_stop(bare: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No thread, no descriptor, no word; also where it is stopped in the middle of a change."""
    before, open_before = set(threading.enumerate()), descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(50):
            with watching(bare, Told(), "feature/x") as watch:
                (bare / "refs/heads/feature").mkdir()
                watch.check()
                (bare / "refs/heads/feature").rmdir()
                watch.check()
    assert set(threading.enumerate()) == before
    assert descriptors() == open_before
    assert capfd.readouterr().err == ""


def test_nothing_is_told_after_the_stop(bare: Path) -> None:
    """Not even what happened just before."""
    told = Told()
    with watching(bare, told):
        (bare / "packed-refs").write_text("")
    told.seen.queue.clear()
    assert told.silent()
