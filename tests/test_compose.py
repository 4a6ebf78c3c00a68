"""The exact argument lists of compose."""

from reconciler import compose

PROJECT = compose.Project(
    "/x/docker-compose", "web", "/s/web", ("compose.yaml", "compose.override.yaml"), "/e/web.env", ("debug",)
)
BASE = [
    *("/x/docker-compose", "--ansi", "never", "--progress", "plain", "--project-name", "web"),
    *("--project-directory", "/s/web", "--env-file", "/e/web.env"),
    *("--file", "/s/web/compose.yaml", "--file", "/s/web/compose.override.yaml", "--profile", "debug"),
]


def test_config():
    """Rendering is JSON."""
    assert compose.config(PROJECT) == [*BASE, "config", "--format", "json"]


def test_config_before_the_name_is_known():
    """Without a name compose applies its own rule."""
    unnamed = compose.Project("/x/docker-compose", "", "/s/web", ("compose.yaml",), "/e/web.env")
    assert "--project-name" not in compose.config(unnamed)


def test_up():
    """Only the named services, nothing built, nothing pulled."""
    fixed = ["up", "--detach", "--no-deps", "--no-build", "--pull", "never"]
    assert compose.up(PROJECT, ["a", "b"], recreate=True) == [*BASE, *fixed, "--force-recreate", "--", "a", "b"]
    assert compose.up(PROJECT, ["a"], recreate=False) == [*BASE, *fixed, "--no-recreate", "--", "a"]


def test_pull_and_build():
    """Pull and build name their services."""
    assert compose.pull(PROJECT, ["a"]) == [*BASE, "pull", "--quiet", "--", "a"]
    assert compose.build(PROJECT, ["a"]) == [*BASE, "build", "--", "a"]


def test_version():
    """The bare version is asked for."""
    assert compose.version("/x") == ["/x", "version", "--short"]


def test_environment_is_minimal():
    """Only what compose needs, remotes and git off, nothing of ours, no HOME."""
    assert compose.environment("unix:///s", "/c") == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
        "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
        "BUILDX_GIT_INFO": "false",
        "GIT_DIR": "/dev/null",
        "DOCKER_HOST": "unix:///s",
        "DOCKER_CONFIG": "/c",
    }
    assert not {"DOCKER_HOST", "DOCKER_CONFIG", "HOME"} & set(compose.environment(None, None))
