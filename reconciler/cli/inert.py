"""Make foreign text harmless on a terminal.

Face; imports model and plan/, which knows what a terminal would obey. Commit text, file names and container output are
written by others: what could harm is printed as its escape instead.
"""

from __future__ import annotations

import json
import re

from reconciler.model import Document
from reconciler.plan.text import UNSAFE, inert

__all__ = ["inert", "inert_block", "inert_json", "json_text"]


def inert_block(text: str) -> str:
    """Do the same and keep the line breaks, for text that we laid out ourselves."""
    return "\n".join(inert(line) for line in text.split("\n"))


def json_text(document: Document) -> str:
    """Write a JSON document that is readable and as harmless to look at as it is to parse."""
    return inert_json(json.dumps(document, indent=2, ensure_ascii=False))


def inert_json(text: str) -> str:
    r"""Escape the JSON way; these characters stand only inside strings, where `\u` means the same."""
    return "\n".join(UNSAFE.sub(_json_escape, line) for line in text.split("\n"))


def _json_escape(match: re.Match[str]) -> str:
    return json.dumps(match[0])[1:-1] if ord(match[0]) != 0x7F else "\\u007f"
