"""Values of the device's own are never shown: not in a plan, not in the words of compose and the engine, not in the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.host import Host

SECRET = "Hunter2Hunter2"
ROTATED = "Correct-Horse"
GOOD = "image: 'app:1'\n    init: true\n    command: [sleep, '1000']\n    environment: {PLAIN: 'x-${OWN}-y'}\n"
IN_NAMES = "    volumes: ['/tmp:/mnt/${OWN}']\n    extra_hosts: ['${OWN}:192.0.2.1']\n"
CRASHES = (
    "image: 'app:1'\n    environment: {OWN: '${OWN}'}\n"
    "    command: [sh, -c, 'cat /run/secrets/filed; echo last words $${OWN}; exit 3']\n"
)
FILED = "what-stands-in-a-secrets-file"
SAID_BY_OTHERS = [
    "image: 'app:1'\n    entrypoint: ['/${OWN}']\n",  # the engine, at the start
    "image: 'app:1'\n    user: '${OWN}'\n",  # the engine again, and the container's state
    "image: '${OWN}:${OWN}:x'\n",  # the engine, at a mere look
    "build: {context: ., dockerfile_inline: 'FROM ${OWN}'}\n",  # the builder
    "image: 'app:1'\n    mem_limit: '${OWN}'\n",  # compose
    "image: 'app:1'\n    env_file: '../${OWN}'\n",  # we
]


@pytest.fixture
def name(host: Host, unique: Callable[[str], str], tmp_path: Path) -> Iterator[str]:
    """A stack that has a secret."""
    name = unique("secret")
    host.configure(env_dir=str(tmp_path / "env"))
    (tmp_path / "env").mkdir()
    own(tmp_path, name, SECRET)
    yield name
    host.clear(name)


def own(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "env" / f"{name}.env").write_text(f"OWN={value}\n")


def push(host: Host, name: str, service: str) -> None:
    host.push({f"stacks/{name}/compose.yaml": f"services:\n  app:\n    {service}"})


def everything_said(host: Host) -> str:
    """Return all that the verbs say, and all that the record holds."""
    verbs = (["plan"], ["plan", "--json"], ["apply"], ["apply", "--json"], ["status"], ["status", "--json"])
    said = [host.run(*words) for words in verbs]
    kept = [path.read_bytes() for path in host.state_dir.glob("state.db*")]
    return "".join(one.out + one.err for one in said) + b"".join(kept).decode(errors="replace")


def test_names_that_hold_a_secret_are_veiled(host: Host, name: str) -> None:
    """A field is named by a mount's target or a host's name: also these may come from a secret, and converge all the same."""
    push(host, name, GOOD)
    host.apply()
    push(host, name, GOOD + IN_NAMES)
    assert SECRET not in everything_said(host)
    assert host.run("plan").out == "No changes.\n"
    push(host, name, GOOD)
    assert SECRET not in everything_said(host)


def test_a_rotated_secret_is_veiled_too(host: Host, name: str, tmp_path: Path) -> None:
    """What runs still holds the former value: the plan shows that it changes, and neither of the two."""
    push(host, name, GOOD)
    host.apply()
    own(tmp_path, name, ROTATED)
    plan = host.run("plan", "--json")
    (field,) = plan.json()["actions"][0]["fields"]
    assert field["observed"] == field["applied"] != field["desired"]
    assert SECRET not in plan.out
    assert ROTATED not in plan.out + everything_said(host)


@pytest.mark.parametrize("service", SAID_BY_OTHERS)
def test_the_words_of_others_are_veiled(host: Host, name: str, service: str) -> None:
    """The engine, the builder and compose repeat what they do not like; what still runs keeps its log to itself."""
    push(host, name, "image: 'app:1'\n    command: [sleep, '${OWN}']\n")
    host.run("apply")
    push(host, name, service)
    assert SECRET not in everything_said(host)


def test_an_impossible_image_is_its_own_stacks_failure(host: Host, name: str, unique: Callable[[str], str]) -> None:
    """A name that no image can have stops its stack, not the look at all others."""
    other = unique("other")
    push(host, name, "image: 'Not:An:Image'\n")
    push(host, other, GOOD)
    host.apply(code=3)
    assert host.ids(other)
    host.clear(other)


@pytest.mark.parametrize("compose", ["services: {app: {imge: x}}\n", None])
def test_what_git_no_longer_calls_secret_is_not_shown(host: Host, name: str, compose: str | None) -> None:
    """Of a stack that cannot be read, or is gone from git, nobody knows the secrets: its last words are not told."""
    stack = f"services:\n  app:\n    {CRASHES}    secrets: [filed]\nsecrets: {{filed: {{file: ./filed.txt}}}}\n"
    files = {f"stacks/{name}/compose.yaml": stack, f"stacks/{name}/filed.txt": f"{FILED}\n"}
    host.push({**files, f"stacks/{name}/stack.yaml": "prune: false\n"})
    host.run("apply")
    assert "last words" in host.run("status").out
    gone = dict.fromkeys(files) | {f"stacks/{name}/stack.yaml": None}
    host.push({**(gone if compose is None else {}), f"stacks/{name}/compose.yaml": compose})

    said = everything_said(host) + "".join(host.run("why", f"{name}/app", *form).out for form in ([], ["--json"]))

    assert "exited with code 3" in said
    assert FILED not in said
    assert SECRET not in said
