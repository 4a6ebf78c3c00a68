"""Staged revisions on disk: each commit's files are written once by git, beside a list of what they are.

Room 1 (desired); may import driver, tree, errors and model.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.desired.tree import Entry, Tree, entry_kind
from reconciler.errors import InvalidSource, NoSpace
from reconciler.model import Revision
from reconciler.process import Completed

if TYPE_CHECKING:
    from reconciler.desired.driver import Driver

KEEP = 4
"""Staged revisions that stay: the newest ones."""
_LIMIT = 600.0
_OLD = ".old-"
_LISTING = "listing.json"

_PLAIN = "* -text -filter -ident !eol !working-tree-encoding\n"
"""Attributes above those of the repository: a file is staged as the blob that git's id names, nothing converted."""


class Staging:
    """The folder of staged revisions for one `path` inside the repository."""

    def __init__(self, folder: Path, path: str) -> None:
        self._folder = folder
        self._path = "" if path == "." else path

    def tree(self, commit: str) -> Tree | None:
        """Return a revision that is staged already; starts no program."""
        home = self._home(commit)
        try:
            document = json.loads((home / _LISTING).read_bytes())
            os.utime(home)
        except (OSError, ValueError):
            return None
        entries = tuple(Entry(path, digest, kind) for path, digest, kind in document["entries"])
        prefix = f"{self._path}/" if self._path else ""
        return Tree(home / "tree", entries, Revision(commit, document["subject"], document["author"]), prefix)

    def keep(self, commit: str) -> bool:
        """Count a staged revision among the newest; False when it is not there."""
        try:
            os.utime(self._home(commit))
        except OSError:
            return False
        return True

    def make(self, git: Callable[[], Driver], commit: str) -> Tree:
        """Return a revision, staging it first if need be. Raises InvalidSource when `path` is not a folder in it."""
        found = self.tree(commit)
        if found:
            return found
        self._forget()
        try:
            self._stage(git(), commit)
        except OSError as error:
            raise NoSpace("cannot-write", path=str(self._folder), words=error.strerror or "") from None
        made = self.tree(commit)
        assert made
        return made

    def _home(self, commit: str) -> Path:
        suffix = hashlib.sha256(self._path.encode()).hexdigest()[:8] if self._path else ""
        return self._folder / (f"{commit}-{suffix}" if suffix else commit)

    def _stage(self, git: Driver, commit: str) -> None:
        wanted = f"{commit}:{self._path}" if self._path else commit
        entries = _entries(_must(git.ls_tree("-r", "-z", "--full-tree", wanted), commit, self._path).stdout)
        about = _must(git.log("-1", "--no-show-signature", "--format=%s%x00%an", commit, "--"), commit, "").stdout
        subject, _, author = about.rstrip("\n").partition("\0")
        with _workplace(self._folder) as place:
            (place / "tree").mkdir()
            _write_files(git, wanted, place)
            listing = {"subject": subject, "author": author, "entries": entries}
            (place / _LISTING).write_text(json.dumps(listing))
            (place / "index").unlink()
            flush(place)
            shutil.rmtree(self._home(commit), ignore_errors=True)
            place.rename(self._home(commit))

    def _forget(self) -> None:
        """Make room for one more, and let go of what an interrupted run left behind; nobody waits until all is deleted.

        Renamed first: a revision that is half deleted must not be taken for one. Before git works, not after it: what is
        deleted meanwhile does not hold up the pass.
        """
        kept = sorted(self._folder.glob("[!.]*"), key=lambda home: home.stat().st_mtime)
        for home in kept[: 1 - KEEP]:
            with suppress(OSError):  # one of this name is still being deleted; the next time then
                home.rename(home.with_name(f"{_OLD}{home.name}"))
        threading.Thread(target=_delete, args=(tuple(self._folder.glob(".*")),), name="old revisions").start()


def _delete(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def flush(folder: Path) -> None:
    """Have everything on the disk that holds a folder: a power cut must not leave whole names of empty files.

    One call for all files: to flush each alone takes seconds on a slow disk.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ctypes.CDLL(None).syncfs(handle)
    finally:
        os.close(handle)


def _write_files(git: Driver, wanted: str, place: Path) -> None:
    (git.folder / "info").mkdir(exist_ok=True)
    (git.folder / "info" / "attributes").write_text(_PLAIN)
    env = {"GIT_INDEX_FILE": str(place / "index"), "GIT_WORK_TREE": str(place / "tree")}
    for done in (
        git.read_tree(wanted, env=env, kill_after_timeout=_LIMIT),
        git.checkout_index("--all", "--force", "--quiet", env=env, kill_after_timeout=_LIMIT),
    ):
        if done.code and "invalid path" in done.tail:
            raise InvalidSource("source-tree-odd", words=done.tail.strip())
        if done.code:
            raise NoSpace("staging-failed", path=str(place.parent), words=done.tail)


def _entries(listing: str) -> list[tuple[str, str, str]]:
    """Read `ls-tree -z`: mode, type, id, a tab, the path."""
    found = []
    for line in listing.split("\0")[:-1]:
        about, _, path = line.partition("\t")
        mode, _, digest = about.split(" ")
        found.append((path, digest, entry_kind(path, int(mode, 8))))
    _guard_names({path for path, _, _ in found}, len(found))
    return sorted(found)


def _guard_names(paths: set[str], count: int) -> None:
    """Refuse a forged tree that holds one name twice: of a link and a folder, what is read might lie behind the link."""
    folders = {above for folder in {path.rpartition("/")[0] for path in paths} for above in _with_parents(folder)}
    both = sorted(paths & folders)
    if both or len(paths) < count:
        raise InvalidSource("source-tree-odd", words=both[0] if both else "a name stands twice")


def _with_parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _must(done: Completed, commit: str, path: str) -> Completed:
    if done.code and path:
        raise InvalidSource("source-path-absent", path=path, commit=commit[:12], words=done.tail)
    if done.code:
        raise InvalidSource("source-commit-missing", commit=commit[:12], words=done.tail)
    return done


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
