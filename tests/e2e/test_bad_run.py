"""Well-formed, and still it cannot be: names and ports that are taken, images that are not there, containers that fail."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.host import Host
from tests.e2e.passes import Pass, app, carry_out

PROCESS_PORT, FOREIGN_PORT, STACK_PORT, RIVAL_PORT = 18180, 18181, 18182, 18183
LISTEN = f"import socket, time; s = socket.create_server(('', {PROCESS_PORT})); print(flush=True); time.sleep(600)"
VOLUME = "    volumes: ['data:/data']\nvolumes: {{data: {{labels: {{purpose: {}}}}}}}\n"

TAKEN = {
    "ownprocess": app(f"ports: ['{PROCESS_PORT}:80']"),
    "ownforeign": app(f"ports: ['{FOREIGN_PORT}:80']"),
    "ownstack": app(f"ports: ['{STACK_PORT}:80']"),
    "rival1": app(f"ports: ['{RIVAL_PORT}:80']"),
    "rival2": app(f"ports: ['{RIVAL_PORT}:80']"),
    "nameforeign": app("container_name: somebodys"),
    "namestack": app("container_name: mine"),
    "outnetwork": app("networks: [out]") + "networks: {out: {external: true, name: not-there}}\n",
    "outvolume": app("volumes: ['out:/x']") + "volumes: {out: {external: true, name: not-there}}\n",
    "newapi": app("volumes: [{type: image, source: 'app:1', target: /x}]"),
    "newvolume": app() + VOLUME.format("two"),
}
FAILING = {
    "noimage": app(image="no-such-image:1"),
    "noregistry": app(image="127.0.0.1:1/x:1"),
    "atonce": app(command="[sh, -c, 'for n in $$(seq 30); do echo line $$n; done; exit 7']"),
    "nocommand": app(command="[no-such-program]").replace("    init: true\n", ""),
    "nodevice": app("devices: ['/dev/no-such-device:/dev/x']"),
    "norlimit": app("ulimits: {nofile: 99999999999}"),
}
HOLDER = {"holder": app(f"ports: ['{STACK_PORT}:80']", "container_name: mine")}
BEFORE = [*TAKEN, *FAILING, "nosource"]


def _strangers(host: Host) -> list[str]:
    """Start two containers that are not ours: one publishes a port, one has a name that a stack will want."""
    host.api.create_network("somebodys")
    made = []
    for name, port in (("foreigner", FOREIGN_PORT), ("somebodys", None)):
        options = host.api.create_host_config(network_mode="somebodys", port_bindings={80: port} if port else {})
        made.append(host.api.create_container("app:1", name=name, host_config=options, ports=[80])["Id"])
        host.api.start(made[-1])
    return made


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, dockerd: PrivateDockerd) -> Iterator[Pass]:
    """One commit that wants all of it, on a host where others were first; before, each of the stacks ran."""
    host = Host(tmp_path_factory.mktemp("run"), dockerd)
    before = {f"stacks/{name}/compose.yaml": app() for name in BEFORE}
    before["stacks/newvolume/compose.yaml"] = app() + VOLUME.format("one")
    before["stacks/holder/compose.yaml"] = HOLDER["holder"]
    host.push(before)
    host.apply()
    wanted = {f"stacks/{name}/compose.yaml": text for name, text in {**TAKEN, **FAILING}.items()}
    nosource = app(f"volumes: ['{host.folder}/nowhere:/x']")
    host.push({**wanted, "stacks/nosource/compose.yaml": nosource, "stacks/goodtwo/compose.yaml": app()})
    foreign = _strangers(host)
    listening = subprocess.Popen([sys.executable, "-c", LISTEN], stdout=subprocess.PIPE)
    assert listening.stdout is not None
    listening.stdout.readline()
    yield carry_out(host, [*BEFORE, "holder", "goodtwo"])
    listening.kill()
    listening.communicate()
    for container in foreign:
        host.api.remove_container(container, force=True)
    host.api.remove_network("somebodys")
    host.clear(*BEFORE, "holder", "goodtwo")


def place(stack: str, line: int) -> tuple[str, int]:
    return f"stacks/{stack}/compose.yaml", line


def _port(port: int, owner: str, stack: str) -> str:
    return f"host port {port}/tcp is taken by {owner}, stack/{stack}/service/app cannot have it"


PORT_HINT = "Choose another port, or stop what holds it."
NAME_HINT = "Choose another container_name, or remove or rename that container."
BLOCKED = [
    ("ownprocess", 6, "PortTaken", _port(18180, r"python\S* \(pid \d+\)", "ownprocess"), PORT_HINT),
    ("ownforeign", 6, "PortTaken", _port(18181, "container foreigner", "ownforeign"), PORT_HINT),
    ("ownstack", 6, "PortTaken", _port(18182, "stack/holder/service/app", "ownstack"), PORT_HINT),
    ("rival1", 6, "PortTaken", _port(18183, "stack/rival2/service/app", "rival1"), PORT_HINT),
    ("rival2", 6, "PortTaken", _port(18183, "stack/rival1/service/app", "rival2"), PORT_HINT),
    ("nameforeign", 6, "NameTaken", "the container name somebodys is taken by container [0-9a-f]{12}", NAME_HINT),
    ("namestack", 6, "NameTaken", "the container name mine is taken by stack/holder/service/app", NAME_HINT),
    (
        "outnetwork", 7, "ExternalMissing", "the external network not-there does not exist",
        "Make it: docker network create not-there",
    ),
    (
        "outvolume", 7, "ExternalMissing", "the external volume not-there does not exist",
        "Make it: docker volume create not-there",
    ),
    (
        "newapi", 6, "EngineTooOld", r"volumes\[/x\] needs engine API 1\.48, this engine has 1\.\d+",
        "Leave the field out, or upgrade the engine.",
    ),
    (
        "newvolume", 7, "VolumeChanged",
        "volume newvolume_data differs from git in labels.purpose, and to change it would lose its data",
        "By hand: copy the data out, `docker volume rm newvolume_data`, apply, copy the data back. Or undo the change in git.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("stack", "line", "reason", "text", "hint"), BLOCKED, ids=[row[0] for row in BLOCKED])
def test_the_plan_knows_before_anything_is_touched(
    seen: Pass, stack: str, line: int, reason: str, text: str, hint: str
) -> None:
    """What cannot be had is found in the plan: who has it, who wants it, where in git, what to do."""
    (problem,) = seen.blocked(stack)

    assert (problem["reason"], problem["hint"]) == (reason, hint)
    assert re.fullmatch(text, problem["text"]), problem["text"]
    assert (problem["file"], problem["line"]) == place(stack, line)
    assert not [action for action in seen.plan["actions"] if action["target"].split("/")[1] == stack]
    assert seen.status["stacks"][stack]["blocked"] == [problem]


@pytest.mark.parametrize("stack", TAKEN)
def test_a_blocked_stack_keeps_its_containers(seen: Pass, stack: str) -> None:
    """Nothing of it is touched, whatever it wants."""
    assert seen.after[stack] == seen.before[stack]
    assert seen.running(stack)
    assert seen.status["stacks"][stack]["health"] == "Healthy"


def test_who_has_it_keeps_it(seen: Pass) -> None:
    """The stack that runs with the port and the name is neither blocked nor touched; strangers are neither."""
    assert seen.blocked("holder") == []
    assert seen.after["holder"] == seen.before["holder"]
    assert {one["Names"][0] for one in seen.host.api.containers()} > {"/foreigner", "/somebodys", "/mine"}


def test_everybody_else_converges(seen: Pass) -> None:
    """A good stack beside six that fail and eleven that are blocked is made, and exit codes tell the rest."""
    assert seen.report["stacks"]["goodtwo"]["result"] == "Applied"
    assert seen.running("goodtwo")
    assert (seen.shown.code, seen.applied.code, seen.told.code) == (2, 3, 3)
    assert set(seen.report["stacks"]) == {*FAILING, "nosource", "goodtwo"}


@pytest.mark.parametrize(
    ("stack", "words"),
    [("noimage", "no-such-image|registry-1"), ("noregistry", "127.0.0.1:1/v2/.*connection refused")],
)
def test_an_image_that_cannot_be_had_harms_nothing(seen: Pass, stack: str, words: str) -> None:
    """The pull comes first: when it fails the old container runs on, and registry's words, place and hint are told."""
    outcome, status = seen.report["stacks"][stack], seen.status["stacks"][stack]

    assert (outcome["result"], outcome["problem"]["reason"]) == ("FailedUnchanged", "PullFailed")
    assert re.search(words, outcome["problem"]["text"]), outcome
    assert (outcome["problem"]["file"], outcome["problem"]["line"]) == place(stack, 3)
    assert "What runs was not touched" in outcome["problem"]["hint"]
    assert seen.after[stack] == seen.before[stack]
    assert seen.running(stack)
    assert [entry["reason"] for entry in status["blocked"]] == ["PullFailed"]
    assert (status["sync"], status["health"], status["result"]) == ("OutOfSync", "Healthy", "FailedUnchanged")


