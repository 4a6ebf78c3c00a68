"""The shapes of stack.yaml, device.yaml and fleet.yaml where they enter, turned into nouns at once.

Room 1 (desired); may import shape, yamlfile, errors and model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field

from reconciler import yamlfile
from reconciler.errors import InvalidSource
from reconciler.model import IgnoreRule, Json, Position, Problem, StackSettings
from reconciler.shape import Duration, Fault, Shape, complaint, fit
from reconciler.yamlfile import YamlFile

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise complaint(f"`{value}` is not a name: letters, digits, `.`, `_`, `-`")
    return value


def _ignore_path(value: str) -> str:
    if not re.fullmatch(r"(?:services|networks|volumes)\.\S+", value):
        raise complaint(f"`{value}` is not a path such as services.web.labels.traefik*")
    return value


def _not_empty(value: list[str]) -> list[str]:
    if not value:
        raise complaint("an empty list is for no device; name roles or devices, or leave the key out for all")
    return value


Name: TypeAlias = Annotated[str, AfterValidator(_name)]
IgnorePath: TypeAlias = Annotated[str, AfterValidator(_ignore_path)]


class _Ignore(Shape):
    path: IgnorePath
    reason: str | None = None


class _StackDrift(Shape):
    correct: Literal["auto", "report"] | None = None
    stop_grace: Duration | None = None


_NO_DRIFT = _StackDrift()
_LISTS = ("depends_on", "profiles", "env_files", "jobs")


class _Stack(Shape):
    where: Annotated[list[Name], AfterValidator(_not_empty)] | None = None
    depends_on: list[Name] = Field(default_factory=list)
    profiles: list[Name] = Field(default_factory=list)
    env_files: list[str] = Field(default_factory=list)
    jobs: list[str] = Field(default_factory=list)
    prune: bool = True
    adopt: bool = False
    ignore: list[_Ignore] = Field(default_factory=list)
    drift: _StackDrift = _NO_DRIFT


class _Device(Shape):
    roles: list[Name] = Field(default_factory=list)
    vars: dict[str, str] = Field(default_factory=dict)


class _Fleet(Shape):
    schema_: Annotated[Literal[1], Field(alias="schema")]
    requires: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """What device.yaml says; `positions` are those of the variables."""

    roles: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)


def stack_settings(name: str, files: Sequence[YamlFile]) -> StackSettings | tuple[Problem, ...]:
    """Merge the layers' stack.yaml by top-level key, the last one wins; or return all that is wrong with them."""
    problems: list[Problem] = []
    merged: dict[str, Any] = {}
    positions: dict[str, Position] = {}
    for file in files:
        shape = fit(_Stack, _with_ignore_mappings(file))
        if isinstance(shape, tuple):
            problems += _problems(f"stack/{name}", shape, file.file)
            continue
        merged |= {key: getattr(shape, key) for key in shape.model_fields_set}
        positions |= _positions(file, shape.model_fields_set)
    return tuple(problems) or _stack_noun(merged, positions)


def _stack_noun(given: Mapping[str, Any], positions: Mapping[str, Position]) -> StackSettings:
    """Leave every default to the noun; `given` holds only the keys that some layer sets."""
    plain: dict[str, Any] = {key: tuple(given[key]) for key in ("where", *_LISTS) if given.get(key) is not None}
    plain |= {key: given[key] for key in ("prune", "adopt") if key in given}
    rules = tuple(IgnoreRule(rule.path, rule.reason) for rule in given.get("ignore", ()))
    drift = given.get("drift", _NO_DRIFT)
    return StackSettings(**plain, ignore=rules, correct=drift.correct, stop_grace=drift.stop_grace, positions=positions)


def _positions(file: YamlFile, keys: set[str]) -> Mapping[str, Position]:
    """Return where each key stands, and each item of a list (`depends_on.0`)."""
    return {
        ".".join(str(part) for part in path): Position(file.file, line)
        for path, line in file.lines.items()
        if path and path[0] in keys
    }


def _with_ignore_mappings(file: YamlFile) -> YamlFile:
    """Give plain paths of `ignore` the form of those with a reason."""
    value = file.value
    if not isinstance(value, dict) or not isinstance(value.get("ignore"), list):
        return file
    rules = [{"path": rule} if isinstance(rule, str) else rule for rule in value["ignore"]]
    return YamlFile(file.file, {**value, "ignore": rules}, file.lines, file.texts)


def device_file(content: bytes, file: str) -> DeviceFile | tuple[Problem, ...]:
    """Read device.yaml; a variable's value is the text as it was written (`1.10` stays `1.10`)."""
    try:
        parsed = yamlfile.load(content, file)
    except InvalidSource as error:
        return (error.problem("source"),)
    shape = fit(_Device, _with_written_vars(parsed))
    if isinstance(shape, tuple):
        return _problems("source", shape, file)
    odd = sorted(name for name in shape.vars if not _VARIABLE.fullmatch(name))
    if odd:
        return tuple(
            Problem("source", "InvalidSource", "bad-variable", {"name": name}, file, parsed.line("vars", name))
            for name in odd
        )
    positions = {name: Position(file, parsed.line("vars", name)) for name in shape.vars}
    return DeviceFile(tuple(shape.roles), shape.vars, positions)


def _with_written_vars(file: YamlFile) -> YamlFile:
    value = file.value
    if not isinstance(value, dict) or not isinstance(value.get("vars"), dict):
        return file
    written: dict[str, Json] = {key: _written(file, key, item) for key, item in value["vars"].items()}
    return YamlFile(file.file, {**value, "vars": written}, file.lines, file.texts)


def _written(file: YamlFile, key: str, item: Json) -> Json:
    return "" if item is None else file.texts.get(("vars", key), item)


def fleet_problem(content: bytes, file: str, agent: str) -> tuple[Problem, ...]:
    """Read fleet.yaml and say what stands in the way: a fault in it, or an agent (`agent` is its version) that is too old."""
    try:
        parsed = yamlfile.load(content, file)
    except InvalidSource as error:
        return (error.problem("source"),)
    shape = fit(_Fleet, parsed)
    if isinstance(shape, tuple):
        return _problems("source", shape, file)
    if shape.requires is None:
        return ()
    line = parsed.line("requires")
    wanted = re.fullmatch(r">=\s*([0-9]+(?:\.[0-9]+){0,2})", shape.requires)
    if not wanted:
        return (Problem("source", "InvalidSource", "fleet-requires", {"requires": shape.requires}, file, line),)
    if _version(agent) >= _version(wanted[1]):
        return ()
    return (
        Problem("source", "AgentTooOld", "agent-too-old", {"requires": shape.requires, "agent": agent}, file, line),
    )


def _version(text: str) -> tuple[int, ...]:
    found = [int(part) for part in re.findall(r"[0-9]+", text)[:3]]
    return (*found, *[0] * (3 - len(found)))


def _problems(target: str, faults: Sequence[Fault], file: str) -> tuple[Problem, ...]:
    return tuple(Problem(target, "InvalidSource", fault.code, fault.args, file, fault.line) for fault in faults)
