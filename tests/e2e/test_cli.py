"""The command line on a real engine: terminals, pipes, programs, Ctrl-C, hostile text."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

RECONCILER = str(Path(sys.executable).with_name("reconciler"))
LOOP = "command: [sh, -c, \"trap 'exit 0' TERM; while :; do sleep 3600 & wait $$!; done\"]"


def compose(project, greeting="hello", image="app:1"):
    return f"name: {project}\nservices:\n  web:\n    image: {image}\n    {LOOP}\n    environment: {{GREETING: {greeting}}}\n"


@pytest.fixture
def project(unique, host):
    """A stack's name of its own; its objects are taken away in the end."""
    name = unique("cli")
    yield name
    host.clear(name)


def start(host, *words, stdout, stderr=subprocess.PIPE):
    environment = {**os.environ, "RECONCILER_CONFIG": str(host.config), "TERM": "xterm", "COLUMNS": "120"}
    return subprocess.Popen(
        [RECONCILER, *words], env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    )


def on_terminal(host, *words):
    """Run on a pseudo terminal; return the exit code and all that was written to it."""
    ours, theirs = pty.openpty()
    running = start(host, *words, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # what Linux says when the last writer is gone
            break
        seen += part
    os.close(ours)
    return running.wait(timeout=60), seen.decode()


def test_a_saved_plan_is_carried_out_only_while_it_holds(host, project):
    """`plan -o` and `apply FILE`: equal facts, applied; another commit in between, refused with 3 and nothing done."""
    saved = host.folder / "plan.json"
    host.push({f"stacks/{project}/compose.yaml": compose(project)})
    assert host.run("plan", "-o", str(saved)).code == 2

    host.push({f"stacks/{project}/compose.yaml": compose(project, "other")})
    stale = host.run("apply", str(saved))

    assert stale.code == 3
    assert stale.err.startswith("error: ")
    assert host.ids(project) == {}

    assert host.run("plan", "-o", str(saved)).code == 2
    assert host.run("apply", str(saved)).code == 0
    assert list(host.ids(project)) == [f"{project}-web-1"]


def test_programs_read_json_and_nothing_else(host, project):
    """With --json standard output is one document; the progress goes to standard error."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})

    plan, applied, status = (host.run(*words, "--json") for words in (["plan"], ["apply"], ["status"]))

    assert (plan.code, applied.code, status.code) == (2, 0, 0)
    assert plan.json()["summary"]["create"] == 2
    assert applied.json()["converged"] is True
    assert applied.json()["stacks"][project]["result"] == "Applied"
    assert f"{project}: Applied" in applied.err
    assert status.json()["stacks"][project]["sync"] == "Synced"
    assert len(host.run("status", "--json", "--summary").out) <= 4096


def test_a_pipe_gets_plain_lines(host, project):
    """Without a terminal there is no escape sequence, and a line per step and outcome."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})

    said = host.run("apply")

    lines = said.out.splitlines()
    assert f"{project}: create web" in lines
    assert any(line.startswith(f"{project}: Applied") for line in lines)
    assert lines[-1].startswith("Done: 2 actions.")
    assert "\x1b" not in said.out


def test_a_terminal_gets_a_table_that_moves(host, project):
    """On a terminal progress updates in place, and a summary stays."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})

    code, seen = on_terminal(host, "apply")

    assert code == 0, seen
    assert "\x1b[" in seen
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)
    assert re.search(rf"✓\s+{project}\s+Applied\s+2 actions", plain)
    assert "Done: 2 actions." in plain


def test_no_color_is_honoured(host, project):
    """NO_COLOR takes the colours away."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})
    os.environ["NO_COLOR"] = "1"
    try:
        _, seen = on_terminal(host, "plan")
    finally:
        del os.environ["NO_COLOR"]

    assert "create" in seen
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", seen)


HOSTILE = "\x1b]8;;http://evil\x1b\\[red]boo\u202e\x9b2J\r"


def test_hostile_text_is_inert(host, project):
    """What commit text, file names, files and containers say cannot act on a terminal."""
    command = "printf '\\\\033[31m[red]boo\\\\033]0;x\\\\007\\\\n' >&2; exit 3"
    failing = f"name: {project}\nservices:\n  web:\n    image: app:1\n    restart: 'no'\n    command: [sh, -c, \"{command}\"]\n"
    files = {
        f"stacks/{project}/compose.yaml": failing,
        "stacks/bad/compose.yaml": f"services:\n  a: {{image: a, x: {HOSTILE!r}}}\n",
    }
    host.push({**files, f"stacks/bad/odd{HOSTILE.replace('/', '')}": "x"}, message=HOSTILE)

    said = [host.run(verb) for verb in ("plan", "apply", "status")]
    seen = [on_terminal(host, verb)[1] for verb in ("plan", "apply", "status")]

    assert "odd\\x1b]8;;http:evil\\x1b\\[red]boo\\u202e" in said[0].out
    assert "| \\x1b[31m[red]boo\\x1b]0;x\\x07" in said[2].out
    for text in [said[0].out, said[0].err, said[1].out, said[1].err, said[2].out, said[2].err]:
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text), text
    for text in seen:
        assert "\x1b]" not in text
        assert "\u202e" not in text
        assert "\x9b" not in text
        assert "Traceback" not in text


def test_a_reader_that_goes_away_does_not_stop_an_apply(host, project):
    """`reconciler apply | head -1`: the rest is carried out all the same, and quietly."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})

    running = start(host, "apply", stdout=subprocess.PIPE)
    assert running.stdout is not None
    running.stdout.close()
    _, errors = running.communicate(timeout=60)

    assert (running.returncode, errors) == (0, b"")
    assert list(host.ids(project)) == [f"{project}-web-1"]


def test_ctrl_c_ends_after_the_step_under_way(host, project):
    """130, no traceback, nothing half-done by compose; the next apply goes on from what is there."""
    waiting = compose(project) + (
        f"  late:\n    image: app:1\n    {LOOP}\n    depends_on: {{web: {{condition: service_healthy}}}}\n"
    )
    waiting = waiting.replace(
        "environment:", "healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 100}\n    environment:", 1
    )
    host.push({f"stacks/{project}/compose.yaml": waiting})
    running = start(host, "apply", stdout=subprocess.PIPE)
    assert running.stdout is not None
    for line in running.stdout:
        if b"wait for" in line:
            break

    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)

    assert running.returncode == 130
    assert b"Stopping" in errors
    assert b"Traceback" not in errors
    assert list(host.ids(project)) == [f"{project}-web-1"]
    assert host.actions() == [f"create stack/{project}/service/late"]


def test_an_engine_that_is_down_is_said(host, project):
    """plan and apply end with 1 and what to do; status shows Unknown and ends with 1."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})
    host.apply()
    host.configure(docker={"host": f"unix://{host.folder}/nobody.sock"})

    for verb in ("plan", "apply"):
        said = host.run(verb)
        assert said.code == 1
        assert re.match(r"error: .*\n hint: ", said.err), said.err

    status, document = host.run("status"), host.run("status", "--json")
    assert (status.code, document.code) == (1, 1)
    assert json.loads(document.out)["stacks"][project]["sync"] == "Unknown"
    assert "Unknown" in status.out
    assert "start it" in status.out


def test_git_that_is_away_is_a_warning(host, project):
    """With a last good revision the pass goes on, and says so; status names it."""
    host.push({f"stacks/{project}/compose.yaml": compose(project)})
    host.apply()
    host.repository.rename(host.folder / "moved")

    said = host.run("apply")

    assert said.code == 0
    assert said.err.startswith("warning: ")
    assert host.run("status").code == 3
