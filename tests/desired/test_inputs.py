"""Digests of what compose does not hash."""

from reconciler.desired.inputs import Inputs
from tests.desired.layouts import FOLDER, layout

FILES = {"compose.yaml": "", "conf/a": "1", "conf/b": "2", "confetti": "3", "app/Dockerfile": "4", "Dockerfile": "5"}


def inputs(service, files=None, variables=None, configs=None, secrets=None):
    return Inputs(layout(FILES | (files or {}), variables), configs or {}, secrets or {}).of(service)


def bind(source):
    return {"volumes": [{"type": "bind", "source": f"{FOLDER}/{source}".rstrip("/"), "target": "/x"}]}


def test_bound_folder():
    """A bound folder is digested with all git holds below it, and nothing beside it."""
    before = inputs(bind("conf"))
    assert list(before) == ["bind:conf"]
    assert inputs(bind("conf"), {"conf/b": "other"}) != before
    assert inputs(bind("conf"), {"conf/c": "new"}) != before
    assert inputs(bind("conf"), {"confetti": "other"}) == before


def test_bound_file():
    """A bound file is digested alone."""
    before = inputs(bind("conf/a"))
    assert list(before) == ["bind:conf/a"]
    assert inputs(bind("conf/a"), {"conf/b": "other"}) == before
    assert inputs(bind("conf/a"), {"conf/a": "other"}) != before


def test_whole_folder():
    """Who mounts the stack's own folder reads all of it."""
    assert list(inputs(bind(""))) == ["bind:."]


def test_what_git_does_not_hold_is_no_input():
    """Data folders, host paths and other mounts are not digested."""
    elsewhere = {
        "volumes": [{"type": "bind", "source": "/etc"}, {"type": "volume", "source": "conf"}, {"type": "tmpfs"}]
    }
    assert inputs(bind("data")) == inputs(elsewhere) == inputs({}) == inputs({"volumes": None}) == {}


def test_configs_of_every_kind():
    """A config is digested by file, text or variable."""
    service = {"configs": [{"source": "file"}, {"source": "text"}, {"source": "variable"}, {"source": "gone"}]}
    configs = {"file": {"file": f"{FOLDER}/conf/a"}, "text": {"content": "x"}, "variable": {"environment": "V"}}
    before = inputs(service, variables={"V": "1"}, configs=configs)
    assert list(before) == ["config:file", "config:text", "config:variable"]
    after = inputs(service, {"conf/a": "9"}, {"V": "2"}, configs | {"text": {"content": "y"}})
    assert all(after[name] != before[name] for name in before)


def test_secrets_are_digested_by_kind():
    """A secret too; a variable's value cannot be guessed cheaply from its digest."""
    service = {"secrets": [{"source": "file"}, {"source": "variable"}]}
    secrets = {"file": {"file": f"{FOLDER}/conf/a"}, "variable": {"environment": "V"}}
    found = inputs(service, variables={"V": "pw"}, secrets=secrets)
    assert list(found) == ["secret:file", "secret:variable"]
    assert found["secret:variable"] != inputs(service, variables={"V": "other"}, secrets=secrets)["secret:variable"]
    assert found == inputs(service, variables={"V": "pw"}, secrets=secrets)


def test_only_what_the_service_uses():
    """A config of another service is none of this one's inputs."""
    assert inputs({"configs": []}, configs={"c": {"content": "x"}}) == {}


def test_build_context():
    """A build is digested with its contexts and its Dockerfile, wherever that lies in the folder."""
    build = {
        "build": {
            "context": f"{FOLDER}/app",
            "dockerfile": "../Dockerfile",
            "additional_contexts": {"c": f"{FOLDER}/conf"},
        }
    }
    before = inputs(build)
    assert list(before) == ["build:app"]
    for path in ("app/x", "Dockerfile", "conf/a"):
        assert inputs(build, {path: "other"}) != before
    assert inputs(build, {"confetti": "other"}) == before


def test_seccomp_profile():
    """A seccomp profile is an input: its content is copied into the container's settings."""
    service = {"security_opt": ["seccomp=conf/a", "seccomp:unconfined", "no-new-privileges"]}
    assert list(inputs(service)) == ["profile:conf/a"]
