from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler import process
from reconciler.desired import staging
from reconciler.desired.repo import Repository
from reconciler.errors import InvalidSource, NotFastForward, ReconcilerError, SourceUnreachable
from reconciler.plan.texts import problem_hint, problem_text
from reconciler.settings import SourceSettings
from tests.desired.sources import COMPOSE, Source


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """A repository with three commits."""
    made = Source(tmp_path / "home")
    for number in range(3):
        made.commit({"stacks/web/compose.yaml": COMPOSE, "stacks/web/number": f"{number}\n"}, f"number {number}")
    return made


@pytest.fixture
def follow(source: Source, tmp_path: Path) -> Callable[..., Repository]:
    """Follow that repository, or another one; each call is a new process, so to say."""

    def make(url: str = str(source.folder), state: str = "state", **more: str) -> Repository:
        return Repository(SourceSettings(url, **more), tmp_path / state)  # type: ignore[arg-type]

    return make


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every git command that is run from now on."""
    seen: list[str] = []
    run = process.run

    def noting(argv: list[str], **more: object) -> process.Completed:
        seen.append(next(word for word in argv[1:] if word != "-c" and "=" not in word))
        return run(argv, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "run", noting)
    return seen


# ── fetching and staging ─────────────────────────────────────────────────────────────────────────


def test_the_first_fetch_is_shallow_and_stages_the_files(
    source: Source, follow: Callable[..., Repository], tmp_path: Path
) -> None:
    """One commit is fetched, and its files stand in a folder of their own."""
    head = source.git("rev-parse", "HEAD")
    repository = follow()
    revision = repository.fetch(last_good=None)

    assert (revision.commit, revision.subject, revision.author) == (head, "number 2", "Ada")
    assert (tmp_path / "state/source.git/shallow").read_text().split() == [head]
    tree = repository.tree(head)
    assert (tree.root / "stacks/web/number").read_text() == "2\n"
    (entry,) = [entry for entry in tree.entries if entry.path == "stacks/web/number"]
    assert entry.digest == source.git("rev-parse", "HEAD:stacks/web/number")


def test_a_pass_without_news_runs_git_once(follow: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch) -> None:
    """When the ref has not moved, asking where it stands is all that is done."""
    revision = follow().fetch(last_good=None)
    seen = spied(monkeypatch)
    again = follow()

    assert again.fetch(last_good=revision.commit) == revision
    assert again.tree(revision.commit).revision == revision
    assert seen == ["ls-remote"]


def test_ancestry_is_known_after_a_shallow_fetch_and_pushes(source: Source, follow: Callable[..., Repository]) -> None:
    """Ordinary pushes after the shallow fetch are no rewritten history."""
    first = follow().fetch(last_good=None).commit
    second = source.commit({"a": "1"})
    third = source.commit({"a": "2"})

    assert follow().fetch(last_good=first).commit == third
    assert follow().fetch(last_good=second).commit == third


def test_a_merged_side_branch_is_no_rewrite(source: Source, follow: Callable[..., Repository]) -> None:
    """A merge of a branch that began before the shallow commit contains what was applied."""
    first = follow().fetch(last_good=None).commit
    source.git("checkout", "-q", "-b", "side", "HEAD~2")
    source.commit({"b": "1"})
    source.git("checkout", "-q", "main")
    source.git("merge", "-q", "--no-edit", "side")

    assert follow().fetch(last_good=first).commit == source.git("rev-parse", "HEAD")


def test_ancestry_is_known_when_our_copy_was_lost(
    source: Source, follow: Callable[..., Repository], tmp_path: Path
) -> None:
    """A new shallow copy is completed before history counts as rewritten."""
    applied = source.git("rev-parse", "HEAD~2")

    assert follow().fetch(last_good=applied).commit == source.git("rev-parse", "HEAD")
    assert not (tmp_path / "state/source.git/shallow").exists()


@pytest.mark.parametrize("back", ["HEAD~1", "HEAD~2"])
def test_rewritten_history_blocks_until_it_is_accepted_once(
    source: Source, follow: Callable[..., Repository], back: str
) -> None:
    """A history without the applied commit is refused, then taken, and not asked about again."""
    applied = follow().fetch(last_good=None).commit
    source.back_to(back)
    rewritten = source.commit({"c": "1"})

    with pytest.raises(NotFastForward) as caught:
        follow().fetch(last_good=applied)
    assert caught.value.arguments == {"old": applied[:12], "new": rewritten[:12], "ref": "main"}

    assert follow().fetch(last_good=applied, accept_rewrite=True).commit == rewritten
    later = source.commit({"c": "2"})
    assert follow().fetch(last_good=applied).commit == later


def test_an_accepted_rewrite_opens_no_door(source: Source, follow: Callable[..., Repository]) -> None:
    """Having accepted one rewrite does not accept the next."""
    applied = follow().fetch(last_good=None).commit
    source.back_to("HEAD~1")
    source.commit({"c": "1"})
    accepted = follow().fetch(last_good=applied, accept_rewrite=True).commit
    source.back_to("HEAD~1")
    source.commit({"d": "1"})

    with pytest.raises(NotFastForward):
        follow().fetch(last_good=applied)
    with pytest.raises(NotFastForward):
        follow().fetch(last_good=accepted)


def test_going_back_is_a_rewrite_too(source: Source, follow: Callable[..., Repository]) -> None:
    """A ref that was reset to an ancestor no longer contains what was applied."""
    applied = follow().fetch(last_good=None).commit
    source.back_to("HEAD~1")

    with pytest.raises(NotFastForward):
        follow().fetch(last_good=applied)


def test_a_tag_is_followed_to_its_commit(source: Source, follow: Callable[..., Repository]) -> None:
    """An annotated tag stands for the commit it names; a branch of the same name comes first."""
    source.git("tag", "-a", "-m", "one", "v1", "HEAD~1")
    tagged = source.git("rev-parse", "HEAD~1")

    assert follow(ref="v1").fetch(last_good=None).commit == tagged
    assert follow(ref="refs/tags/v1", state="other").fetch(last_good=None).commit == tagged

    source.git("branch", "v1", "HEAD")
    assert follow(ref="v1").fetch(last_good=tagged).commit == source.git("rev-parse", "HEAD")


def test_only_the_followed_folder_is_staged(source: Source, follow: Callable[..., Repository]) -> None:
    """With source.path the tree begins there; positions still name the repository's paths."""
    source.commit({"homes/attic/stacks/db/compose.yaml": COMPOSE})
    repository = follow(path="homes/attic")
    tree = repository.tree(repository.fetch(last_good=None).commit)

    assert [entry.path for entry in tree.entries] == ["stacks/db/compose.yaml"]
    assert tree.origin("stacks/db/compose.yaml") == "homes/attic/stacks/db/compose.yaml"
    assert not (tree.root / "stacks/web").exists()


