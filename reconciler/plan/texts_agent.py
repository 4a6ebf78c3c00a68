"""The English words for what can be wrong between people and the agent: names that they say, requests, who else runs.

Room 3 (plan); imports nothing of ours. Part of the table in `texts.py`, in the same form.
"""

from __future__ import annotations

from collections.abc import Mapping

AGENT: Mapping[str, tuple[str, str]] = {
    "no-agent": (
        "no agent runs here, and `{verb}` needs one",
        "Start it (systemctl start reconciler), or leave that out: without an agent the command does the work itself.",
    ),
    "init-not-empty": (
        "{path} holds something already",
        "Name a folder that is empty or not there yet: nothing is ever overwritten.",
    ),
    "target-unknown": (
        "nothing here is called {target}",
        "Name a stack, stack/service, a service, a container or a daemon key, such as {known}.",
    ),
    "stack-unknown": ("no stack is called {stack}", "There are: {known}"),
    "target-ambiguous": ("{target} may be one of several", "Say which: {known}"),
    "not-suspended": ("stack {stack} is not suspended", "Suspended now: {known}"),
    "agent-runs": (
        "another agent has {state_dir}: process {pid}",
        "One agent for each state_dir: stop that one first (systemctl stop reconciler), or give this one a folder of its own.",
    ),
    "metrics-address": (
        "metrics cannot be offered at {address}: {words}",
        "Choose another address or port in the settings, or leave metrics out.",
    ),
    "agent-silent": (
        "the agent (process {pid}) holds {state_dir} but does not answer at its socket",
        "Wait if it has just begun; else see its log (journalctl -u reconciler), and restart it. Nothing is done beside it.",
    ),
    "agent-lost": (
        "the agent went away before it had answered",
        "When it is back it goes on with what it had begun: reconciler status",
    ),
    "agent-cut-off": (
        "the agent told more than this command could read in time, and no longer tells it",
        "The agent goes on with the pass: reconciler status",
    ),
    "agent-other-version": (
        "the agent that runs is version {agent}, this command is {ours}",
        "Restart the agent, so that both are the same: systemctl restart reconciler",
    ),
    "agent-bug": (
        "this is a bug in reconciler {agent}",
        "Please report it, with the lines that the agent's log has at this moment (journalctl -u reconciler).",
    ),
    "request-unknown": ("{asked} is nothing that can be asked", "Known: {known}"),
    "request-no-json": ("the request is no JSON: {words}", "Send an object, with Content-Type: application/json."),
    "request-cut-short": ("the request ended before it was whole", "Send as many bytes as Content-Length says."),
    "request-no-length": (
        "the request does not say how long it is",
        "Send one Content-Length, and no Transfer-Encoding.",
    ),
    "request-too-large": ("the request is larger than {most} bytes", "Nothing that can be asked is so long."),
    "request-refused": ("this is no request that we understand: {words}", "Speak HTTP/1.1; see docs/api.md."),
    "socket-path-taken": ("{path} is there, and is no socket", "Move it away: the agent listens there."),
}
