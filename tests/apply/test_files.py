"""Files at their stable path: exactly what git holds, never through a link, nothing of others touched."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from reconciler.apply.files import blob_digest, put_env_file, put_files, remove_env_file, take_away
from reconciler.errors import InvalidSource, NoSpace, PathRefused
from reconciler.model import DesiredStack, StackFile

SHA1 = "0" * 40


def stack_of(stacks_dir: Path, files: dict[str, str], *, executable: tuple[str, ...] = ()) -> DesiredStack:
    made = tuple(
        StackFile(
            path, blob_digest(text.encode(), SHA1), f"stacks/web/{path}", path in executable, content=text.encode()
        )
        for path, text in files.items()
    )
    return DesiredStack("web", "web", str(stacks_dir / "web"), files=made)


@pytest.fixture
def put(tmp_path):
    """Put files at the stable path, with what was written before."""

    def put(files, written=None, **options):
        return put_files(stack_of(tmp_path, files, **options), tmp_path, written or {})

    return put


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_digest_is_gits_own():
    """The digest of content is the id that git gives it, in either of its hashes."""
    assert blob_digest(b"hello\n", SHA1) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert blob_digest(b"", "0" * 64) == "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"


def test_puts_files_and_says_what_it_wrote(put, tmp_path):
    """All files stand in their folders, and their digests come back."""
    written = put({"compose.yaml": "a", "conf/app/x.ini": "b"})

    assert tree(tmp_path / "web") == {"compose.yaml": "a", "conf/app/x.ini": "b"}
    assert written == {"compose.yaml": blob_digest(b"a", SHA1), "conf/app/x.ini": blob_digest(b"b", SHA1)}


def test_modes_do_not_depend_on_the_umask(put, tmp_path):
    """Whoever runs us: files are 0644, executables 0755, folders 0755."""
    before = os.umask(0o077)
    try:
        put({"bin/run.sh": "x", "compose.yaml": "y"}, executable=("bin/run.sh",))
    finally:
        os.umask(before)
    modes = {
        name: stat.S_IMODE((tmp_path / "web" / name).stat().st_mode)
        for name in ("", "bin", "bin/run.sh", "compose.yaml")
    }

    assert modes == {"": 0o755, "bin": 0o755, "bin/run.sh": 0o755, "compose.yaml": 0o644}


def test_what_is_equal_is_not_written_again(put, tmp_path):
    """An unchanged file keeps its inode: a container that binds it goes on seeing it."""
    written = put({"same": "1", "other": "1"})
    inode = (tmp_path / "web/same").stat().st_ino
    put({"same": "1", "other": "2"}, written)

    assert (tmp_path / "web/same").stat().st_ino == inode
    assert (tmp_path / "web/other").read_text() == "2"


def test_an_executable_bit_that_differs_is_a_change(put, tmp_path):
    """A script that git makes executable becomes so although its text is the same."""
    written = put({"run": "1"})
    put({"run": "1"}, written, executable=("run",))

    assert os.access(tmp_path / "web/run", os.X_OK)


def test_what_is_no_longer_wanted_goes_with_its_empty_folders(put, tmp_path):
    """A file gone from git goes, and so do folders that are empty then; those with other files stay."""
    written = put({"compose.yaml": "a", "old/deep/x": "b", "data/conf": "c"})
    (tmp_path / "web/data/mine").write_text("mine")
    put({"compose.yaml": "a"}, written)

    assert tree(tmp_path / "web") == {"compose.yaml": "a", "data/mine": "mine"}
    assert not (tmp_path / "web/old").exists()


def test_a_file_that_somebody_changed_is_not_deleted(put, tmp_path):
    """Of what we wrote, only what nobody changed since is ours to delete."""
    written = put({"compose.yaml": "a", "notes": "b"})
    (tmp_path / "web/notes").write_text("changed by hand")
    put({"compose.yaml": "a"}, written)

    assert (tmp_path / "web/notes").read_text() == "changed by hand"


def test_a_hand_change_is_put_back(put, tmp_path):
    """A file that git holds is again what git holds."""
    written = put({"compose.yaml": "a"})
    (tmp_path / "web/compose.yaml").write_text("by hand")
    put({"compose.yaml": "a"}, written)

    assert tree(tmp_path / "web") == {"compose.yaml": "a"}


def test_a_foreign_file_that_git_now_holds_is_kept_beside(put, tmp_path):
    """Taking over a folder loses nothing: the old file stays under another name, and so does each later one."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web/app.ini").write_text("theirs")
    put({"app.ini": "git's"})
    (tmp_path / "web/app.ini").write_text("theirs again")
    put({"app.ini": "git's"})

    assert tree(tmp_path / "web") == {
        "app.ini": "git's", "app.ini.before-reconciler": "theirs", "app.ini.before-reconciler.2": "theirs again",
    }  # fmt: skip


