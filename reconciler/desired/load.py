"""What do we want? A tree of files becomes the desired state of one device.

Room 1 (desired), its front door; may import the whole room, tools, errors and model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import tee
from pathlib import Path

from reconciler import __version__
from reconciler.desired.assemble import Assembler, Draft, Place
from reconciler.desired.checks import check_stack
from reconciler.desired.daemon import desired_daemon
from reconciler.desired.layers import Index, index, structure_problems
from reconciler.desired.layout import StackLayout
from reconciler.desired.render import Rendered, render_all
from reconciler.desired.schema import DeviceFile, device_file, fleet_problem
from reconciler.desired.tree import Tree
from reconciler.errors import InvalidSource
from reconciler.model import Desired, DesiredStack, Json, Position, Problem
from reconciler.tools import ComposeTool


@dataclass(frozen=True, slots=True)
class Context:
    """What the device itself brings along.

    Without `compose` stacks are checked but not rendered. `owned` None: dockerd settings are not managed here;
    `owned_positions` say where the agent's settings name each key.
    """

    device: str
    stacks_dir: Path
    state_dir: Path
    env_dir: Path | None = None
    compose: ComposeTool | None = None
    owned: Mapping[str, Json] | None = None
    owned_positions: Mapping[str, Position] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()


def load(tree: Tree, context: Context, meanwhile: Callable[[], object] = bool) -> Desired:
    """Return what a tree wants on this device; all that is wrong with the tree is among the problems.

    `meanwhile` is called once while compose works, if it has to. Raises MissingTool when compose cannot be started, NoSpace
    when nothing can be written below `state_dir`.
    """
    found = index(tree)
    desired = Desired(context.device, tree.revision, has_device_folder=found.has_folder(f"devices/{context.device}/"))
    device, problems = _device(tree, found, context.device)
    problems = (*structure_problems(tree, found), *_fleet(tree, found), *problems)
    if problems:
        return replace(desired, problems=problems)
    place = Place(context.device, device.roles, context.stacks_dir, context.state_dir, context.env_dir)
    assembler = Assembler(tree, found, place, device)
    stacks = _rendered((draft for name in found.folders() if (draft := assembler.draft(name))), context, meanwhile)
    daemon = None
    if context.owned is not None:
        daemon = desired_daemon(tree, found.others, assembler.layers, context.owned, context.owned_positions)
        daemon = replace(daemon, allow=context.allowed)
    return replace(
        desired,
        stacks=_told_apart([_stack(draft, made) for draft, made in stacks]),
        elsewhere=tuple(sorted(found.names() - {draft.layout.name for draft, _ in stacks})),
        daemon=daemon,
        secrets=frozenset().union(*(made.secrets for _, made in stacks)),
    )


def _fleet(tree: Tree, found: Index) -> tuple[Problem, ...]:
    entry = found.others.get("fleet.yaml")
    try:
        return fleet_problem(tree.read(entry), tree.origin(entry.path), __version__) if entry else ()
    except InvalidSource as error:
        return (error.problem("source"),)


def _device(tree: Tree, found: Index, device: str) -> tuple[DeviceFile, tuple[Problem, ...]]:
    entry = found.others.get(f"devices/{device}/device.yaml")
    try:
        read = device_file(tree.read(entry), tree.origin(entry.path)) if entry else DeviceFile()
    except InvalidSource as error:
        return DeviceFile(), (error.problem("source"),)
    return (DeviceFile(), read) if isinstance(read, tuple) else (read, ())


def _rendered(
    drafts: Iterable[Draft], context: Context, meanwhile: Callable[[], object]
) -> list[tuple[Draft, Rendered]]:
    """Render what is sound so far, while the next is still being drafted; of the rest say at least what else is wrong."""
    drafts, again = tee(drafts)
    sound = (draft.layout for draft in drafts if draft.renders)
    if context.compose:
        made = iter(render_all(sound, context.compose, context.state_dir / "cache", meanwhile))
    else:
        made = map(_checked, sound)
    return [(draft, next(made) if draft.renders else _checked(draft.layout)) for draft in again]


def _checked(layout: StackLayout) -> Rendered:
    return Rendered(layout.name, secrets=layout.secrets, problems=check_stack(layout))


def _stack(draft: Draft, made: Rendered) -> DesiredStack:
    layout = draft.layout
    return DesiredStack(
        name=layout.name,
        project=made.project,
        folder=layout.folder,
        settings=replace(layout.settings, profiles=layout.profiles),
        files=layout.files,
        compose_files=layout.compose_files,
        env_file=layout.env_file,
        variables=layout.variables,
        services=() if draft.problems else made.services,
        networks=() if draft.problems else made.networks,
        volumes=() if draft.problems else made.volumes,
        configs=made.config_documents,
        secrets=made.secret_documents,
        position=layout.position(layout.compose_files[0], 1) if layout.compose_files else None,
        problems=(*draft.problems, *made.problems),
    )


def _told_apart(stacks: Sequence[DesiredStack]) -> tuple[DesiredStack, ...]:
    """Refuse stacks that would be one and the same compose project; each names the other's file."""
    by_project: dict[str, list[DesiredStack]] = defaultdict(list)
    for stack in stacks:
        by_project[stack.project].append(stack)
    return tuple(_refused(stack, by_project[stack.project]) for stack in stacks)


def _refused(stack: DesiredStack, sharing: Sequence[DesiredStack]) -> DesiredStack:
    others = [other for other in sharing if other.name != stack.name]
    if not others:
        return stack
    files = ", ".join(other.position.file for other in others if other.position)
    args = {"stack": stack.name, "project": stack.project, "other": files}
    where = stack.position or Position("")
    twice = Problem(f"stack/{stack.name}", "InvalidSource", "project-twice", args, where.file, where.line)
    return replace(stack, services=(), networks=(), volumes=(), problems=(*stack.problems, twice))
