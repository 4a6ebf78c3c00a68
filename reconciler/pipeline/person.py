"""Who runs us, and who asks.

Pipeline; imports nothing of ours.
"""

from __future__ import annotations

import os
from pwd import getpwuid


def this_user() -> str:
    """Name whoever runs us, by what the system knows and not by a variable that anybody can set."""
    return user_name(os.getuid())


def user_name(uid: int) -> str:
    """Name a user of this system."""
    try:
        return getpwuid(uid).pw_name
    except KeyError:  # in a container, say
        return f"uid {uid}"