def test_an_equal_foreign_file_is_taken_over_in_place(put, tmp_path):
    """A folder of another tool with the same files is taken over without a single write."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web/compose.yaml").write_text("a")
    before = (tmp_path / "web/compose.yaml").stat()
    put({"compose.yaml": "a"})

    assert (tmp_path / "web/compose.yaml").stat() == before
    assert len(list((tmp_path / "web").iterdir())) == 1


def test_a_folder_becomes_a_file_and_back(put, tmp_path):
    """Git may replace a folder by a file of its name, and the other way round."""
    written = put({"conf/a": "1", "conf/b": "2"})
    written = put({"conf": "file"}, written)

    assert tree(tmp_path / "web") == {"conf": "file"}

    put({"conf/a": "1"}, written)

    assert tree(tmp_path / "web") == {"conf/a": "1"}


def test_an_empty_folder_in_a_files_place_goes(put, tmp_path):
    """Compose makes a folder for a bind source that is missing; when git brings the file, it wins."""
    (tmp_path / "web/app.ini").mkdir(parents=True)
    put({"app.ini": "x"})

    assert tree(tmp_path / "web") == {"app.ini": "x"}


def test_a_full_folder_in_a_files_place_is_refused(put, tmp_path):
    """Files of others are never removed to make room, and nothing is written at all."""
    (tmp_path / "web/app.ini").mkdir(parents=True)
    (tmp_path / "web/app.ini/theirs").write_text("t")

    with pytest.raises(PathRefused) as caught:
        put({"a-first": "1", "app.ini": "x"})

    assert caught.value.arguments["path"] == str(tmp_path / "web/app.ini")
    assert tree(tmp_path / "web") == {"app.ini/theirs": "t"}


@pytest.mark.parametrize("link_at", ["web", "web/conf", "web/conf/deep"])
def test_a_folder_swapped_for_a_link_is_refused(put, tmp_path, link_at):
    """A container with a writable bind cannot make us write, or delete, outside the stack's folder."""
    written = put({"conf/deep/x": "1", "conf/deep/gone": "2"})
    outside = tmp_path / "outside"
    (tmp_path / link_at).rename(outside)
    (tmp_path / link_at).symlink_to(outside)
    before = tree(outside)

    with pytest.raises(PathRefused):
        put({"conf/deep/x": "changed"}, written)

    assert tree(outside) == before


def test_taking_away_does_not_follow_a_link(put, tmp_path):
    """Taking a stack away behind a link deletes nothing there."""
    written = put({"conf/x": "1"})
    outside = tmp_path / "outside"
    (tmp_path / "web/conf").rename(outside)
    (tmp_path / "web/conf").symlink_to(outside)

    with pytest.raises(PathRefused):
        take_away(str(tmp_path / "web"), written)

    assert tree(outside) == {"x": "1"}


def test_a_link_in_a_files_place_is_replaced_not_followed(put, tmp_path):
    """A link where git holds a file is set aside; what it points to stays as it is."""
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "web").mkdir()
    (tmp_path / "web/x").symlink_to(target)
    put({"x": "git's"})

    assert target.read_text() == "precious"
    assert not (tmp_path / "web/x").is_symlink()
    assert (tmp_path / "web/x.before-reconciler").is_symlink()


def test_a_pipe_in_a_files_place_does_not_hang(put, tmp_path):
    """Somebody's named pipe neither blocks us nor is written to."""
    (tmp_path / "web").mkdir()
    os.mkfifo(tmp_path / "web/x")
    put({"x": "1"})

    assert (tmp_path / "web/x").read_text() == "1"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/x"])
def test_a_path_that_climbs_is_refused(put, tmp_path, path):
    """Whatever came out of git: nothing is written outside the stack's folder."""
    with pytest.raises(PathRefused):
        put({path: "1"})

    assert not (tmp_path / "x").exists()


def test_a_folder_that_is_no_child_of_stacks_dir_is_refused(tmp_path):
    """The stable path is one folder below stacks_dir and nothing else."""
    with pytest.raises(PathRefused):
        put_files(stack_of(tmp_path / "elsewhere", {"x": "1"}), tmp_path, {})


def test_a_damaged_staged_file_is_refused(tmp_path):
    """What does not have git's digest is not put before a container, and what stands there stays."""
    staged = tmp_path / "staged"
    staged.write_text("damaged")
    file = StackFile("x", blob_digest(b"whole", SHA1), "stacks/web/x", staged=str(staged))
    good = StackFile("a", blob_digest(b"a", SHA1), "stacks/web/a", content=b"a")
    stacks = tmp_path / "stacks"

    with pytest.raises(InvalidSource):
        put_files(DesiredStack("web", "web", str(stacks / "web"), files=(good, file)), stacks, {})

    assert tree(stacks) == {}


