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


@pytest.mark.parametrize("left_out", [(), ("BUILDX_GIT_INFO",), ("GIT_DIR",)])
def test_a_build_starts_no_program_of_its_context(stack, monkeypatch, left_out):
    """A context that looks like a repository whose settings name a program: either of our two variables keeps git off."""
    env = {name: value for name, value in stack.environment.items() if name not in left_out}
    monkeypatch.setattr(compose, "environment", lambda *_: env)
    for folder in ("objects", "refs/heads"):
        (stack.folder / folder).mkdir(parents=True)
    (stack.folder / "HEAD").write_text("ref: refs/heads/main\n")
    (stack.folder / "refs/heads/main").write_text("1" * 40 + "\n")
    (stack.folder / "config").write_text(
        f"[core]\nrepositoryformatversion = 1\nbare = false\nworktree = .\nsshCommand = touch {stack.folder}/started\n"
        '[extensions]\npartialClone = origin\n[remote "origin"]\nurl = ssh://nowhere/x\npromisor = true\n'
    )
    (stack.folder / "Dockerfile").write_text("FROM scratch\nCOPY compose.yaml /\n")
    stack.write(TWO.replace("built", stack.name))
    built(stack, "a").require()
    assert not (stack.folder / "started").exists()


def test_failed_pull_is_an_exit_code(stack):
    """A registry that does not answer fails the pull, and nothing else happens."""
    stack.write("services: {a: {image: '127.0.0.1:1/gone:1'}, b: {image: 'app:1'}}\n")
    done = stack.run(compose.pull(stack.project, ["a"]))
    assert done.code != 0
    assert "127.0.0.1:1" in done.tail
    assert stack.containers() == {}