def test_another_source_takes_the_place_of_the_first(
    source: Source, follow: Callable[..., Repository], tmp_path: Path
) -> None:
    """A changed address is followed with the same care: an unrelated history is a rewritten one."""
    applied = follow().fetch(last_good=None).commit
    moved = tmp_path / "moved"
    shutil.copytree(source.folder, moved)
    assert follow(str(moved)).fetch(last_good=applied).commit == applied

    foreign = Source(tmp_path / "foreign")
    foreign.commit({"a": "1"})
    with pytest.raises(NotFastForward):
        follow(str(foreign.folder)).fetch(last_good=applied)


def test_links_submodules_and_odd_names_are_told_apart(source: Source, follow: Callable[..., Repository]) -> None:
    """They are listed by kind, and nothing of them is followed."""
    folder = source.folder / "stacks/web"
    (folder / "link").symlink_to("/etc/passwd")
    Path(os.fsdecode(os.fsencode(folder) + b"/b\xffd")).write_text("x")
    (folder / "new\nline").write_text("x")
    (folder / "tool").write_text("x")
    (folder / "tool").chmod(0o755)
    (folder / 'q"uo te').write_text("x")
    source.git("update-index", "--add", "--cacheinfo", f"160000,{source.git('rev-parse', 'HEAD')},stacks/web/sub")
    source.git("add", "-A", "--", "stacks/web", ":!stacks/web/sub")
    source.git("commit", "-q", "-m", "odd")
    repository = follow()
    tree = repository.tree(repository.fetch(last_good=None).commit)
    kinds = {entry.path.removeprefix("stacks/web/"): entry.kind for entry in tree.entries}

    assert kinds == {
        "b\ufffdd": "odd-name",
        "compose.yaml": "file",
        "link": "link",
        "new\nline": "odd-name",
        "number": "file",
        'q"uo te': "file",
        "sub": "submodule",
        "tool": "executable",
    }