def test_leftovers_of_a_killed_run_are_no_obstacle(put, tmp_path):
    """A temporary file of a run that was killed is written over."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web/.x.reconciler-new").write_text("half")
    put({"x": "whole"})

    assert tree(tmp_path / "web") == {"x": "whole"}


def test_take_away_leaves_what_is_not_ours(put, tmp_path):
    """A stack taken away leaves the files of others, and names them."""
    written = put({"compose.yaml": "a", "conf/x": "b", "edited": "c"})
    (tmp_path / "web/edited").write_text("by hand")
    (tmp_path / "web/data").mkdir()
    (tmp_path / "web/data/db").write_text("rows")

    assert take_away(str(tmp_path / "web"), written) == ("data/db", "edited")
    assert tree(tmp_path / "web") == {"data/db": "rows", "edited": "by hand"}


def test_take_away_removes_a_folder_that_is_all_ours(put, tmp_path):
    """Where everything was ours nothing stays, and doing it again is no error."""
    written = put({"compose.yaml": "a", "conf/x": "b"})

    assert take_away(str(tmp_path / "web"), written) == ()
    assert not (tmp_path / "web").exists()
    assert take_away(str(tmp_path / "web"), written) == ()


def test_env_file_is_private(tmp_path):
    """The effective variables are for root's eyes, whatever the umask, and are written only when they differ."""
    stack = DesiredStack("web", "web", "", env_file=str(tmp_path / "env/web.env"), variables={"B": "2", "A": "$x"})
    put_env_file(stack)
    file = tmp_path / "env/web.env"
    inode = file.stat().st_ino
    put_env_file(stack)

    assert file.read_text() == 'A="\\$x"\nB="2"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert file.stat().st_ino == inode


def test_env_file_of_a_stack_taken_away_goes(tmp_path):
    """Secrets do not outlive their stack; doing it again is no error."""
    put_env_file(DesiredStack("web", "web", "", env_file=str(tmp_path / "env/web.env"), variables={"A": "1"}))
    for _ in range(2):
        remove_env_file(tmp_path, "web")

    assert list((tmp_path / "env").iterdir()) == []


def test_env_file_that_others_may_read_is_mended(tmp_path):
    """A mode that was opened by hand is closed again."""
    stack = DesiredStack("web", "web", "", env_file=str(tmp_path / "web.env"), variables={"A": "1"})
    put_env_file(stack)
    (tmp_path / "web.env").chmod(0o644)
    put_env_file(stack)

    assert stat.S_IMODE((tmp_path / "web.env").stat().st_mode) == 0o600


def test_a_full_disk_leaves_the_old_files_whole(small_disk):
    """The disk fills half-way: no file is changed, no half-written one stays, and the error names the file."""
    written = put_files(stack_of(small_disk, {"a": "old", "b": "old"}), small_disk, {})

    with pytest.raises(NoSpace) as caught:
        put_files(stack_of(small_disk, {"a": "new", "b": "x" * 300_000}), small_disk, written)

    assert caught.value.arguments["path"] == str(small_disk / "web/b")
    assert "No space" in caught.value.arguments["words"]
    assert tree(small_disk) == {"web/a": "old", "web/b": "old"}


def test_a_name_too_long_to_be_written_beside(tmp_path):
    """The draft of a file has a longer name than the file: the system's refusal is an error of ours, and nothing changes."""
    with pytest.raises(PathRefused):
        put_files(stack_of(tmp_path, {"a": "new", "b" * 250: "new"}), tmp_path, {})

    assert tree(tmp_path) == {}


def test_a_read_only_folder_is_an_error_that_says_so(small_disk, read_only):
    """A disk that went read-only: the error names the path, nothing changed."""
    written = put_files(stack_of(small_disk, {"a": "old"}), small_disk, {})
    read_only()

    with pytest.raises(NoSpace) as caught:
        put_files(stack_of(small_disk, {"a": "new"}), small_disk, written)

    assert caught.value.arguments["path"] == str(small_disk / "web/a")
    assert tree(small_disk) == {"web/a": "old"}


def test_a_huge_file_in_our_place_is_not_read(put, tmp_path):
    """A container can make a file of any size out of nothing: ours takes its place, and it is not deleted as ours."""
    written = put({"conf": "a"})
    os.truncate(tmp_path / "web" / "conf", 1 << 40)

    assert put({}, written) == {}
    assert (tmp_path / "web" / "conf").stat().st_size == 1 << 40
    put({"conf": "a"}, written)
    assert tree(tmp_path / "web") == {"conf": "a"}
