"""Files, configs and secrets: what no field of a container shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.model import Problem
from tests.plan.build import STACKS, all_made, all_there, desired, file, observed, plan, record, service, stack, text

FOLDER = f"{STACKS}/web"
AT = "stacks/web/compose.yaml"


def _web(digest: str, **more: Any):
    bind = {"type": "bind", "source": f"{FOLDER}/conf/nginx.conf", "target": "/etc/nginx.conf"}
    return stack(
        "web",
        service("bound", inputs={"bind:conf/nginx.conf": digest}, volumes=[bind]),
        service("copied", inputs={"config:inline": digest}),
        service("mounted", inputs={"config:file": digest}),
        files=(file("compose.yaml", "y"), file("conf/nginx.conf", digest)),
        configs={"inline": {"content": "x"}, "file": {"file": f"{FOLDER}/conf/nginx.conf"}},
        **more,
    )


WEB = _web("1")
KNOWN = record(WEB)


def test_new_content_in_git() -> None:
    """What is mounted is read again by a restart, what is copied needs a new container."""
    assert text(desired(_web("2")), all_there(WEB), KNOWN).splitlines() == [
        f"↻ stack/web/service/bound  restart web-bound-1  (input: new content of bind:conf/nginx.conf; {AT}:3)  [downtime]",
        f"± stack/web/service/copied  recreate web-copied-1  (input: new content of config:inline; {AT}:3)  [downtime]",
        f"↻ stack/web/service/mounted  restart web-mounted-1  (input: new content of config:file; {AT}:3)  [downtime]",
        "Plan: 1 recreate, 2 restart.",
    ]


def test_what_containers_have_read_already() -> None:
    """After an interrupted apply, containers that were restarted with the new content are left alone."""
    wanted = _web("2")
    web = replace(KNOWN.stacks["web"], made={one.name: one.inputs for one in wanted.services})

    assert text(desired(wanted), all_there(WEB), replace(KNOWN, stacks={"web": web})) == "No changes."


def test_a_file_edited_on_the_device() -> None:
    """A file of ours that somebody changed or removed is put back, and who mounts it is restarted."""
    seen = all_there(WEB, files={f"{FOLDER}/conf/nginx.conf": "edited", f"{FOLDER}/compose.yaml": None})

    assert text(desired(WEB), seen, KNOWN).splitlines() == [
        "~ stack/web  put-back compose.yaml  (drift: was removed on this device; stacks/web/compose.yaml)",
        "~ stack/web  put-back conf/nginx.conf  (drift: was edited on this device; stacks/web/conf/nginx.conf)",
        (
            f"↻ stack/web/service/bound  restart web-bound-1  "
            f"(drift: reads conf/nginx.conf, which is put back; {AT}:3)  [downtime]"
        ),
        (
            f"↻ stack/web/service/mounted  restart web-mounted-1  "
            f"(drift: reads conf/nginx.conf, which is put back; {AT}:3)  [downtime]"
        ),
        "Plan: 2 put-back, 2 restart.",
    ]


def test_a_file_that_only_git_changed() -> None:
    """A file that no container reads, and that nobody touched on disk, is no action: apply writes it first of all."""
    wanted = replace(WEB, files=(file("compose.yaml", "y2"), file("conf/nginx.conf", "1")))
    seen = all_there(WEB, files={f"{FOLDER}/compose.yaml": "y", f"{FOLDER}/conf/nginx.conf": "1"})

    assert text(desired(wanted), seen, KNOWN) == "No changes."


def test_a_stopped_container_reads_its_inputs_when_it_starts() -> None:
    """Nobody restarts what has to be started anyway."""
    seen = observed([replace(c, state="exited", exit_code=1) for c in all_made(WEB)], WEB)

    found = text(desired(_web("2")), seen, KNOWN)

    assert "start web-bound-1" in found
    assert "restart" not in found


def test_a_missing_bind_source() -> None:
    """A bind source that does not exist is said, unless git holds it; nothing is blocked."""
    bind = {"type": "bind", "source": "/data", "target": "/data"}
    web = stack("web", service("db", volumes=[bind]), _web("1").services[0], files=WEB.files)
    missing = frozenset({"/data", f"{FOLDER}/conf/nginx.conf"})

    found = plan(desired(web), all_there(web, missing_paths=missing), record(web))

    assert found.notes == (
        Problem("stack/web/service/db", "", "bind-source-missing", {"source": "/data", "target": "/data"}, AT, 4),
    )
    assert not found.blocked