@pytest.mark.parametrize(
    "names",
    [
        [("120000", "conf"), ("40000", "conf"), ("100644", "z")],
        [("40000", "conf"), ("120000", "conf")],
        [("100644", "conf"), ("120000", "conf")],
        [("40000", "..")],
        [("100644", "../../x")],
        [("40000", ".git")],
    ],
)
def test_forged_trees_are_refused(
    names: list[tuple[str, str]], source: Source, follow: Callable[..., Repository]
) -> None:
    """A tree that no git program makes is refused whole: a name twice could hide that a folder is really a link."""
    commit = source.commit({"f": "/etc"})
    ids = {"40000": source.git("rev-parse", f"{commit}^{{tree}}"), "": source.git("rev-parse", f"{commit}:f")}
    tree = b"".join(f"{m} {name}\0".encode() + bytes.fromhex(ids.get(m, ids[""])) for m, name in names)
    (source.folder / "raw").write_bytes(tree)
    forged = source.git("hash-object", "-t", "tree", "-w", "--literally", "raw")
    source.git("update-ref", "refs/heads/main", source.git("commit-tree", "-m", "forged", forged))
    with pytest.raises(InvalidSource) as refused:
        follow().fetch(last_good=None)
    assert refused.value.code == "source-tree-odd"


def test_files_are_staged_as_git_holds_them(source: Source, follow: Callable[..., Repository]) -> None:
    """No attribute of the repository changes a byte: the content is what its id says."""
    (source.folder / "crlf.txt").write_bytes(b"a\r\nb\n$Id$\n")
    source.commit({".gitattributes": "* -text\n"})
    (source.folder / ".gitattributes").write_text(
        "* text eol=crlf ident\n*.txt working-tree-encoding=UTF-16 filter=lfs\n"
    )
    source.git("add", ".gitattributes")
    source.git("commit", "-q", "-m", "attributes")
    repository = follow()
    root = repository.tree(repository.fetch(last_good=None).commit).root

    assert (root / "stacks/web/number").read_bytes() == b"2\n"
    assert (root / "crlf.txt").read_bytes() == b"a\r\nb\n$Id$\n"


