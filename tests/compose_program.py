"""Which compose the tests use: the one that is found, or the one that RECONCILER_TEST_COMPOSE names."""

import os
from functools import cache

from reconciler.tools import PLACES, ComposeTool, find_compose


@cache
def under_test() -> ComposeTool:
    """Find the compose to test with."""
    named = os.environ.get("RECONCILER_TEST_COMPOSE")
    return find_compose(None, [named] if named else PLACES)
