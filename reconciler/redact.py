"""Keep secret values out of plans, logs, the record and errors; show by a keyed digest that one changed.

Below the rooms; may import model. What is replaced, and by what, is in formats.md §3. The digest is keyed with a secret of
the device, so a short password cannot be guessed from it. The same value always gives the same digest; masking twice
changes nothing.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import cast

from reconciler.model import Document, Json

_SHORTEST = 6
"""Characters from which on a secret value is looked for anywhere; shorter ones would hit ordinary words."""

_MASKED = "…[0-9a-f]{8}"
_MASKED_WHOLE = re.compile(_MASKED)

_LOOKS_SECRET = re.compile(
    r"passw(?:or)?d|passphrase|secret|credential|basicauth|(?:api|private|access)[_.-]?key"
    r"|(?:encrypt|encryption|signing|master|app|auth|session|cookie|jwt|hmac|shared|account)[_.-]key"
    r"|tokens?(?![a-z])|(?<![a-z])(?:pass|pwd)(?![a-z])|(?<![a-z])auth$",
    re.IGNORECASE,
)
_ONLY_POINTS_TO_ONE = re.compile(r"[_.-](?:file|path|dir)$", re.IGNORECASE)

_FLAT = ("environment", "labels", "annotations", "args", "driver_opts", "options", "storage_opt", "log-opts")
"""Fields whose keys are users' words and may hold dots."""
_USERS_KEY = re.compile(rf"(?:^|\.)(?:{'|'.join(map(re.escape, _FLAT))})\.(.+)$")
_BRACKETS = re.compile(r"\[[^\]]*\]")

_URL_LOGIN = re.compile(r"(?<=://)([^\s/@:?#'\"]*:)?([^\s/'\"]+)(?=@)")
_LONGEST_USER = 16
"""Characters; what stands alone before the @ of an address and is longer is a token, not a user's name."""
_ASSIGNED = re.compile(r"((?<![\w.-])[\w.-]+=)([^\s'\"&,;]+)")


class Redactor:
    """Replace what is secret by `…` and eight digits of a keyed digest.

    `secrets` are values that are secret wherever they show up, from six characters on.
    """

    def __init__(self, key: bytes, secrets: frozenset[str]) -> None:
        self._key = key
        bare = {bare for secret in secrets if len(bare := secret.strip()) >= _SHORTEST}
        self._quoted = {form: value for value in bare if (form := quoted(value)) not in bare}
        known = bare | self._quoted.keys()
        # what is masked already comes first, so that it stays
        self._known = re.compile(f"{_MASKED}|{_any_of(known)}" if known else _MASKED)
        self.text = lru_cache(maxsize=65536)(self._text)
        """Mask what is secret in free text (an error, a log line)."""

    def mask(self, path: str, value: Json) -> Json:
        """Mask what is secret in the value of a field path in compose's words; anything else comes back as it is."""
        match value:
            case str():
                return self._digest(value) if value and looks_secret(_key(path)) else self.text(value)
            case bool() | None:
                return value
            case int() | float():
                return self._digest(str(value)) if looks_secret(_key(path)) else value
            case Mapping():
                return {key: self.mask(f"{path}.{key}" if path else key, below) for key, below in value.items()}
            case _:
                return [self.mask(path, below) for below in value]

    def document(self, document: Document) -> Document:
        """Mask what is secret in a whole rendered document."""
        return cast("Document", self.mask("", document))

    def _digest(self, value: str) -> str:
        if _MASKED_WHOLE.fullmatch(value):
            return value
        return "…" + hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256").hex()[:8]

    def _text(self, text: str) -> str:
        text = self._known.sub(lambda found: self._digest(self._quoted.get(found[0], found[0])), text)
        if "://" in text:
            text = _URL_LOGIN.sub(self._login, text)
        return _ASSIGNED.sub(self._assigned, text) if "=" in text else text

    def _login(self, found: re.Match[str]) -> str:
        user, last = found[1], found[2]
        if user is None and len(last) <= _LONGEST_USER:
            return last
        return (user or "") + self._digest(last)

    def _assigned(self, found: re.Match[str]) -> str:
        return found[1] + (self._digest(found[2]) if looks_secret(found[1][:-1]) else found[2])


def quoted(value: str) -> str:
    """Return a value as it stands between double quotes in the words of compose, the engine and runc."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def looks_secret(key: str) -> bool:
    """Tell whether the name of a variable, label or option says that its value is secret."""
    return key != "secrets" and bool(_LOOKS_SECRET.search(key)) and not _ONLY_POINTS_TO_ONE.search(key)


def _key(path: str) -> str:
    bare = _BRACKETS.sub("", path)
    users = _USERS_KEY.search(bare)
    return users[1] if users else bare.rpartition(".")[2]


def _any_of(words: Iterable[str], depth: int = 3) -> str:
    """Return a pattern for any of the words, longest first; branching by first letters keeps thousands of them fast."""
    if depth == 0:
        return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    rests: dict[str, list[str]] = {}
    for word in sorted(words):
        rests.setdefault(word[0], []).append(word[1:])
    return "|".join(f"{re.escape(letter)}(?:{_any_of(rest, depth - 1)})" for letter, rest in rests.items())
