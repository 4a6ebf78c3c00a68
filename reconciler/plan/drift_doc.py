"""The page docs/drift.md, made from the table; CONTRIBUTING.md says how.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.plan.fields import SERVICE_FIELDS
from reconciler.plan.fields_told import JUDGED, NETWORK, PARTS_UNSEEN, UNSEEN, VOLUME, Told
from reconciler.plan.required_api import SINCE

_INTRODUCTION = """\
# How every field is compared

Made from the table in `reconciler/plan/fields.py` ([how](../CONTRIBUTING.md#decisions-and-documents)); a test keeps them equal.

What compose renders and what the engine shows are brought to one normal form, and compared whole: a label, a mount, a port
or a capability too many is a difference too. What a file leaves out is compared with its default: the image's, the engine's,
or the daemon's as it was recorded when the container was made. Without that record (it was lost, or the container is not
ours) such a default is not compared. The paths are those of plans and of `ignore`: a map or a list of named things goes on as
`environment.A`, `ports[80/tcp]`, `volumes[/data]`, `networks.front.aliases`.

How a difference is repaired: `update`, `rename` and `reconnect` happen in place, the container goes on running. A limit that
is to vanish takes a `recreate` all the same, since the engine's update cannot take it away (but `restart` and `pids_limit`).
`remake`: the network is removed and made again with its services. `manual`: a volume would lose its data, a person has to act.
"""


def drift_page() -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Services\n"
    yield from _table(Told(field.path, field.engine, field.repair, field.note) for field in SERVICE_FIELDS)
    yield "\n## Services, judged as a whole\n"
    yield from _table(JUDGED)
    yield "\n## Networks\n\nNot for external ones: they only have to be there.\n"
    yield from _table(NETWORK)
    yield "\n## Volumes\n\nNot for external ones: they only have to be there.\n"
    yield from _table(VOLUME)
    yield "\n## Not compared: the engine does not show it\n"
    yield from _reasons(UNSEEN)
    yield "\nParts of compared fields:\n"
    yield from _reasons(PARTS_UNSEEN)
    yield "\n## Fields that need a newer engine\n"
    yield "With an older API the stack is blocked (`EngineTooOld`) before anything is touched.\n"
    yield "| field | engine API |\n|---|---|"
    yield from (f"| `{path}` | {version} |" for path, version in SINCE.items())


def _table(rows: Iterable[Told]) -> Iterator[str]:
    yield "| field | engine | repaired by | notes |\n|---|---|---|---|"
    for row in rows:
        engine = f"`{row.engine}`" if row.engine[0].isupper() else row.engine
        yield f"| `{row.path}` | {engine} | {row.repair} | {row.note.replace('|', '&#124;')} |"


def _reasons(reasons: Mapping[str, str]) -> Iterator[str]:
    yield "| field | why |\n|---|---|"
    yield from (f"| {key if ' ' in key else f'`{key}`'} | {why} |" for key, why in reasons.items())
