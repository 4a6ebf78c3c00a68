"""How a pass ends, in a sentence."""

from datetime import UTC, datetime

from reconciler.cli.applying import verdict
from reconciler.model import Held, Plan, Revision
from reconciler.pipeline import Report


def ended(*held: Held) -> str:
    revision = Revision("0123456789abcdef")
    return verdict(
        Report(Plan("here", "0.1.0", datetime(2026, 11, 24, tzinfo=UTC), "url", revision, "i", held=held), ())
    )


def test_what_is_held_back_is_not_passed_over():
    """A host is not quite as git says while a difference is left on purpose; another hash is none."""
    assert ended() == "Nothing to do. This host is as 0123456789ab says."
    assert ended(Held("stack/web", "hash algorithm changed")) == ended()
    assert ended(Held("stack/web", "report")).endswith("says, but for 1 held; see `reconciler plan`.")