@pytest.mark.parametrize(
    ("stack", "line", "words"),
    [
        ("atonce", 2, "atonce-app-1 ended with exit code 7\nline 11\n"),
        ("nocommand", 4, 'exec: "no-such-program": executable file not found'),
        ("nodevice", 6, 'custom device "/dev/no-such-device": no such file or directory'),
        ("norlimit", 6, "error setting rlimit type 7: operation not permitted"),
    ],
)
def test_a_container_that_cannot_run_is_degraded(seen: Pass, stack: str, line: int, words: str) -> None:
    """The apply fails with the engine's words at their place in git; status says Degraded, and why."""
    outcome, status = seen.report["stacks"][stack], seen.status["stacks"][stack]

    assert outcome["result"] == "FailedPartial"
    assert words in outcome["problem"]["text"]
    assert " Container " not in outcome["problem"]["text"]
    assert (outcome["problem"]["file"], outcome["problem"]["line"]) == place(stack, line)
    assert status["health"] == "Degraded"
    assert words in status["reason"]
    assert status["held"] == []


def test_the_last_words_of_a_container_are_in_the_status(seen: Pass) -> None:
    """Exit code and the last twenty lines, for programs and for people."""
    service = seen.status["stacks"]["atonce"]["services"]["app"]

    assert service["exit_code"] == 7
    assert service["log"] == [f"line {number}" for number in range(11, 31)]
    assert "  app: exited with code 7" in seen.told.out
    assert "\n    | line 30\n" in seen.told.out
    assert "| line 10\n" not in seen.told.out


def test_a_missing_bind_source_is_said(seen: Pass) -> None:
    """The plan names the folder that the engine will make; it is a note, and blocks nothing."""
    (note,) = seen.plan["notes"]
    nowhere = seen.host.folder / "nowhere"

    assert note["target"] == "stack/nosource/service/app"
    assert note["text"] == f"{nowhere} does not exist; the engine will make an empty folder for /x, owned by root"
    assert (note["file"], note["line"]) == place("nosource", 6)
    assert f"? stack/nosource/service/app  note: {nowhere} does not exist;" in seen.shown.out
    assert seen.report["stacks"]["nosource"]["result"] == "Applied"
