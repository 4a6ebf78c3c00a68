"""The English words for every code: causes, problems, errors. One pure table; other languages are made at the face.

Room 3 (plan); may import only model and errors. A row is `code: text` or `code: (text, hint)`; `{name}` is filled from the
args, and an arg that is not given prints as `?`.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model import Cause, Problem
from reconciler.plan.texts_agent import AGENT
from reconciler.plan.texts_desired import DESIRED

CAUSES: Mapping[str, str] = {
    # stacks and services
    "missing": "not there",
    "new-service": "new in git",
    "new-object": "new in git",
    "job-changed": "another job in git than the one that has finished",
    "field": "{fields} differs",
    "fields": "{fields} differ",
    "scale": "{replicas} wanted, {applied} before",
    "gone-from-git": "no longer in git",
    "project-renamed": "project {before} is called {now} now",
    "surplus": "more than the {replicas} wanted",
    "leftover": "left over from an interrupted run",
    "replica": "made anew together with the other containers of {service}",
    "stopped": "does not run",
    "never-started": "was never started",
    "dead": "the engine cannot start it any more",
    "paused": "is paused",
    "adopt": "takes over {containers}",
    # inputs, files, images
    "input": "new content of {inputs}",
    "put-back": "reads {files}, which is put back",
    "file-edited": "was edited on this device",
    "file-gone": "was removed on this device",
    "image-absent": "{image} is not here",
    "pull-policy": "pull policy {policy}",
    "build-changed": "what it is built from changed",
    # what others force
    "shares-namespace": "shares a namespace with {other}",
    "shares-volumes": "uses the volumes of {other}",
    "donor-restarted": "lives in a namespace that {other} has left: it was started anew since",
    "gives-up": "gives up {what}, which {other} is to have",
    "restarts-with": "asks to be restarted with {other}",
    "network-remade": "network {networks} is made again",
    "network-going": "network {networks} goes away",
    "made-again": "made again with other options",
    "network-double": "a second network with this name, and empty",
    # daemon settings
    "daemon-owned": "the system owns {key}",
    "daemon-edited": "{key} was changed in the file",
    "daemon-changed": "{key} differs",
    "daemon-key-gone": "no longer in git",
    "daemon-not-told": "it is in the file, and dockerd may not have read it: a pass was killed",
}

PROBLEMS: Mapping[str, tuple[str, str]] = {
    # source and repository
    "link-refused": (
        "{path} is a symbolic link or a submodule",
        "Put a real file in stacks/{stack}/ instead: links could lead out of the repository.",
    ),
    "path-leaves": (
        "{key}: {path} leads out of the stack's folder",
        "Keep the file in stacks/{stack}/ and name it from there; only that folder is there on the device.",
    ),
    "project-folder-absent": (
        "{key}: {path} is no folder that stacks/{stack}/ holds in git",
        "Name a folder with files in it: compose would take the one above, and paths would start from there.",
    ),
    "path-unclear": (
        "{key}: what {path} will become cannot be known",
        "Write the path plainly, or with a variable that the stack's .env sets.",
    ),
    "remote-refused": (
        "{key}: {path} would be fetched from elsewhere",
        "Copy what it names into stacks/{stack}/, so that the commit holds all of it.",
    ),
    "above-root": ("{path} leads above the root of the file system", "Write the absolute path."),
    "home-in-path": ("{path} has no meaning here: there is no home folder", "Write the absolute path."),
    "provider-refused": (
        "service {service} would start a program of the host (provider)",
        "Use a container instead; providers are not supported.",
    ),
    "api-socket-refused": (
        "service {service} asks for the engine's socket and credentials (use_api_socket)",
        "Mount /var/run/docker.sock by name where a service really needs it.",
    ),
    "variable-reserved": (
        "{name} is an order to compose, not a variable of the stack",
        "Give the variable another name; of COMPOSE_… only COMPOSE_PROFILES may be set.",
    ),
    "variable-reserved-instead": (
        "{name} is an order to compose, not a variable of the stack",
        "Use {instead} instead.",
    ),
    "folder-no-project-name": (
        "stacks/{stack} is no valid project name",
        "Use only a–z, 0–9, - and _ (first a letter or digit), or set name: at the top of the compose file.",
    ),
    "folder-name-long": (
        "the name of stacks/{stack} is too long: {most} bytes at most",
        "Give the folder a shorter name.",
    ),
    "service-for-services": ("service: is not a key of compose files", "Write services: (with an s)."),
    "compose-refuses": (
        "compose says: {words}",
        "Correct the file; docker compose config in that folder says the same.",
    ),
    "compose-unknown-key": ("compose says: {words}", "See the spelling of the key, and the level it stands at."),
    "compose-needs-variable": (
        "compose says: {words}",
        "Set {name} in the stack's .env, in vars of device.yaml, or on the device in <env_dir>/{stack}.env.",
    ),
    "compose-file-missing": ("compose says: {words}", "Add the file to the stack's folder, or correct its name."),
    **DESIRED,
    # settings and tools
    "plan-stale": (
        "this is no longer what would be done: the saved plan has index {saved}, now it is {now}",
        "Look at a fresh plan, and save it again: reconciler plan -o FILE. Nothing was changed.",
    ),
    "plan-file-unwritable": (
        "the plan cannot be saved as {file}: {words}",
        "Choose a file in a folder that you can write.",
    ),
    "compose-missing": (
        "docker compose is not installed",
        "Install version 2.26 or newer: Debian 13: apt install docker-compose; with Docker's packages: docker-compose-plugin.",
    ),
    "compose-too-old": (
        "docker compose {version} ({path}) is too old",
        "Install version 2.26 or newer: Debian 13: apt install docker-compose; with Docker's packages: docker-compose-plugin.",
    ),
    "program-not-started": ("{program} cannot be started: {words}", "Install it, or correct the path in the settings."),
    "program-failed": ("{program} failed with exit code {exit}: {words}", "What it says above names the cause."),
    "gave-up": (
        "{tries} tries in a row failed: nothing is tried any more before a commit or `reconciler apply`",
        "Push a commit that mends it, or say `reconciler apply` to try again.",
    ),
    "crashes-again": (
        "ended after each of {times} starts in ten minutes: nothing is tried any more before a commit or `reconciler apply`",
        "Read its last words, push a commit that mends it, or say `reconciler apply` to try again.",
    ),
    "cut": (
        "ended before it was done, to make way for something newer",
        "nothing to do: the next pass goes on with it",
    ),
    "program-timeout": (
        "{program} did not end within {seconds} s and was stopped: {words}",
        "See what it was waiting for, and try again.",
    ),
    "program-too-loud": ("{program} said more than we can hold: {words}", "Run it by hand and see what it repeats."),
    **AGENT,
    # engine
    "engine-address": (
        "{host} is no address of a docker engine",
        "Correct docker.host in the settings: unix:///path/to/docker.sock, or tcp://name:port.",
    ),
    "engine-no-socket": (
        "there is no docker socket at {host}",
        "Start the docker daemon (systemctl start docker), or correct docker.host in the settings.",
    ),
    "engine-dead-socket": (
        "nobody listens at {host}: the docker daemon is not running",
        "Start it (systemctl start docker) and read its log if it does not stay up (journalctl -u docker).",
    ),
    "engine-permission": (
        "we may not use the docker socket {host}",
        "Run as root, or as a user in the group that owns the socket.",
    ),
    "engine-timeout": (
        "the docker daemon at {host} did not answer in time",
        "It hangs, or the disk is very busy: read its log; restart it if it stays so. We try again.",
    ),
    "engine-lost": (
        "the connection to the docker daemon at {host} broke: {words}",
        "It was probably restarted; try again in a moment, and read its log if it happens again.",
    ),
    "engine-refused": (
        "the docker daemon refused: {words}",
        "What it says names the cause; put that right, then try again.",
    ),
    "daemon-file-unreadable": (
        "{path} cannot be read: {words}",
        "Look at its permissions, and at those of the folders above it. It must be a plain file.",
    ),
    "daemon-file-not-json": (
        "{path} is not JSON: {words}",
        "Correct the line that is named; check with: dockerd --validate --config-file {path}",
    ),
    "daemon-file-not-object": ("{path} holds no JSON object", 'It has to look like this: {{"log-level": "info"}}'),
    # policy (plan)
    "foreign-project": (
        "a project {project} runs here that we did not make ({container}, from {folder})",
        "Write `adopt: true` into stack.yaml to take it over, or choose another project name.",
    ),
    "bind-elsewhere": (
        "{container} has {seen} at {target}, and made by us it would have {wanted}",
        "Move the data to the new place, or write the old path into the compose file, absolute. Then adopt.",
    ),
    "container-left": (
        "{container} belongs to project {project}, but to no service in git; it is left alone",
        "Remove it by hand when it is not needed.",
    ),
    "network-name-taken": (
        "a network {name} is there already, and it is not this stack's",
        "Remove or rename that network, or declare it `external: true`.",
    ),
    "network-in-use": (
        "network {name} has to be made again, but {container} is on it and is not this stack's",
        "Take that container off the network, or undo the change in git.",
    ),
    "network-left": (
        "network {network} is no longer needed, but {container} is on it; it is left alone",
        "Take that container off; the network goes with the next apply.",
    ),
    "network-orphaned": (
        "network {network} is no longer needed, but {container} is on it; it is left alone, and no longer ours",
        "Take that container off, then remove the network by hand.",
    ),
    "network-double": (
        "there is a second network called {name} ({id})",
        "Remove the one that is not needed: docker network rm {id}",
    ),
    "volume-changed": (
        "volume {name} differs from git in {fields}, and to change it would lose its data",
        "By hand: copy the data out, `docker volume rm {name}`, apply, copy the data back. Or undo the change in git.",
    ),
    "external-network-missing": ("the external network {name} does not exist", "Make it: docker network create {name}"),
    "external-volume-missing": ("the external volume {name} does not exist", "Make it: docker volume create {name}"),
    "external-of-stack": (
        "the external {kind} {name} is not there yet; stack {maker} makes it",
        "Write depends_on: [{maker}] in this stack's stack.yaml.",
    ),
    "image-never-pulled": (
        "image {image} is not here, and pull_policy is never",
        "Load or build it on this device, or change pull_policy.",
    ),
    "own-container": (
        "the agent itself runs in {container} and cannot {kind} it: stack {stack} is left as it is",
        "Run the agent outside of the stacks that it keeps. Or update this one by hand, with docker compose in its folder.",
    ),
    "restart-ends-agent": (
        "{key} needs a restart of the engine, which would end the container that the agent runs in",
        "Set live-restore to true in an earlier commit: containers then outlive it. Or apply this from outside of a container.",
    ),
    "engine-too-old": (
        "{field} needs engine API {needs}, this engine has {has}",
        "Leave the field out, or upgrade the engine.",
    ),
    "bind-source-missing": (
        "{source} does not exist; the engine will make an empty folder for {target}, owned by root",
        "Make the folder first if it shall hold something, or belong to somebody else.",
    ),
    "port-taken": (
        "host port {port} is taken by {owner}, {service} cannot have it",
        "Choose another port, or stop what holds it.",
    ),
    "name-taken": (
        "the container name {name} is taken by {owner}",
        "Choose another container_name, or remove or rename that container.",
    ),
    "pools-exhausted": (
        "no address pool of the engine has a free subnet left for network {name}",
        "Remove unused networks (docker network prune), give the network its own subnet, or add default-address-pools.",
    ),
    "dependency-cycle": ("stacks wait for each other: {cycle}", "Take one of these out of depends_on."),
    "dependency-unknown": (
        "depends_on names {dependency}, and this device has no such stack",
        "Correct the name, or give that stack to this device, too.",
    ),
    "dependency-blocked": ("waits for stack {dependency}, which is held up", "Heal that stack first."),
    "dependency-not-applied": (
        "waits for stack {dependency}, which is not applied yet",
        "Apply that stack as well.",
    ),
    "dependency-not-healthy": ("waits for stack {dependency}, which is {health}", "Heal that stack first."),
    "dependency-suspended": (
        "waits for stack {dependency}, which is suspended",
        "Have it looked after again: reconciler resume {dependency}",
    ),
    "project-suspended": (
        "project {project} belongs to stack {other}, which is suspended: its containers and volumes are left alone",
        "Have it looked after again, so that it can go first: reconciler resume {other}",
    ),
    "prune-refused": (
        "{going} of {total} stacks would be taken away",
        "If git is right, apply with --confirm-prune.",
    ),
    "device-renamed": (
        "this device was {before} and is now {now}: nothing is taken away",
        "If that is right, apply with --confirm-prune.",
    ),
    "machine-changed": (
        "the record was written on another machine: nothing is taken away",
        "If that is right, apply with --confirm-prune.",
    ),
    "device-folder-gone": (
        "the folder of device {device} is gone from git: nothing is taken away",
        "Bring it back; or, if that is right, apply with --confirm-prune.",
    ),
    "daemon-unread": ("the daemon's config file was not read", "Look at `daemon:` in the agent's settings."),
    "daemon-not-json": ("{path} is not a JSON object", "Correct the file; an empty one is `{{}}`."),
    # health
    "service-missing": ("{service} has fewer containers than it should", "Apply again."),
    "just-started": ("{container} has only just been started", "Look again in a moment."),
    "not-running": ("{container} does not run", "See: docker logs {container}"),
    "exited": ("{container} ended with exit code {exit}\n{log}", "See: docker logs {container}"),
    "job-failed": (
        "job {container} ended with exit code {exit}\n{log}",
        "It is not run again unasked: correct it in git, or run it by hand.",
    ),
    "job-running": ("job {container} has not ended yet", "Wait, or see: docker logs {container}"),
    "start-failed": ("{container} cannot be started: {words}", "What the engine says names the cause."),
    "crash-loop": (
        "{container} ends again and again, last with exit code {exit}\n{log}",
        "See: docker logs {container}",
    ),
    "unhealthy": ("{container} runs, but its health check fails\n{log}", "See: docker inspect {container}"),
    "health-starting": (
        "the health check of {container} has not passed yet",
        "Wait, or see: docker inspect {container}",
    ),
    # apply
    "not-converged": (
        "carried out, but a second look still finds something to do: {left}",
        "See what differs: reconciler plan. Somebody else may be changing it too.",
    ),
    "giver-failed": (
        "stack {stack} was left alone: stack {dependency}, whose host port or name it is to get, did not get there",
        "Heal that stack first; then apply again.",
    ),
    "dependency-failed": (
        "stack {stack} was left alone: stack {dependency}, which it depends on, did not get there",
        "Heal that stack first; then apply again.",
    ),
    "cannot-write": (
        "cannot write {path}: {words}",
        "Free some space, or make that folder writable; nothing was left half-written. Then apply again.",
    ),
    "in-the-way": (
        "cannot write {path}: something else stands in the way ({words})",
        "Look at the path: a link, or a folder with files in it? Move it away, then apply again. We write through no link.",
    ),
    "staged-damaged": (
        "the staged copy of {path} is not what git holds",
        "Remove the staged copy of this revision below state_dir; the next pass makes it again.",
    ),
    "daemon-file-changed": (
        "{path} changed while we worked",
        "Somebody else writes it. Apply again: the plan is made anew from what it holds now.",
    ),
    "daemon-not-reloaded": (
        "dockerd did not take the new settings; the old file is back in place",
        "Its log says which key it refuses (journalctl -u docker). Correct that key in git.",
    ),
    "daemon-not-stopped": (
        "dockerd (pid file {pidfile}) did not stop within {seconds} s",
        "Look at its log, stop it by hand, then apply again.",
    ),
    "daemon-not-back": (
        "dockerd does not answer at {host} after the restart with new settings",
        "Its log says why (journalctl -u docker). The old settings file was put back; correct the key in git.",
    ),
    "daemon-control-failed": (
        "dockerd cannot be controlled: {words}",
        "Correct daemon.control in the agent's settings, or what that command complains about.",
    ),
    "pull-failed": (
        "cannot pull the image of {services}: {words}",
        "Check the image's name, the registry and the login in docker.config. What runs was not touched.",
    ),
    "build-failed": (
        "cannot build {services}: {words}",
        "Fix the build context in git. What runs was not touched.",
    ),
    "up-failed": (
        "compose could not make {services}: {words}",
        "Compose's last lines say what the engine refused. Fix the service in git, or the host, then apply again.",
    ),
    "stack-locked": (
        "stack {stack} is being worked on by {who} (pid {pid}) since {since}: {why}",
        "Wait until it is done. If that process hangs, look at it and end it; the lock ends with it.",
    ),
    # record
    "state-busy": ("{path} is in use by another run", "Wait until it is done, then try again."),
    "state-damaged": (
        "the state database {path} is damaged: {words}",
        "Move it away with its -wal and -shm files: the next pass writes a new one from what runs.",
    ),
    "state-damaged-copy": (
        "the state database {path} is damaged: {words}",
        "Move it away with its -wal and -shm files; put the copy {copy} in its place, or let the next pass write a new one.",
    ),
    "state-newer": (
        "the state database {path} was written by a newer agent (schema {found}, this one knows {known})",
        "Install the newer agent again, or move the file away: the next pass writes a new one from what runs.",
    ),
    "state-newer-copy": (
        "the state database {path} was written by a newer agent (schema {found}, this one knows {known})",
        "Install the newer agent again; or put {copy}, from just before its first start, in the place of this file.",
    ),
    "key-damaged": (
        "the redaction key {path} is damaged",
        "Remove it: a new one is made. Secrets that did not change will then show as changed once.",
    ),
}

WAITING: Mapping[str, str] = {
    "fetching": "git, which is being asked",
    "planning": "the plan, which is being made",
    "pulling": "its images, which are being fetched or built",
    "verifying": "its containers to get well",
    "working": "a pass that is under way",
    "engine": "the engine: {words}",
    "source": "git: {words}",
    "compose-by-hand": "somebody who runs docker compose on it, until it is quiet",
    "stop-grace": "the grace of what somebody stopped on purpose to be over",
    "blocked": "what is in its way: {words}",
    "retry": "the next try: {words}",
    "ready": "being ready: {words}",
}


class _Gaps(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _fill(text: str, args: Mapping[str, str]) -> str:
    return text.format_map(_Gaps(args))


def cause_text(cause: Cause) -> str:
    """Say in one sentence why an action is planned."""
    return _fill(CAUSES[cause.code], cause.args)


def waiting_text(code: str, args: Mapping[str, str]) -> str:
    """Say what something waits for."""
    return _fill(WAITING[code], args).rstrip(": \n")


def problem_text(problem: Problem) -> str:
    """Say what is wrong."""
    return _fill(PROBLEMS[problem.code][0], problem.args).rstrip("\n")


def problem_hint(problem: Problem) -> str:
    """Say what to do about it."""
    return _fill(PROBLEMS[problem.code][1], problem.args)
