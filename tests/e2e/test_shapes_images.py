"""Where images come from: built from the stack's folder, tagged by hand, pulled, pinned, or not to be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from deploy.images import make_image
from tests.e2e.host import Host
from tests.e2e.registry import registry
from tests.e2e.story import blocked, ids, kept, settle, shell, steps


@pytest.fixture
def stack(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """The name of a stack that is cleared away in the end."""
    name = unique("shape")
    yield name
    host.clear(name)


BUILT = """\
services:
  app: {build: ./app, environment: {A: "%s"}}
  named: {build: ./app, image: "%s-named:1"}
  rest: {image: app:1}
"""
DOCKERFILE = "FROM app:1\nCOPY version /version\n"


def test_an_image_is_built_from_the_stacks_folder(host, stack):
    """Built once, again when what it is made of changes, and when somebody took it away and it is needed."""
    host.push({
        f"stacks/{stack}/compose.yaml": BUILT % (1, stack),
        f"stacks/{stack}/app/Dockerfile": DOCKERFILE,
        f"stacks/{stack}/app/version": "one\n",
    })  # fmt: skip
    made = [f"{stack}-app", f"{stack}-named:1"]
    assert steps(host)[:2] == [f"build {image} (missing)" for image in made]
    before = settle(host, stack)
    both = [f"recreate {stack}-{name}-1 (input)" for name in ("app", "named")]

    host.push({f"stacks/{stack}/app/version": "two\n"})
    assert steps(host) == [*(f"build {image} (input)" for image in made), *both]
    after = settle(host, stack)
    assert kept(before, after) == {f"{stack}-rest-1"}
    assert shell(host, f"{stack}-app-1", "cat /version") == "two\n"

    host.push({f"stacks/{stack}/app/Dockerfile": f"{DOCKERFILE}LABEL three=3\n"})
    assert steps(host) == [*(f"build {image} (input)" for image in made), *both]
    after = settle(host, stack)
    assert host.containers(stack)[f"{stack}-named-1"]["Config"]["Labels"]["three"] == "3"

    host.api.remove_image(made[0], force=True)
    assert host.run("plan").out == "No changes.\n"
    host.push({f"stacks/{stack}/compose.yaml": BUILT % (2, stack)})
    assert steps(host) == [f"build {made[0]} (missing)", f"recreate {stack}-app-1 (change)"]
    assert kept(after, settle(host, stack)) == {f"{stack}-named-1", f"{stack}-rest-1"}
    assert host.api.inspect_image(made[0])


def test_a_tag_that_was_moved_by_hand_is_followed(host, stack):
    """The reference means another image now: its service is made anew, because of the image."""
    make_image(host.dockerd.host, f"{stack}:1")
    host.push(
        {f"stacks/{stack}/compose.yaml": f"services:\n  app: {{image: '{stack}:1'}}\n  rest: {{image: 'app:1'}}\n"}
    )
    before = settle(host, stack)
    make_image(host.dockerd.host, f"{stack}:2", changes=["LABEL second=2"])
    host.api.tag(f"{stack}:2", stack, "1")

    assert steps(host) == [f"recreate {stack}-app-1 (image)"]
    assert kept(before, settle(host, stack)) == {f"{stack}-rest-1"}
    assert host.containers(stack)[f"{stack}-app-1"]["Config"]["Labels"]["second"] == "2"


def test_what_is_never_to_be_pulled_must_be_here(host, stack):
    """With pull_policy never a missing image is found in the plan; what runs goes on."""
    host.push({f"stacks/{stack}/compose.yaml": "services:\n  app: {image: 'app:1', pull_policy: never}\n"})
    before = settle(host, stack)
    host.push({f"stacks/{stack}/compose.yaml": "services:\n  app: {image: 'nowhere:1', pull_policy: never}\n"})

    assert blocked(host) == [f"stack/{stack}/service/app PullFailed"]
    host.apply(code=3)
    assert ids(host, stack) == before


PULLED = "services:\n  app: {image: '%s'}\n  rest: {image: 'app:1'}\n"


def test_images_are_pulled_before_anything_is_touched(host, stack):
    """By tag and by digest; and when the registry is dead, what runs goes on."""
    make_image(host.dockerd.host, f"{stack}-source:1", changes=["LABEL pulled=yes"])
    with registry(host.api, f"{stack}-source:1") as source:
        tag = f"{source.address}/{stack}:1"
        host.push({f"stacks/{stack}/compose.yaml": PULLED % tag})
        assert steps(host)[0] == f"pull {tag} (missing)"
        before = settle(host, stack)
        assert host.containers(stack)[f"{stack}-app-1"]["Config"]["Labels"]["pulled"] == "yes"

        pinned = f"{source.address}/{stack}@{source.digest}"
        host.push({f"stacks/{stack}/compose.yaml": PULLED % pinned})
        assert kept(before, settle(host, stack)) == {f"{stack}-rest-1"}
        before = ids(host, stack)

    host.push({f"stacks/{stack}/compose.yaml": PULLED % tag.replace(":1", ":2")})
    assert steps(host)[0] == f"pull {tag.replace(':1', ':2')} (missing)"
    problem = host.apply(code=3)["stacks"][stack]["problem"]

    assert problem["reason"] == "PullFailed"
    assert "connection refused" in problem["text"]
    assert ids(host, stack) == before
    assert host.containers(stack)[f"{stack}-app-1"]["State"]["Running"]
    assert host.status()["stacks"][stack]["result"] == "FailedUnchanged"
