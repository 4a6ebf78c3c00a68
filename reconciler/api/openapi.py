"""Describe the API as OpenAPI 3.1, from the table of routes. `python -m reconciler.api.openapi` prints it.

Api; may import the modules beside it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from reconciler.api.documents import Refusal
from reconciler.api.routes import ROUTES, Route
from reconciler.shape import Shape

_PLACE = "#/components/schemas/{model}"


def description() -> dict[str, Any]:
    """Return the description of all routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "reconciler",
            "version": "1",
            "description": "Answered by a running agent at `<state_dir>/agent.sock`, for root. See docs/api.md.",
        },
        "paths": paths,
        "components": {"schemas": _schemas()},
    }


def page() -> str:
    """Return the description as the text of docs/openapi.json."""
    return json.dumps(description(), indent=1, ensure_ascii=False) + "\n"


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": route.summary, "operationId": route.path.removeprefix("/v1/").split(".")[0]}
    if route.method == "GET":
        operation["parameters"] = _parameters(route.asks)
    else:
        operation["requestBody"] = {"content": {"application/json": {"schema": _reference(route.asks)}}}
    return {**operation, "responses": _responses(route)}


def _parameters(shape: type[Shape]) -> list[dict[str, Any]]:
    schema = shape.model_json_schema()
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]


def _responses(route: Route) -> dict[str, Any]:
    refusal = {"description": "Why not.", "content": {"application/json": {"schema": _reference(Refusal)}}}
    responses: dict[str, Any] = {}
    if route.says is not None or route.method == "GET":
        kind = "text/event-stream" if route.streams else "application/json"
        schema = _reference(route.says) if route.says else {"type": "object"}
        responses["200"] = {"description": route.summary, "content": {kind: {"schema": schema}}}
    if route.method == "POST" and (route.says is None or route.streams):
        responses[str(route.status_of_nothing.value)] = {"description": "It is taken; nothing more to say."}
    return {**responses, "default": refusal}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _PLACE.format(model=model.__name__)}


def _schemas() -> dict[str, Any]:
    bodies: list[type[BaseModel]] = [route.asks for route in ROUTES if route.method == "POST"]
    answers: list[type[BaseModel]] = [route.says for route in ROUTES if route.says is not None]
    models: dict[type[BaseModel], Literal["validation"]] = dict.fromkeys([*bodies, *answers, Refusal], "validation")
    _, schema = models_json_schema(list(models.items()), ref_template=_PLACE)
    found: dict[str, Any] = schema["$defs"]
    return found


if __name__ == "__main__":
    sys.stdout.write(page())
