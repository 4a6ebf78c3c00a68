"""One revision's files, or a plain folder's: what stands where, with git's blob ids, read without following links.

Room 1 (desired); may import errors and model.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from reconciler.errors import InvalidSource
from reconciler.model import Position, Revision

EntryKind: TypeAlias = Literal["file", "executable", "link", "submodule", "odd-name"]
"""`odd-name`: a name that is not UTF-8 or holds control characters, so that it cannot be written or shown safely."""

_ODD = re.compile("[\x00-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the tree: its path from the root, git's id of its content."""

    path: str
    digest: str
    kind: EntryKind = "file"


@dataclass(frozen=True, slots=True)
class Tree:
    """All files below `root`, sorted by path. `prefix` is what stands before them in the repository (`homes/attic/`)."""

    root: Path
    entries: tuple[Entry, ...]
    revision: Revision
    prefix: str = ""

    def read(self, entry: Entry) -> bytes:
        """Return the content of a regular file of this tree. Raises InvalidSource when it cannot be read."""
        try:
            with open(self.staged(entry), "rb", opener=_no_link) as stream:
                return stream.read()
        except OSError as error:
            raise InvalidSource("file-unreadable", file=self.origin(entry.path), words=error.strerror or "") from None

    def staged(self, entry: Entry) -> str:
        """Return where the content of an entry can be read."""
        return f"{self.root}/{entry.path}"

    def origin(self, path: str) -> str:
        """Return the path in the repository."""
        return self.prefix + path

    def position(self, path: str, line: int | None = None) -> Position:
        """Return a place in the repository."""
        return Position(self.prefix + path, line)


def entry_kind(path: str, mode: int) -> EntryKind:
    """Say what git's file mode and the name make of an entry."""
    if _ODD.search(path):
        return "odd-name"
    if mode == 0o160000:
        return "submodule"
    if stat.S_ISLNK(mode):
        return "link"
    return "executable" if mode & 0o100 else "file"


def folder_tree(folder: Path) -> Tree:
    """Take a plain folder as a tree, for `validate`; `.git` and what is neither file nor link is left out.

    Raises InvalidSource when the folder is not there or cannot be read.
    """
    if not folder.is_dir():
        raise InvalidSource("folder-missing", path=str(folder))
    root = folder.resolve()
    entries = sorted(_walk(root, ""), key=lambda entry: entry.path)
    return Tree(root, tuple(entries), Revision(""))


def _walk(root: Path, below: str) -> Iterator[Entry]:
    try:
        with os.scandir(root / below) as found:
            for item in found:
                path = f"{below}{item.name}"
                if item.name == ".git":
                    continue
                if item.is_dir(follow_symlinks=False):
                    yield from _walk(root, f"{path}/")
                elif item.is_file(follow_symlinks=False) or item.is_symlink():
                    yield _entry(item, path)
    except OSError as error:
        raise InvalidSource("file-unreadable", file=below, words=error.strerror or "") from None


def _entry(item: os.DirEntry[str], path: str) -> Entry:
    kind = entry_kind(path, item.stat(follow_symlinks=False).st_mode)
    if kind == "odd-name":
        return Entry(os.fsencode(path).decode(errors="replace"), "", kind)
    content = os.fsencode(Path(item.path).readlink()) if kind == "link" else Path(item.path).read_bytes()
    return Entry(path, blob_id(content), kind)


def blob_id(content: bytes) -> str:
    """Return git's id of a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)
