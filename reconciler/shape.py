"""Fit a parsed YAML file to a pydantic model: every fault knows its line and, for a misspelt key, the nearest known one.

Below the rooms; may import yamlfile. Only borders use it: what comes out is turned into nouns at once.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from reconciler.yamlfile import Path, YamlFile

_WANTED = {
    "string_type": "text (in quotes, if it looks like a number)",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Shape(BaseModel):
    """A mapping of known keys; nothing is converted on the quiet."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit, as `code` and `args` of `plan/texts.py`."""

    code: str
    args: Mapping[str, str] = field(default_factory=dict)
    line: int | None = None


S = TypeVar("S", bound=Shape)


def fit(shape: type[S], file: YamlFile) -> S | tuple[Fault, ...]:
    """Return the file as a `shape`, or every fault it has; an empty file is an empty mapping."""
    try:
        return shape.model_validate({} if file.value is None else file.value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return tuple(_fault(shape, file, detail) for detail in details)


def _fault(shape: type[Shape], file: YamlFile, detail: ErrorDetails) -> Fault:
    kind, context = detail["type"], detail.get("ctx", {})
    path = _path_in_file(file, detail["loc"])
    name = ".".join(str(part) for part in path) or "the file"
    line = file.line(*path)
    if kind == "extra_forbidden":
        return Fault("unknown-key", _unknown(shape, detail["loc"], path), line)
    if kind in ("missing", "union_tag_not_found"):
        key = str(detail["loc"][-1]) if kind == "missing" else "kind"
        return Fault("missing-key", {"key": ".".join(str(part) for part in (*path, key))}, line)
    if kind in ("literal_error", "union_tag_invalid"):
        return Fault(
            "bad-choice", {"key": name, "choices": str(context.get("expected") or context["expected_tags"])}, line
        )
    if kind in _WANTED:
        return Fault("wrong-type", {"key": name, "wanted": _WANTED[kind]}, line)
    return Fault("bad-value", {"key": name, "words": detail["msg"]}, line)


def _path_in_file(file: YamlFile, loc: tuple[str | int, ...]) -> Path:
    """Drop what pydantic adds to a location: names of union members."""
    path: Path = ()
    for part in loc:
        if (*path, part) in file.lines:
            path = (*path, part)
    return path


def _unknown(shape: type[Shape], loc: tuple[str | int, ...], path: Path) -> Mapping[str, str]:
    known = sorted({key for model in _models_at(shape, loc[:-1]) for key in model.model_fields})
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    guess = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
    return {"key": ".".join(str(part) for part in path), "guess": guess}


def _models_at(shape: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[type[BaseModel], ...]:
    models: tuple[type[BaseModel], ...] = (shape,)
    for part in loc:
        fields = [model.model_fields[part] for model in models if isinstance(part, str) and part in model.model_fields]
        if fields:
            models = tuple(found for info in fields for found in _models_in(info.annotation))
    return models


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _models_in(inner)


def complaint(words: str) -> PydanticCustomError:
    """Make the error a validator of ours raises; `words` are shown as they are."""
    return PydanticCustomError("ours", "{words}", {"words": words})


def seconds(value: Any) -> float:
    """Read a duration such as `90s 15m 2h 1d` as seconds."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", value) if isinstance(value, str) else None
    if not match:
        raise complaint("a duration is a number and a unit: 90s, 15m, 2h, 1d")
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[float, BeforeValidator(seconds)]
