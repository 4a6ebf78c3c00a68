"""The English words for what can be wrong with the source, the repository and the agent's settings.

Room 3 (plan); imports nothing of ours. Part of the table in `texts.py`, in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping

DESIRED: Mapping[str, tuple[str, str]] = {
    # the source
    "source-url": (
        "{url} is no address that may be followed",
        "Use an absolute path, file://, https://, ssh:// or git@host:path.",
    ),
    "source-ref": ("{ref} is no branch or tag name", "Correct source.ref in the settings: main, or refs/tags/v1."),
    "source-path-missing": (
        "there is no repository at {url}",
        "Correct source.url in the settings, or mount the disk it is on. What runs stays as it is.",
    ),
    "source-not-repository": (
        "{url} is not a git repository: {words}",
        "Correct source.url in the settings; for a new one: git init --bare, then push to it.",
    ),
    "source-empty": ("the repository {url} is empty", "Push something to its branch {ref}."),
    "source-ref-missing": (
        "{url} has no branch or tag {ref}; there are: {there}",
        "Correct source.ref in the settings, or push that branch.",
    ),
    "source-not-commit": ("{ref} of {url} is not a commit", "Follow a branch, or a tag on a commit."),
    "source-path-absent": (
        "commit {commit} has no folder {path}",
        "Correct source.path in the settings, or put that folder into git.",
    ),
    "source-tree-odd": (
        "the revision holds names that no folder can hold: {words}",
        "No git program makes such a revision: find out who pushed it, and go back to one before it.",
    ),
    "source-commit-missing": (
        "commit {commit} is not here any more",
        "It is fetched again as soon as the source can be reached and still holds it.",
    ),
    "source-host": (
        "{url} cannot be reached: {words}",
        "Look at the network, the name and the server. The last good revision stays in force.",
    ),
    "source-timeout": (
        "{url} did not answer within {seconds} s",
        "Look at the network and the server. The last good revision stays in force.",
    ),
    "source-auth": (
        "{url} refuses us: {words}",
        "Give root a key (ssh), or a credential helper in ~/.gitconfig (https), that may read it; nothing asks for passwords.",
    ),
    "source-host-key": (
        "the ssh server of {url} is not known here: {words}",
        "Connect once by hand as the same user (ssh -T git@host) and check its key.",
    ),
    "source-not-found": (
        "{url} does not exist, or we may not see it: {words}",
        "Correct source.url in the settings, or give this device a key that may read it.",
    ),
    "source-certificate": (
        "the certificate of {url} is not trusted: {words}",
        "Install the authority's certificate on this device, or set http.sslCAInfo in ~/.gitconfig.",
    ),
    "source-ownership": (
        "git does not trust {url}, since it belongs to another user: {words}",
        "Name the repository itself in source.url, not a folder above or a link inside it.",
    ),
    "source-unwatched": (
        "a push to {url} is seen at the next poll, and not at once: {words}",
        "Let more be watched on this device: sysctl -w {limit}=<twice as many>.",
    ),
    "source-failed": ("git cannot read {url}: {words}", "Try: git ls-remote {url}"),
    "history-rewritten": (
        "{ref} was rewritten: {new} does not contain {old}, which is applied here",
        "If that was meant, run: reconciler apply --accept-rewrite. Else restore the branch.",
    ),
    "mirror-failed": (
        "our copy of the repository cannot be written: {words}",
        "Free some space in state_dir. If it stays so, remove source.git there: it is fetched again.",
    ),
    "staging-failed": (
        "git cannot write the files of a commit below {path}: {words}",
        "Free some space in state_dir, then try again.",
    ),
    "agent-too-old": (
        "the repository requires an agent {requires}, this is {agent}",
        "Upgrade the agent on this device; until then nothing changes here.",
    ),
    "fleet-requires": ("requires: {requires} cannot be understood", 'Write it as requires: ">=0.1"'),
    "structure-link": (
        "{path} is a link or a submodule, where a folder belongs",
        "Put a real folder there: links could lead out of the repository.",
    ),
    "file-misnamed": ("{name} is never read", "Rename it to {right}."),
    "file-name-odd": (
        "the name of {name} is not UTF-8, or holds control characters",
        "Rename the file in git.",
    ),
    "file-unreadable": (
        "the file cannot be read: {words}",
        "Look at its permissions; it must be a plain file, not a link.",
    ),
    "folder-missing": ("there is no folder {path}", "Name the folder that holds stacks/."),
    "compose-file-twice": ("two compose files for one purpose: {one} and {other}", "Keep one of them."),
    "compose-file-absent": (
        "stack {stack} has settings or an override, but no compose file in any layer",
        "Add stacks/{stack}/compose.yaml, correct the folder's name, or remove the folder.",
    ),
    "override-name-taken": (
        "{name} is the name that a layer's override gets in the stack's folder",
        "Give your file another name.",
    ),
    "project-twice": (
        "the project name {project} is used by {other}, too",
        "Rename one of the folders, or set another name: at the top of one compose file.",
    ),
    "bad-variable": ("{name} cannot be the name of a variable", "Use letters, digits and _, and no digit first."),
    "env-syntax": ("this is no variable: {words}", "Write NAME=value, or # before a comment."),
    "env-quote": (
        "the quote that begins here does not end",
        "Close it; write a quote inside the value as \\\" or \\'.",
    ),
    "env-reference": (
        "a ${{…}} in this value cannot be understood",
        "Write ${{NAME}} or ${{NAME:-default}}; a plain dollar is $$.",
    ),
    "env-required": (
        "the value needs variable {name}, which is not set by then: {words}",
        "Set {name} in a layer before this one, or higher up in this file.",
    ),
    "env-file-absent": (
        "env_files names {path}, which is not in the folder of {stack}",
        "Add the file, or correct its name.",
    ),
    "json-syntax": (
        "this is not JSON: {words}",
        "Correct the line; JSON has double quotes, no comments, no comma at the end.",
    ),
    "daemon-key-owned": (
        "{key} belongs to the system on this device and cannot be set in git",
        "Take the key out of daemon.json; its value is under daemon.owned in the agent's settings.",
    ),
    "daemon-key-unknown": (
        "{key} is no key of daemon.json; {guess}",
        "Correct its name or take it out: dockerd does not start with a key that it does not know.",
    ),
    "daemon-key-version": (
        "{key} is known to docker {versions}, and this engine is {engine}",
        "Take it out, or have another engine: this one does not start with it.",
    ),
    "daemon-key-shape": ("{key} must be {wanted}", "Correct the value."),
    "daemon-key-identity": (
        "{key} is part of what makes this dockerd what it is, and cannot be set in git",
        "Take it out of daemon.json; who runs the device sets it under daemon.owned in the agent's settings.",
    ),
    "daemon-key-closed": (
        "{key} with this value changes who has power over the device, which does not open it to git",
        "Take it out, or let who runs the device put it under daemon.allow in the agent's settings.",
    ),
    "daemon-key-idle": ("dockerd accepts {key} in its file, and does nothing with it", "Take it out."),
    "daemon-link": ("daemon.json is a link or a submodule", "Put the file itself there."),
    "yaml-syntax": ("this is not YAML: {words}", "Look at this line and the one above: indentation, quotes, colons."),
    "yaml-quote": (
        "the quote that begins here does not end",
        "Close it; inside single quotes a quote is written twice: 'it''s'.",
    ),
    "yaml-tab": ("a tab stands at the start of the line", "Indent with spaces: YAML allows no tabs."),
    "yaml-documents": (
        "a second document begins here",
        "Keep one document in the file: remove the --- line and what follows.",
    ),
    "yaml-duplicate-key": ("{key} stands here twice, first in line {first}", "Keep one of them."),
    "yaml-key": ("a key must be plain text", "Write key: value."),
    "yaml-merge": ("<<: takes a mapping, or a list of mappings", "Name an anchor of a mapping there."),
    "yaml-tag": ("{tag} has no meaning here", "Remove the tag; put the value in quotes if it is text."),
    "yaml-too-deep": ("the file is nested too deeply, or contains itself", "Make it flatter."),
    "yaml-too-large": ("the file is too large once its anchors are resolved", "Make it smaller."),
    "not-utf8": ("the file is not UTF-8 text", "Save it as UTF-8."),
    "unknown-key": ("{key} is not a key that we know; {guess}", "Correct the spelling, or remove the key."),
    "missing-key": ("{key} is missing", "Add it."),
    "bad-choice": ("{key} must be {choices}", "Choose one of these."),
    "wrong-type": ("{key} must be {wanted}", "Correct the value."),
    "bad-value": ("{key}: {words}", "Correct the value."),
    # the agent's own settings
    "settings-missing": (
        "there is no settings file",
        "Write it (device: and source: {{url: …}} are enough), or name another: --config FILE.",
    ),
    "settings-unreadable": (
        "the settings file cannot be read: {words}",
        "Run as root, or name a file that you can read: --config FILE.",
    ),
    "settings-writable": (
        "others may write the settings file (mode {mode}), and who writes it commands this device",
        "chmod go-w that file, and see that what it says is yours.",
    ),
    "settings-owner": (
        "the settings file belongs to user {uid}, who would command this device",
        "chown root that file, and see that what it says is yours.",
    ),
    "settings-path-missing": ("{key} names {path}, which is not there", "Make that folder, or correct the path."),
    "settings-owned-keep": (
        "`{key}: keep` is not supported yet, it comes later",
        "Write the value that the key has now, or leave the key out.",
    ),
    "git-missing": ("git is not installed", "Install it: apt install git"),
}