def test_a_revision_is_on_the_disk_before_it_counts(
    source: Source, follow: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut leaves a whole copy or none: all files are flushed before their folder gets its name."""
    seen: list[bool] = []
    flush = staging.flush

    def noted(folder: Path) -> None:
        seen.append((folder / "tree" / "a").read_text() == "1" and (folder / "listing.json").exists())
        assert not (folder.parent / commit).exists()
        flush(folder)

    monkeypatch.setattr(staging, "flush", noted)
    commit = source.commit({"a": "1"})
    follow().fetch(last_good=None)
    assert seen == [True]


def test_old_revisions_are_forgotten(source: Source, follow: Callable[..., Repository], tmp_path: Path) -> None:
    """A few staged revisions stay, among them those in use."""
    first = follow().fetch(last_good=None).commit
    for number in range(6):
        source.commit({"n": str(number)})
        follow().fetch(last_good=first)
        follow().tree(first)
    for thread in threading.enumerate():
        if thread.name == "old revisions":
            thread.join()
    staged = {home.name for home in (tmp_path / "state/staging").iterdir()}

    assert len(staged) == 4
    assert {first, source.git("rev-parse", "HEAD")} < staged


def test_old_revisions_go_before_git_works(
    source: Source, follow: Callable[..., Repository], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is deleted beside us takes time from git's programs, not from the pass that comes after them."""
    for number in range(staging.KEEP):
        source.commit({"n": str(number)})
        follow().fetch(last_good=None)
    left: list[int] = []
    flush = staging.flush

    def noted(folder: Path) -> None:
        left.append(len(list(folder.parent.glob("[!.]*"))))
        flush(folder)

    monkeypatch.setattr(staging, "flush", noted)
    source.commit({"n": "last"})
    follow().fetch(last_good=None)
    assert left == [staging.KEEP - 1]


def test_half_a_copy_is_made_anew(source: Source, follow: Callable[..., Repository], tmp_path: Path) -> None:
    """A mirror that a power cut damaged does not stop us."""
    applied = follow().fetch(last_good=None).commit
    (tmp_path / "state/source.git/HEAD").write_text("")
    (tmp_path / "state/source.git/config").unlink()
    head = source.commit({"a": "1"})

    assert follow().fetch(last_good=applied).commit == head


# ── who may be asked, and how ────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}", "{}/.git", "{}-link"])
def test_a_repository_of_another_user_works(source: Source, follow: Callable[..., Repository], form: str) -> None:
    """Git's distrust of foreign owners is answered for exactly this path."""
    subprocess.run(["chown", "-R", "nobody", source.folder], check=True)
    Path(f"{source.folder}-link").symlink_to(source.folder)

    assert follow(form.format(source.folder)).fetch(last_good=None).subject == "number 2"


def test_nothing_of_our_environment_reaches_git(
    follow: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only HOME and the ssh agent's socket are ours; a set GIT_DIR or proxy does not matter."""
    seen: list[dict[str, str]] = []
    run = process.run

    def noting(argv: list[str], **more: object) -> process.Completed:
        assert isinstance(more["env"], dict)
        seen.append(more["env"])
        return run(argv, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "run", noting)
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    monkeypatch.setenv("HOME", str(tmp_path))
    follow().fetch(last_good=None)

    assert {(env["HOME"], env["SSH_AUTH_SOCK"], env["GIT_TERMINAL_PROMPT"]) for env in seen} == {
        (str(tmp_path), "/run/agent", "0")
    }
    assert not {"SECRET_TOKEN", "https_proxy"} & {name for env in seen for name in env}


def test_nothing_is_asked_of_git_behind_our_back(tmp_path: Path) -> None:
    """GitPython, which wants to know git's version when it is loaded, starts nothing."""
    trace = tmp_path / "trace"
    code = "import reconciler.desired.driver"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "GIT_TRACE": str(trace)}, check=True)
    assert not trace.exists()


