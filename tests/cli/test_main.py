"""Parsing, exit codes, and how fast help is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.main import run

HEAVY = ("docker", "git", "pydantic", "yaml", "rich", "requests", "sqlite3")


def command(*arguments, code="from reconciler.cli.main import main; main()", **options):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=30, **options
    )


@pytest.mark.parametrize(
    "arguments", [["--help"], ["plan", "--help"], ["why", "-h"], ["run", "-h"], ["init", "-h"], ["--version"]]
)
def test_help_loads_nothing_heavy(arguments):
    """Help and version are answered without the engine, git, YAML or rich."""
    code = "import sys; from reconciler.cli.main import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"

    done = command(*arguments, code=code)

    assert done.stdout
    assert set() == set(HEAVY) & set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Usage: reconciler"),
        (["plam"], "Did you mean 'plan'?"),
        (["plan", "--jsn"], "Did you mean '--json'?"),
        (["plan", "extra"], "extra"),
        (["plan", "-o"], "requires an argument"),
        (["apply", "no-such-plan.json"], "no-such-plan.json"),
        (["validate", "no-such-folder"], "no-such-folder"),
        (["why"], "TARGET"),
        (["why", ""], "an empty name"),
        (["history", " "], "an empty name"),
        (["history", "--limit", "0"], "--limit"),
        (["suspend", "web"], "--reason"),
        (["suspend", "web", "--reason", " "], "--reason"),
        (["suspend", "web", "--reason", "x", "--until", "soon"], "2026-12-01T08:00"),
    ],
)
def test_wrong_usage_is_64(arguments, words, capsys):
    """A missing argument, an unknown verb or option ends with 64, says what is known, and prints no result."""
    assert run(arguments) == 64

    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err


def test_a_file_that_is_no_plan_is_wrong_usage(tmp_path, capsys):
    """`apply FILE` wants what `plan -o` wrote, and says so."""
    (tmp_path / "plan.json").write_text("[]")

    assert run(["apply", str(tmp_path / "plan.json")]) == 64
    assert "plan -o" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["plan", "apply", "status", "history", "run"])
def test_missing_settings_are_one_clear_error(verb, tmp_path, capsys):
    """Our own errors have no traceback: what, where, and what to do."""
    assert run([verb, "--config", str(tmp_path / "none.yaml")]) == 1

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert "none.yaml" in shown.err
    assert "\n hint: " in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("arguments", [["--config", "{}", "status"], ["status", "--config", "{}"]])
def test_config_stands_before_or_after_the_verb(arguments, tmp_path, capsys, monkeypatch):
    """`--config` works at both places, and wins over the environment."""
    monkeypatch.setenv("RECONCILER_CONFIG", "/elsewhere.yaml")

    run([part.format(tmp_path / "mine.yaml") for part in arguments])

    assert "mine.yaml" in capsys.readouterr().err


def test_the_environment_names_the_settings(tmp_path, capsys, monkeypatch):
    """RECONCILER_CONFIG is used when no option is given."""
    monkeypatch.setenv("RECONCILER_CONFIG", str(tmp_path / "named.yaml"))

    run(["status"])

    assert "named.yaml" in capsys.readouterr().err


def test_a_bug_shows_its_traceback_and_says_so():
    """What is not one of our errors is admitted as a bug, with its traceback, and ends with 1."""
    code = (
        "import reconciler.cli.main as m\n"
        "def broken(_arguments): raise ZeroDivisionError('\\x1b[31m')\n"
        "m.run = broken; m.main()"
    )

    done = command(code=code)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "this is a bug in reconciler" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_reader_that_goes_away_is_no_error():
    """Output into a closed pipe ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-c", "from reconciler.cli.streams import say\nsay('a')\nsay('b')\nprint('c')"],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=30,
    )  # fmt: skip
    os.close(writing)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(closed):
    """Whoever closes standard output or standard error wants to hear nothing; the exit code is the same."""
    argv = ["sh", "-c", f"{sys.executable} -m reconciler validate desired {closed}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_output_that_cannot_be_written_is_no_bug():
    """A full disk behind `>` is said in one line, without a traceback, and the exit code tells."""
    with Path("/dev/full").open("w") as full:
        argv = [sys.executable, "-m", "reconciler", "validate", "desired"]
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert done.stderr == "error: the output cannot be written: No space left on device\n hint: Is the disk full?\n"


@pytest.mark.parametrize("words", [["why"], ["history"], ["resume"], ["suspend", "web", "--reason"]])
def test_words_that_are_no_text_are_wrong_usage(words):
    """Bytes that no document and no record can hold are refused; nothing is said to be damaged for them."""
    done = command(*words, b"\xff")

    assert done.returncode == 64
    assert done.stderr.startswith("error: \\udcff is no text in UTF-8.\n")
