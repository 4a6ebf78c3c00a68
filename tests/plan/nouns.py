"""Any plan that could be said, for properties of its documents."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import strategies as st

from reconciler.model import Action, Because, Cause, FieldDiff, Held, Kind, Plan, Problem, Revision
from reconciler.plan.texts import CAUSES, PROBLEMS

TEXTS = st.text(max_size=6)
_NAMES = st.sampled_from(("web", "api-1", "x_y"))
_LINES = st.none() | st.integers(1, 99)
_ARGS = st.dictionaries(st.sampled_from(("service", "fields", "words", "port")), TEXTS, max_size=3)
_MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001 - the next line gives it its zone
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
_FIELDS = st.lists(st.builds(FieldDiff, TEXTS, _JSON, _JSON, _JSON), max_size=2).map(tuple)


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """Draw an action with its stack and service as the target says them."""
    stack, kind, name = (
        draw(st.none() | _NAMES),
        draw(st.sampled_from(("", "service", "network", "volume"))),
        draw(_NAMES),
    )
    target = "/".join(["stack", stack, *([kind, name] if kind else [])]) if stack else f"daemon/{name}"
    cause = Cause(
        draw(st.sampled_from(sorted(CAUSES))), draw(_ARGS), draw(st.none() | TEXTS), draw(_LINES), draw(TEXTS)
    )
    return Action(
        target, draw(st.sampled_from(get_args(Kind))), draw(st.sampled_from(get_args(Because))), cause, draw(TEXTS),
        draw(TEXTS), stack, name if stack and kind == "service" else None, fields=draw(_FIELDS),
        risks=tuple(draw(st.lists(TEXTS, max_size=2))), after=tuple(draw(st.lists(TEXTS, max_size=2))),
    )  # fmt: skip


problems = st.builds(
    Problem, TEXTS, TEXTS, st.sampled_from(sorted(PROBLEMS)), _ARGS, file=st.none() | TEXTS, line=_LINES
)
helds = st.builds(Held, TEXTS, TEXTS, _FIELDS, until=st.none() | _MOMENTS, note=st.none() | TEXTS)
plans = st.builds(
    Plan, TEXTS, TEXTS, _MOMENTS, TEXTS, st.builds(Revision, TEXTS), TEXTS,
    st.lists(actions(), max_size=3).map(tuple), st.lists(problems, max_size=2).map(tuple),
    st.lists(helds, max_size=2).map(tuple), st.lists(problems, max_size=2).map(tuple),
)  # fmt: skip


def sent(document: object) -> Any:
    """Return a document as it arrives elsewhere."""
    return json.loads(json.dumps(document))


def without_means(action: Action) -> Action:
    """Take away what only `apply/` needs and no document says."""
    return replace(action, object_id=None, params={}, level=0)
