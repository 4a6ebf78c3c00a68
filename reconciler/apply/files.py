"""Put a stack's files at their one stable path, and take them away again.

Room 4 (apply); may import errors, model and envfile. What git holds is written only where content or the executable bit
differs. What we delete is only what we wrote and nobody changed since. Anything else in the folder is never touched.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from reconciler.apply.folders import (
    explained,
    folder_handle,
    make_folder,
    put_in_place,
    read_file,
    replace_file,
    write_beside,
)
from reconciler.envfile import env_text
from reconciler.errors import InvalidSource, PathRefused
from reconciler.model import DesiredStack, StackFile

_KEPT = ".before-reconciler"


def put_files(stack: DesiredStack, stacks_dir: Path, written: Mapping[str, str]) -> Mapping[str, str]:
    """Put the stack's files at `stack.folder`, a child of `stacks_dir`; return the digest of each by its path.

    `written` is what this returned last time: of these, files that are no longer wanted go, unless someone changed
    them. A file that git now holds and we never wrote stays beside it as `<name>.before-reconciler`.
    Everything is written down before the first file takes its name, so a full disk leaves the old ones whole.
    Raises NoSpace, PathRefused (a link or a full folder stands in the way), InvalidSource (a staged file is damaged).
    """
    place = _Place(stacks_dir, _name_in(stacks_dir, stack.folder))
    with explained(str(stacks_dir)):
        make_folder(stacks_dir)
    wanted = {file.path: file.digest for file in stack.files}
    gone = {path: digest for path, digest in written.items() if path not in wanted}
    blocking = {path: digest for path, digest in gone.items() if _in_the_way(path, wanted)}
    place.remove(blocking)
    differing = [file for file in stack.files if place.differs(file)]
    place.write(differing, ours=written)
    place.remove({path: digest for path, digest in gone.items() if path not in blocking})
    return wanted


def take_away(folder: str, written: Mapping[str, str]) -> tuple[str, ...]:
    """Remove what we wrote to `folder` and nobody changed, then empty folders; return the paths that stay there."""
    root = Path(folder)
    if not root.is_dir():
        return ()
    place = _Place(root.parent, root.name)
    place.remove(written)
    with suppress(OSError), folder_handle(root.parent, "") as handle:
        os.rmdir(root.name, dir_fd=handle)
    return tuple(
        sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir() or path.is_symlink())
    )


def remove_env_file(state_dir: Path, stack: str) -> None:
    """Remove the effective variables of a stack that was taken away: they may hold secrets. Raises NoSpace."""
    path = state_dir / "env" / f"{stack}.env"
    with explained(str(path)):
        path.unlink(missing_ok=True)


def put_env_file(stack: DesiredStack) -> None:
    """Write the effective variables to `stack.env_file`, readable by its owner only. Raises NoSpace."""
    path = Path(stack.env_file)
    content = env_text(stack.variables).encode()
    with explained(str(path)):
        make_folder(path.parent, 0o700)
        with folder_handle(path.parent, "") as handle:
            if read_file(handle, path.name) != (content, 0o100600):
                replace_file(handle, path.name, content, 0o600)


def blob_digest(content: bytes, like: str) -> str:
    """Return git's blob id of `content`, in the hash that `like` (a blob id) was made with."""
    header = b"blob %d\0" % len(content)
    make = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return make(header + content, usedforsecurity=False).hexdigest()


