"""What `init` writes: the texts of a repository and of settings to start from.

Face; imports nothing. Placeholders are those of `string.Template`, so a dollar sign of a file stands twice.
"""

from __future__ import annotations

from collections.abc import Mapping

_README = """\
# What this host is to run

This repository says it; reconciler makes it so, and keeps it so. Change a file, commit: that is all.

- `stacks/<name>/compose.yaml`: a folder with a compose file is a stack. Plain compose: `docker compose up` works in it, too.
- `stacks/<name>/stack.yaml`: a few settings of ours for that stack; may be left out.
- `devices/$device/device.yaml`: what is so on the device `$device` only. Files beside it win over the common ones.
- `daemon.json`: settings of dockerd. It counts only where the agent's settings have a `daemon:` part.
- `config.example.yaml`: the agent's own settings, for $config on the host.

Passwords do not belong here. Put them on the host into `<env_dir>/<stack>.env` (see `env_dir` in the settings).

Each day:

    reconciler validate $repository     # is what I wrote right?
    reconciler plan                     # what would be done, and why
    reconciler apply                    # do it now; a running agent does it by itself within a second of a commit
    reconciler status                   # how it stands
    reconciler why hello                # why it is as it is

From another machine: `git clone root@HOST:$repository`, commit, `git push`.
"""

_COMPOSE = """\
# One small stack: a page on http://127.0.0.1:8080/ of this host.
services:
  page:
    image: busybox:1.37
    command: [httpd, -f, -p, "80", -h, /site]
    init: true
    ports: ["127.0.0.1:$${PORT}:80"]      # PORT stands in .env
    volumes: [./site:/site:ro]           # a change of these files restarts the container
    healthcheck:
      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/"]
      interval: 5s
      timeout: 3s
      retries: 3
    restart: unless-stopped
"""

_STACK = """\
# Settings of this stack; all of them may be left out, and so may this file.

# where: [$device]                # only on devices with one of these names or roles; absent: on all
# depends_on: [other]             # stacks that must be applied and healthy first
# profiles: [debug]               # as compose knows them
# env_files: [common.env]
# jobs: [migrate]                 # services that run once and end
# prune: false                    # when this folder goes: report it only (default: take the stack away, never its volumes)
# adopt: true                     # take over a project of this name that runs here already
# ignore: [services.page.labels.traefik*]    # fields whose drift is shown but left alone
# drift: {correct: report, stop_grace: 30m}  # report: show drift, leave it; what you stop by hand is left alone so long
"""

_DEVICE = """\
# What is so on the device $device only.
roles: []          # such as [nas, media]: layers in roles/<role>/, and names for `where`
vars: {}           # variables for all stacks on it, such as {TZ: Europe/Berlin}
"""

_DAEMON = """\
{
  "log-opts": { "max-size": "10m", "max-file": "3" }
}
"""

_PAGE = "<!doctype html>\n<title>hello</title>\n<p>This page is as git says. Change it, commit, and look again.\n"

SETTINGS = """\
# The settings of reconciler's agent. They belong to $config, owned by root, writable by nobody else.
# Only `device` and `source.url` are needed; what else stands here is the default, or an example that is commented out.

device: "$device"                          # this device's name: devices/$device/ in the repository

source:
  url: $url   # or https://…, ssh://…, git@host:path; never a password in it
  ref: main
  poll: 60s                                # a push to a repository on this machine is noticed at once

docker:
  host: unix:///var/run/docker.sock
  config: /root/.docker                    # where docker keeps the logins to registries; may be absent

state_dir: /var/lib/reconciler             # our own state
stacks_dir: /var/lib/reconciler/stacks     # where the stacks' folders live; put it on the big disk
# env_dir: /etc/reconciler/env             # <stack>.env: variables and secrets that never enter git

drift:
  correct: auto                            # or report: show it, leave it
  every: 15m                               # look at everything so often, whatever the events say
  stop_grace: 10m                          # what somebody stopped on purpose waits this long

# daemon:                                  # left out: settings of dockerd are not managed
#   config_file: /etc/docker/daemon.json
#   control: {kind: systemd, unit: docker}
#   owned: {}                              # keys that belong to this device: enforced here, forbidden in git

# metrics: {listen: "127.0.0.1:9121"}      # for Prometheus
"""

REPOSITORY: Mapping[str, str] = {
    "README.md": _README,
    "daemon.json": _DAEMON,
    "devices/$device/device.yaml": _DEVICE,
    "stacks/hello/.env": "PORT=8080\n",
    "stacks/hello/compose.yaml": _COMPOSE,
    "stacks/hello/site/index.html": _PAGE,
    "stacks/hello/stack.yaml": _STACK,
}
"""Path and text of each file of the repository."""