def test_the_users_own_git_configuration_counts(
    source: Source, follow: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Credential helpers, keys and rewritten addresses of ~/.gitconfig work; forbidden transports stay forbidden."""
    (tmp_path / ".gitconfig").write_text(
        f'[url "{source.folder}"]\n\tinsteadOf = https://example.org/home\n[url "ext::sh -c true "]\n\tinsteadOf = https://evil.example/\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))

    assert follow("https://example.org/home").fetch(last_good=None).subject == "number 2"
    with pytest.raises(SourceUnreachable, match="not allowed"):
        follow("https://evil.example/x").fetch(last_good=None)


def test_hooks_do_not_run(
    source: Source, follow: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Hooks of the user's templates and configuration are never started."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    follow().fetch(last_good=None)

    assert not (tmp_path / "ran").exists()


# ── sources that cannot be followed ──────────────────────────────────────────────────────────────


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "more", "kind", "code"),
    [
        ("{tmp}/nothing", {}, SourceUnreachable, "source-path-missing"),
        ("{tmp}/plain", {}, InvalidSource, "source-not-repository"),
        ("{tmp}/empty", {}, InvalidSource, "source-empty"),
        ("{tmp}/home", {"ref": "nope"}, InvalidSource, "source-ref-missing"),
        ("{tmp}/home", {"path": "no/folder"}, InvalidSource, "source-path-absent"),
        ("{tmp}/home", {"path": "stacks/web/number"}, InvalidSource, "source-path-absent"),
        ("https://user:hunter22@127.0.0.1:{port}/x", {}, SourceUnreachable, "source-host"),
        ("ssh://git@127.0.0.1:{port}/x", {}, SourceUnreachable, "source-host"),
        ("https://user:hunter22@name.invalid/x", {}, SourceUnreachable, "source-host"),
    ],
)
def test_each_bad_source_has_its_own_words(
    source: Source,
    follow: Callable[..., Repository],
    tmp_path: Path,
    url: str,
    more: dict[str, str],
    kind: type[ReconcilerError],
    code: str,
) -> None:
    """What is wrong and what to do is told apart; a password in the address is never shown."""
    (tmp_path / "plain").mkdir()
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "empty"], check=True)

    with pytest.raises(kind) as caught:
        follow(url.format(tmp=tmp_path, port=closed_port()), **more).fetch(last_good=None)

    problem = caught.value.problem("source")
    assert problem.code == code
    assert "?" not in problem_text(problem)
    assert problem_hint(problem)
    assert "hunter22" not in str(caught.value) + problem_text(problem) + problem_hint(problem)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("fatal: Authentication failed for 'https://u:pw@example.org/x/'", "source-auth"),
        ("fatal: could not read Username for 'https://example.org': terminal prompts disabled", "source-auth"),
        (
            "git@example.org: Permission denied (publickey).\nfatal: Could not read from remote repository.",
            "source-auth",
        ),
        ("Host key verification failed.\nfatal: Could not read from remote repository.", "source-host-key"),
        ("remote: Repository not found.\nfatal: repository 'https://example.org/x/' not found", "source-not-found"),
        (
            "fatal: unable to access 'https://example.org/': SSL certificate problem: self-signed certificate",
            "source-certificate",
        ),
        ("ssh: connect to host example.org port 22: Connection timed out", "source-host"),
        ("fatal: something quite new", "source-failed"),
    ],
)
def test_gits_words_are_understood(said: str, code: str) -> None:
    """The usual refusals of servers are told apart, without credentials in the words."""
    from reconciler.desired.gitwords import failure  # noqa: PLC0415 - only this test looks inside

    error = failure("https://u:pw@example.org/x", said)

    assert error.code == code
    assert "pw@" not in str(error)


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    """A server that takes the connection and says nothing holds us up for a bounded time only."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        repository = Repository(
            SourceSettings(f"https://127.0.0.1:{server.getsockname()[1]}/x"), tmp_path, ask_limit=0.5
        )
        with pytest.raises(SourceUnreachable) as caught:
            repository.fetch(last_good=None)

    assert caught.value.code == "source-timeout"


def test_the_last_good_revision_stays_when_the_source_is_gone(
    source: Source, follow: Callable[..., Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was staged is read without git and without the source."""
    good = follow().fetch(last_good=None).commit
    source.folder.rename(f"{source.folder}-gone")
    with pytest.raises(SourceUnreachable, match="source-path-missing"):
        follow().fetch(last_good=good)
    seen = spied(monkeypatch)

    assert follow().tree(good).revision.commit == good
    assert not seen


@pytest.mark.parametrize("commit", ["HEAD", "-x", "abc", "f" * 40])
def test_a_commit_that_is_not_here_is_said(follow: Callable[..., Repository], commit: str) -> None:
    """Only whole commit ids are asked for, and an unknown one is an error of its own."""
    with pytest.raises(InvalidSource, match="source-commit-missing"):
        follow().tree(commit)


@pytest.mark.parametrize(("url", "ref"), [("ext::sh", "main"), ("/x", "-x")])
def test_unsafe_words_never_get_to_git(url: str, ref: str, tmp_path: Path) -> None:
    """The repository itself refuses what the settings would not have let through."""
    with pytest.raises(InvalidSource):
        Repository(SourceSettings(url, ref), tmp_path)
