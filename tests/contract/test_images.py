"""What pulling and building rely on."""

import pytest

from reconciler import compose
from reconciler.process import Completed

TWO = "services: {a: {image: 'built:1', build: .}, b: {image: 'built:2', build: .}}\n"


def built(stack, service: str) -> Completed:
    """Build one service; a compose that wants a newer buildx than is here cannot be tested."""
    done: Completed = stack.run(compose.build(stack.project, [service]))
    if "requires buildx" in done.tail:
        pytest.skip(done.tail.splitlines()[-1])
    return done


def images(stack) -> set[str]:
    return {tag for image in stack.api.images() for tag in image["RepoTags"] or ()}


def test_build_makes_the_named_images_only(stack):
    """A build needs no client configuration, and no service that is not named."""
    (stack.folder / "Dockerfile").write_text("FROM scratch\nCOPY compose.yaml /\n")
    stack.write(TWO.replace("built", stack.name))
    built(stack, "a").require()
    assert f"{stack.name}:1" in images(stack)
    assert f"{stack.name}:2" not in images(stack)


def test_failed_build_is_an_exit_code(stack):
    """A build that fails says why."""
    (stack.folder / "Dockerfile").write_text("FROM scratch\nCOPY nowhere /\n")
    stack.write(TWO.replace("built", stack.name))
    done = built(stack, "a")
    assert done.code != 0
    assert "nowhere" in done.tail


def test_failed_pull_is_an_exit_code(stack):
    """A registry that does not answer fails the pull, and nothing else happens."""
    stack.write("services: {a: {image: '127.0.0.1:1/gone:1'}, b: {image: 'app:1'}}\n")
    done = stack.run(compose.pull(stack.project, ["a"]))
    assert done.code != 0
    assert "127.0.0.1:1" in done.tail
    assert stack.containers() == {}
