"""Make foreign text harmless on a terminal.

Face; imports only the standard library. Commit text, file names and container output are written by others: what a
terminal would obey, or would show in another order than it stands, is printed as its escape instead.
"""

from __future__ import annotations

import json
import re

from reconciler.model import Document

# C0 and C1 controls, DEL, the marks that turn or hide text, line separators, and halves of surrogate pairs.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)


def inert(text: str) -> str:
    """Show as one line what a terminal would obey."""
    return _UNSAFE.sub(_escape, text)


def inert_block(text: str) -> str:
    """Do the same and keep the line breaks, for text that we laid out ourselves."""
    return "\n".join(inert(line) for line in text.split("\n"))


def json_text(document: Document) -> str:
    """Write a JSON document that is readable and as harmless to look at as it is to parse."""
    return inert_json(json.dumps(document, indent=2, ensure_ascii=False))


def inert_json(text: str) -> str:
    r"""Escape the JSON way; these characters stand only inside strings, where `\u` means the same."""
    return "\n".join(_UNSAFE.sub(_json_escape, line) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    short = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if ord(match[0]) != 0x7F else "\\u007f"
