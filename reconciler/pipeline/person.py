"""Who runs us.

Pipeline; imports nothing of ours.
"""

from __future__ import annotations

import os
from pwd import getpwuid


def this_user() -> str:
    """Name whoever runs us, by what the system knows and not by a variable that anybody can set."""
    try:
        return getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, say
        return f"uid {os.getuid()}"