class _Place:
    """One stack's folder, reached from the folder that holds all stacks without following a link."""

    def __init__(self, parent: Path, name: str) -> None:
        self.parent = parent
        self.name = name

    def full(self, path: str) -> str:
        return str(self.parent / self.name / path)

    def below(self, path: str) -> tuple[str, str]:
        inside = PurePosixPath(self.name, path)
        return str(inside.parent), inside.name

    def differs(self, file: StackFile) -> bool:
        """Tell whether content or executable bit on disk is not what git holds."""
        folder, name = self.below(file.path)
        try:
            with explained(self.full(file.path)), folder_handle(self.parent, folder) as handle:
                there = read_file(handle, name)
        except FileNotFoundError:
            return True
        if there is None:
            return True
        content, mode = there
        return blob_digest(content, file.digest) != file.digest or bool(mode & 0o100) != file.executable

    def write(self, files: Iterable[StackFile], *, ours: Mapping[str, str]) -> None:
        """Write all files beside their targets, then rename them; on failure of the first half nothing changed."""
        beside: list[StackFile] = []
        try:
            for file in files:
                self._write_beside(file)
                beside.append(file)
        except Exception:
            for file in beside:
                self._drop_beside(file)
            raise
        for file in beside:
            self._put(file, keep_old=file.path not in ours)

    def _write_beside(self, file: StackFile) -> None:
        folder, name = self.below(file.path)
        content = _content(file)
        with explained(self.full(file.path)), folder_handle(self.parent, folder, make=True) as handle:
            _clear_empty_folder(handle, name)
            write_beside(handle, name, content, 0o755 if file.executable else 0o644)

    def _drop_beside(self, file: StackFile) -> None:
        folder, name = self.below(file.path)
        with suppress(OSError), folder_handle(self.parent, folder) as handle:
            os.unlink(f".{name}.reconciler-new", dir_fd=handle)

    def _put(self, file: StackFile, *, keep_old: bool) -> None:
        folder, name = self.below(file.path)
        with explained(self.full(file.path)), folder_handle(self.parent, folder) as handle:
            if keep_old:
                _keep(handle, name)
            put_in_place(handle, f".{name}.reconciler-new", name)

    def remove(self, written: Mapping[str, str]) -> None:
        """Remove files that still are what we wrote, and the folders that are empty then."""
        for path, digest in sorted(written.items(), reverse=True):
            folder, name = self.below(path)
            with suppress(FileNotFoundError), explained(self.full(path)), folder_handle(self.parent, folder) as handle:
                there = read_file(handle, name)
                if there is not None and blob_digest(there[0], digest) == digest:
                    os.unlink(name, dir_fd=handle)
            self._remove_empty(path)

    def _remove_empty(self, path: str) -> None:
        for above in list(PurePosixPath(path).parents)[:-1]:
            folder, name = self.below(str(above))
            with suppress(OSError), folder_handle(self.parent, folder) as handle:
                os.rmdir(name, dir_fd=handle)


def _name_in(stacks_dir: Path, folder: str) -> str:
    path = PurePosixPath(folder)
    if path.parent != PurePosixPath(stacks_dir) or path.name in ("", ".."):
        raise PathRefused("in-the-way", path=folder, words="not a child of the folder of all stacks")
    return path.name


def _in_the_way(path: str, wanted: Mapping[str, str]) -> bool:
    """Tell whether a file stands where a folder is wanted, or in a folder where a file is wanted."""
    above = {str(parent) for parent in PurePosixPath(path).parents}
    return any(other in above or PurePosixPath(path) in PurePosixPath(other).parents for other in wanted)


def _content(file: StackFile) -> bytes:
    content = file.content if file.content is not None else Path(file.staged or "").read_bytes()
    if blob_digest(content, file.digest) != file.digest:
        raise InvalidSource("staged-damaged", file=file.origin, path=file.staged or file.path)
    return content


def _clear_empty_folder(handle: int, name: str) -> None:
    """Remove an empty folder in a file's place: compose makes one for a bind source that is missing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.rmdir(name, dir_fd=handle)


def _keep(handle: int, name: str) -> None:
    """Give the file that stands there a second name, free or already of the same content."""
    number = 1
    while True:
        spare = f"{name}{_KEPT}" if number == 1 else f"{name}{_KEPT}.{number}"
        try:
            os.link(name, spare, src_dir_fd=handle, dst_dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            return
        except FileExistsError:
            if read_file(handle, spare) == read_file(handle, name):
                return
            number += 1
        else:
            return
