"""The followed git repository: fetch it, know its history, stage its files.

Room 1 (desired); may import driver, gitcall, gitwords, staging, tree, address, settings, errors and model. A bare mirror
lives in `<state_dir>/source.git`, staged revisions in `<state_dir>/staging`.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.address import allowed_ref, allowed_url, local_path, shown
from reconciler.desired import gitcall
from reconciler.desired.gitwords import failure
from reconciler.desired.staging import Staging
from reconciler.desired.tree import Tree
from reconciler.errors import InvalidSource, NoSpace, NotFastForward, ProgramFailed, SourceUnreachable
from reconciler.model import Revision
from reconciler.process import Completed
from reconciler.settings import SourceSettings

if TYPE_CHECKING:
    from reconciler.desired.driver import Driver

ASK_LIMIT = 30.0
"""Seconds a repository has to say where its ref stands."""
FETCH_LIMIT = 900.0

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SEEN = "refs/reconciler/seen"


class Repository:
    """One ref of one repository, mirrored in `state_dir`. Two processes may use the same mirror.

    Once `cut` is set, everything that git is asked ends with Cut.
    """

    def __init__(self, source: SourceSettings, state_dir: Path, ask_limit: float = ASK_LIMIT) -> None:
        if not allowed_url(source.url):
            raise InvalidSource("source-url", url=shown(source.url))
        if not allowed_ref(source.ref):
            raise InvalidSource("source-ref", ref=source.ref)
        self.cut = threading.Event()
        self._url, self._ref = source.url, source.ref
        self._below = "" if source.path == "." else f"{source.path}/"
        self._state_dir, self._ask_limit = state_dir, ask_limit
        self._mirror = state_dir / "source.git"
        self._config = state_dir / "gitconfig"
        self._staging = Staging(state_dir / "staging", source.path)

    def fetch(self, *, last_good: str | None, accept_rewrite: bool = False) -> Revision:
        """Ask the source where the ref stands, fetch what is new, and return it.

        Raises SourceUnreachable when git cannot be asked, InvalidSource when it holds nothing to follow, NotFastForward
        when the new revision does not contain `last_good` (until it is accepted once).
        """
        with self._locked():
            name, asked = self._ask()
            commit = asked if self._staging.tree(asked) else self._download(name)
            if last_good and last_good != commit:
                self._guard_history(_hex(last_good), commit, accept_rewrite)
            return self._staging.make(self._git, commit).revision

    def revision(self, commit: str) -> Revision:
        """Describe a commit that was fetched before. Raises InvalidSource when it is not here."""
        return self.tree(commit).revision

    def tree(self, commit: str) -> Tree:
        """Return a commit's staged tree; starts no program when it is staged already."""
        known = self._staging.tree(_hex(commit))
        if known:
            return known
        with self._locked():
            return self._staging.make(self._git, commit)

    def keep(self, commit: str) -> bool:
        """Keep a staged tree for longer, as one that was just asked for; False when it is no longer there."""
        return self._staging.keep(commit)

    def last_touch(self, commit: str, paths: Sequence[str], since: str | None = None) -> Revision | None:
        """Return the newest commit up to `commit`, and after `since`, that touched a path: git's globs, in our folder of it.

        None when there is none, or it is no longer known here.
        """
        span = f"{_hex(since)}..{_hex(commit)}" if since else _hex(commit)
        words = ("log", "-1", "--no-show-signature", "--format=%H%x00%s%x00%an", span, "--")
        if not (self._mirror / "HEAD").exists():
            return None
        globs = [f":(top,glob){self._below}{path}" for path in paths]
        done = gitcall.git(self._mirror, self._config, (*words, *globs), timeout=ASK_LIMIT)
        if done.code or not done.stdout.strip():
            return None
        return Revision(*done.stdout.rstrip("\n").split("\0"))

    # ── asking and fetching ──────────────────────────────────────────────────────────────────────

    def _ask(self) -> tuple[str, str]:
        """Return the full name of the ref and the id it stands at."""
        path = local_path(self._url)
        if path and not any(map(os.path.exists, (path, f"{path}.git"))):
            raise SourceUnreachable("source-path-missing", url=shown(self._url))
        names = [self._ref] if self._ref.startswith("refs/") else [f"refs/heads/{self._ref}", f"refs/tags/{self._ref}"]
        said = self._remote("ls_remote", "--", self._url, *names, *(f"{name}^{{}}" for name in names)).stdout
        refs: dict[str, str] = {
            name: digest for digest, _, name in (line.partition("\t") for line in said.splitlines())
        }
        for name in names:
            if name in refs:
                return name, refs.get(f"{name}^{{}}", refs[name])
        raise self._nothing_there()

    def _nothing_there(self) -> InvalidSource:
        said = self._remote("ls_remote", "--heads", "--", self._url).stdout
        branches = sorted(re.findall(r"\trefs/heads/(.+)", said))
        if not branches:
            return InvalidSource("source-empty", url=shown(self._url), ref=self._ref)
        return InvalidSource("source-ref-missing", url=shown(self._url), ref=self._ref, there=", ".join(branches[:8]))

    def _download(self, name: str) -> str:
        try:
            return self._fetched(name)
        except (SourceUnreachable, InvalidSource):
            if self._sound():
                raise
        # A power cut can leave half a mirror; what matters is at the source and in the staging.
        shutil.rmtree(self._mirror)
        return self._fetched(name)

    def _fetched(self, name: str) -> str:
        """Fetch one ref; only the very first time shallow, so that later ancestry is known."""
        git = self._git()
        for half in (self._mirror / "objects/pack").glob("tmp_*"):
            half.unlink(missing_ok=True)  # of a fetch that was ended; git leaves it for two weeks
        depth = [] if self._resolve(git, _SEEN) else ["--depth=1"]
        self._remote("fetch", *_QUIETLY, *depth, "--", self._url, f"+{name}:{_SEEN}", timeout=FETCH_LIMIT)
        commit = self._resolve(git, _SEEN)
        if commit is None:
            raise InvalidSource("source-not-commit", url=shown(self._url), ref=self._ref)
        git.maintenance("run", "--auto", "--quiet")
        return commit

    def _sound(self) -> bool:
        done: Completed = self._git().fsck("--connectivity-only", "--no-dangling", kill_after_timeout=FETCH_LIMIT)
        return done.code == 0

    # ── history ──────────────────────────────────────────────────────────────────────────────────

    def _guard_history(self, old: str, new: str, accept: bool) -> None:
        git = self._git()
        accepted = f"refs/reconciler/accepted/{old}"
        if not self._contains(git, new, old) and not self._contains(git, new, self._resolve(git, accepted)):
            if not accept:
                raise NotFastForward("history-rewritten", old=old[:12], new=new[:12], ref=self._ref)
            _must(git.update_ref(accepted, new))

    def _contains(self, git: Driver, new: str, old: str | None) -> bool:
        """Say whether `old` is in the history of `new`; a shallow history is completed before the answer is no."""
        if old is None:
            return False
        if _is_ancestor(git, old, new):
            return True
        if not (self._mirror / "shallow").exists():
            return False
        self._remote("fetch", *_QUIETLY, "--unshallow", "--", self._url, timeout=FETCH_LIMIT)
        return _is_ancestor(git, old, new)

    def _resolve(self, git: Driver, name: str) -> str | None:
        done: Completed = git.rev_parse("--quiet", "--verify", "--end-of-options", f"{name}^{{commit}}")
        return done.stdout.strip() if done.code == 0 else None

    # ── the mirror ───────────────────────────────────────────────────────────────────────────────

    def _git(self) -> Driver:
        """Return a driver for the mirror, making it first if need be."""
        from reconciler.desired.driver import Driver  # noqa: PLC0415 - heavy, and a quiet pass does without

        git = Driver(self._mirror, self._config, self.cut)
        if not (self._mirror / "HEAD").exists():
            self._mirror.mkdir(mode=0o700, parents=True, exist_ok=True)
            _must(git.init("--bare", "--quiet", "--template="))
        return git

    def _remote(self, command: str, *words: str, timeout: float | None = None) -> Completed:
        """Run a command that talks to the source; its failures become ours."""
        try:
            done = self._run(command, words, timeout or self._ask_limit)
        except ProgramFailed as error:
            seconds = error.arguments.get("seconds", "?")
            raise SourceUnreachable("source-timeout", url=shown(self._url), seconds=seconds) from None
        if done.code:
            raise failure(self._url, done.tail)
        return done

    def _run(self, command: str, words: Sequence[str], timeout: float) -> Completed:
        # Every pass asks; to load GitPython would take it several times as long as to ask.
        if command == "ls_remote" and (self._mirror / "HEAD").exists():
            return gitcall.git(self._mirror, self._config, ("ls-remote", *words), timeout=timeout, cut=self.cut)
        done: Completed = getattr(self._git(), command)(*words, kill_after_timeout=timeout)
        return done

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes of ours away from the mirror and the staging."""
        try:
            self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_if_new(self._config, gitcall.private_config(self._url))
            handle = os.open(self._state_dir / "source.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)
        except OSError as error:
            raise NoSpace("cannot-write", path=str(self._state_dir), words=error.strerror or "") from None


_QUIETLY = (
    "--quiet",
    "--force",
    "--no-tags",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-fetch-head",
)


def _is_ancestor(git: Driver, old: str, new: str) -> bool:
    done: Completed = git.merge_base("--is-ancestor", old, new)
    return done.code == 0


def _hex(commit: str) -> str:
    if not _COMMIT.fullmatch(commit):
        raise InvalidSource("source-commit-missing", commit=commit[:40], words="this is not a commit id")
    return commit


def _must(done: Completed) -> None:
    if done.code:
        raise NoSpace("mirror-failed", words=done.tail)


def _write_if_new(file: Path, text: str) -> None:
    try:
        if file.read_text() == text:
            return
    except OSError:
        pass
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(text)
    draft.rename(file)
