"""Write dotenv text that compose reads back to exactly the same values.

Below the rooms; imports nothing of ours. Every value is double-quoted: single quotes cannot hold a backslash before
their end, and unquoted text loses comments and outer spaces (tried on compose 2.26 and 5).
"""

from __future__ import annotations

from collections.abc import Mapping

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "$": "\\$", "\r": "\\r", "\n": "\\n"})


def env_line(name: str, value: str) -> str:
    """Return one `NAME="value"` line that compose's parser reads back to exactly `value`."""
    return f'{name}="{value.translate(_ESCAPES)}"\n'


def env_text(variables: Mapping[str, str]) -> str:
    """Return the text of an env file that holds exactly `variables`, sorted by name."""
    return "".join(env_line(name, variables[name]) for name in sorted(variables))
