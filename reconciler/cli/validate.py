"""The verb `validate`: check a repository for each of its devices, without engine and settings.

Face; imports desired (which calls compose to render), and of plan/ the texts and the check of dependencies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.inert import inert, json_text
from reconciler.cli.progress import count
from reconciler.cli.streams import say
from reconciler.cli.words import headline, tell_error
from reconciler.desired.load import Context, load
from reconciler.desired.tree import Tree, folder_tree
from reconciler.errors import MissingTool
from reconciler.model import Desired, Document, Json, Problem
from reconciler.plan.daemon_checks import check_keys
from reconciler.plan.daemon_keys import KEYS
from reconciler.plan.dependencies import broken_dependencies
from reconciler.plan.document import problem_document
from reconciler.plan.texts import problem_hint
from reconciler.tools import ComposeTool, find_compose

NO_DEVICE = "no-device-of-this-name"
"""What a device sees that the repository does not know: the common layer."""
_NEEDS_VARIABLE = "compose-needs-variable"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what is wrong with it: each problem once, in the order of files and lines.

    `unseen` are stacks whose `where` leaves them to no device of this repository.
    """

    devices: tuple[str, ...]
    stacks: frozenset[str]
    unseen: frozenset[str]
    problems: tuple[Problem, ...]


def run(folder: Path, env_dir: Path | None, *, as_json: bool) -> int:
    """Check the folder, print what is wrong, return the exit code. Raises InvalidSource when it cannot be read."""
    compose = _compose()
    checked = check(folder, compose, env_dir)
    if as_json:
        say(json_text(document(checked)))
    else:
        for line in report(checked, compose):
            say(line)
    return 1 if checked.problems or compose is None else 0


def document(checked: Checked) -> Document:
    """Return what was found as JSON."""
    problems: list[Json] = [problem_document(problem) for problem in checked.problems]
    return {"schema": 1, "problems": problems, "unseen": sorted(checked.unseen)}


def check(folder: Path, compose: ComposeTool | None, env_dir: Path | None = None) -> Checked:
    """Look at the repository with the eyes of each device, and of one that it does not name.

    `env_dir` stands in for theirs; without it a variable that only they have is missing.
    """
    tree = folder_tree(folder)
    devices = device_names(tree)
    with tempfile.TemporaryDirectory(prefix="reconciler-validate-") as scratch:
        views = [load(tree, _context(device, Path(scratch), compose, env_dir)) for device in (*devices, NO_DEVICE)]
    stacks = frozenset(stack.name for view in views for stack in view.stacks)
    unseen = frozenset(name for view in views for name in view.elsewhere) - stacks
    # what a stack depends on may be there on real devices only
    waiting = [problem for view in views[: len(devices) or 1] for problem in broken_dependencies(view.stacks)]
    found = distinct([*waiting, *(problem for view in views for problem in problems(view))])
    return Checked(devices, stacks, unseen, found)


def device_names(tree: Tree) -> tuple[str, ...]:
    """Name the devices that have a folder."""
    parts = [entry.path.split("/") for entry in tree.entries]
    return tuple(sorted({path[1] for path in parts if path[0] == "devices" and len(path) > 2}))


def problems(view: Desired) -> Iterator[Problem]:
    """Gather what is wrong for one device."""
    yield from view.problems
    for stack in view.stacks:
        yield from stack.problems
    if view.daemon:
        yield from view.daemon.problems
        yield from check_keys(view.daemon)


def distinct(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """Keep each problem once, sorted by file and line; several devices see the same one."""
    by_words = {(problem.file or "", problem.line or 0, headline(problem)): problem for problem in found}
    return tuple(by_words[words] for words in sorted(by_words))


def report(checked: Checked, compose: ComposeTool | None) -> Iterator[str]:
    """Print problems as compilers do, then a total."""
    for problem in checked.problems:
        yield headline(problem)
        if hint := problem_hint(problem):
            yield f"  hint: {inert(hint)}"
    if any(problem.code == _NEEDS_VARIABLE for problem in checked.problems):
        yield "Variables that only the devices know: give stand-ins with --env-dir DIR."
    if checked.unseen:
        names = ", ".join(map(inert, sorted(checked.unseen)))
        yield f"Not looked at, as `where` leaves it to no device of this repository: {names}"
    looked_at = f"{count(len(checked.stacks), 'stack')}, {count(len(checked.devices), 'device')}"
    rendered = f"rendered by compose {compose.version}" if compose else "not rendered: compose is missing"
    total = count(len(checked.problems), "problem") if checked.problems else "No problems"
    yield f"{total}: {looked_at}, {rendered}."


def _compose() -> ComposeTool | None:
    try:
        return find_compose(None)
    except MissingTool as missing:
        tell_error(missing)
        return None


def _context(device: str, scratch: Path, compose: ComposeTool | None, env_dir: Path | None) -> Context:
    return Context(
        device=device,
        stacks_dir=scratch / "stacks",
        env_dir=env_dir,
        state_dir=scratch,
        compose=compose,
        owned={},
        allowed=frozenset(KEYS),  # what a device opens stands in its own settings
    )
