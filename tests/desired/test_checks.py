"""What is refused before any program sees it."""

from dataclasses import replace

import pytest

from reconciler.desired.checks import check_stack
from reconciler.desired.layout import Assignment
from reconciler.model import Position, StackFile
from tests.desired.layouts import layout


def service(lines: str) -> str:
    """Write a compose file whose only service has these lines, the first of them on line 4."""
    return "services:\n  web:\n    image: x\n" + "".join(f"    {line}\n" for line in lines.split("\n"))


def found(stack) -> list[tuple[str, str | None, int | None]]:
    return [(problem.code, problem.file, problem.line) for problem in check_stack(stack)]


LEAVING = [
    ("env_file: ../x.env", 4),
    ("env_file: /etc/passwd", 4),
    ("env_file: [a.env, ../x.env]", 4),
    ("env_file:\n  - a.env\n  - path: ../x.env\n    required: false", 6),
    ("env_file: sub/../../x.env", 4),
    ("env_file: ~/x.env", 4),
    ("env_file: ${UP}/x.env", 4),
    ("env_file: ${NO:-../x.env}", 4),
    ("env_file: {path: ../x.env}", 4),
    ("label_file: ../x", 4),
    ("label_file: [a, /x]", 4),
    ("extends: {file: ../base.yaml, service: a}", 4),
    ("extends:\n  service: a\n  file: /base.yaml", 6),
    ("build: ..", 4),
    ("build: /src", 4),
    ("build: {context: ../src}", 4),
    ("build:\n  context: app\n  dockerfile: ../../Dockerfile", 6),
    ("build: {context: ., dockerfile: /etc/Dockerfile}", 4),
    ("build: {context: ., additional_contexts: {a: ../a}}", 4),
    ("build: {context: ., additional_contexts: ['a=/a']}", 4),
    ("build: {context: ., additional_contexts: {a: 'oci-layout:///a'}}", 4),
    ("build: {context: ., ssh: ['a=/root/.ssh/id']}", 4),
    ("build: {context: ., cache_to: ['type=local,dest=/tmp/c']}", 4),
    ("build: {context: ., cache_to: ['Type=local,Dest=/tmp/c']}", 4),
    ('build: {context: ., cache_from: [\'"type=local","src=c,/../../x"\']}', 4),
    ("build: {context: ., cache_from: ['type=${NO:-local},src=${UP}/x']}", 4),
    ("security_opt: ['seccomp=/etc/x.json']", 4),
    ("security_opt: ['seccomp:../x.json']", 4),
    ("credential_spec: {file: ../x}", 4),
]


@pytest.mark.parametrize(("lines", "line"), LEAVING)
def test_no_path_leaves_the_folder(lines, line):
    """Every spelling of a path out of the folder is refused, with its line."""
    codes = found(layout(service(lines), {"UP": ".."}))
    assert codes == [("remote-refused" if "oci-layout" in lines else "path-leaves", "stacks/web/compose.yaml", line)]


INSIDE = [
    "env_file: a.env",
    "env_file: [{path: ./sub/../a.env, required: false}, b.env]",
    "env_file: ${DIR}/a.env",
    "env_file: ${NO:-a.env}",
    "env_file: []",
    "env_file:",
    "env_file: {}",
    "build: .",
    "build: ./app",
    "build: {context: app, dockerfile: ../Dockerfile}",
    "build: {context: ., dockerfile_inline: FROM x}",
    "build: {context: ., additional_contexts: {a: 'docker-image://x', b: 'service:web', c: ./c}}",
    "build: {context: ., cache_from: ['type=registry,ref=x', 'x:cache']}",
    "build: {context: ., ssh: [default]}",
    "security_opt: ['seccomp=unconfined', 'no-new-privileges', 'seccomp=./p.json']",
    "extends: {file: base.yaml, service: a}",
    "extends: web2",
    "volumes: ['../shared:/x', '/etc/hosts:/h', 'named:/v', {type: bind, source: ../s, target: /s}, {type: tmpfs, target: /t}]",
    "use_api_socket: false",
]


@pytest.mark.parametrize("lines", INSIDE)
def test_what_stays_inside_passes(lines):
    """Paths within the folder, bind sources anywhere, and contexts that are no files are no problem."""
    assert found(layout(service(lines), {"DIR": "sub"})) == []


TOP = [
    ("include: [../x.yaml]", 1),
    ("include:\n  - path: ../x.yaml", 2),
    ("include:\n  - path: [a.yaml, ../x.yaml]", 2),
    ("include: [{path: a.yaml, env_file: ../x.env}]", 1),
    ("include: [{path: a.yaml, env_file: [/x.env]}]", 1),
    ("include: [{path: a.yaml, project_directory: ..}]", 1),
    ("include: [{path: a.yaml, project_directory: sub/..}]", 1),
    ("configs: {c: {file: ../c}}", 1),
    ("configs:\n  c:\n    file: /c", 3),
    ("secrets: {s: {file: ../s}}", 1),
    ("secrets: {s: {file: ~/s}}", 1),
]


@pytest.mark.parametrize(("text", "line"), TOP)
def test_no_top_level_path_leaves(text, line):
    """The same for include, configs and secrets."""
    assert found(layout(text + "\nservices: {web: {image: x}}\n")) == [("path-leaves", "stacks/web/compose.yaml", line)]


@pytest.mark.parametrize(
    "text",
    [
        "include: ['https://example.org/x.git']",
        "include: ['git@example.org:x/y.git']",
        "include: ['oci://example.org/x']",
        "include: [{path: 'ssh://git@example.org/x'}]",
        "services: {web: {extends: {file: 'https://example.org/x.yaml', service: a}}}",
        "services: {web: {build: 'https://example.org/x.git#main'}}",
        "services: {web: {build: {context: 'git@example.org:x/y.git'}}}",
        "services: {web: {build: {context: 'github.com/x/y'}}}",
        "services: {web: {build: {context: '${WHERE}'}}}",
        "services: {web: {build: {context: ., additional_contexts: {a: 'https://example.org/a.tar'}}}}",
    ],
)
def test_nothing_is_fetched_from_elsewhere(text):
    """Remote includes, bases and build contexts are refused."""
    assert found(layout(text, {"WHERE": "git://example.org/x"})) == [("remote-refused", "stacks/web/compose.yaml", 1)]


def test_anchors_and_merge_keys_hide_nothing():
    """What a merge key or an alias brings in is judged too, at the line where it is written."""
    text = "x-a: &a\n  env_file: ../x.env\nx-p: &p /etc/passwd\nservices:\n  a:\n    <<: *a\n  b:\n    env_file: *p\n"
    assert {code for code, _, _ in found(layout(text))} == {"path-leaves"}
    assert [problem.args["path"] for problem in check_stack(layout(text))] == ["../x.env", "/etc/passwd"]


@pytest.mark.parametrize("lines", ["env_file: !!binary L2V0Yy9wYXNzd2Q=", "!!binary ZW52X2ZpbGU=: /etc/passwd"])
def test_tags_hide_nothing(lines):
    """A tag that would let compose read other text than stands there is refused."""
    assert found(layout(service(lines))) == [("yaml-tag", "stacks/web/compose.yaml", 4)]


def test_compose_tags_pass():
    """`!reset` and `!override` are compose's own."""
    assert found(layout(service("ports: !override ['80:80']\nenv_file: !reset null"))) == []


def test_included_files_are_judged_from_their_own_folder():
    """A path of an included file starts from that file's folder, or from the named project directory."""
    sub = "services:\n  a:\n    env_file: ../a.env\n  b:\n    env_file: ../../b.env\n"
    files = {"compose.yaml": "include: [sub/one.yaml]\n", "sub/one.yaml": sub}
    assert found(layout(files)) == [("path-leaves", "stacks/web/sub/one.yaml", 5)]
    files["compose.yaml"] = "include: [{path: sub/one.yaml, project_directory: sub/deeper}]\n"
    assert found(layout(files | {"sub/deeper/file": ""})) == []


@pytest.mark.parametrize("there", [{}, {"d": "a file"}, {"dd/x": ""}])
def test_project_directory_is_a_folder_that_git_holds(there):
    """Of one that is absent, or is a file, compose takes the folder above; what a path means would depend on the disk."""
    files = {"compose.yaml": "include: [{path: a.yaml, project_directory: d}]\n", "a.yaml": service("env_file: ../e")}
    assert found(layout(files | there)) == [("project-folder-absent", "stacks/web/compose.yaml", 1)]
    assert found(layout(files | {"d/x": ""})) == []


@pytest.mark.parametrize("name", ["PATH", "PWD", "HOME", "COMPOSE_PROJECT_NAME", "DOCKER_HOST", "GIT_DIR"])
def test_variables_that_only_compose_knows_make_a_path_unclear(name):
    """Compose has variables that no file sets: what stands behind them cannot be judged, here and in extended files."""
    path = f"./x${{{name}:+/../../secret}}"
    assert found(layout(service(f"env_file: {path}"))) == [("path-unclear", "stacks/web/compose.yaml", 4)]
    files = {"compose.yaml": service("extends: {file: b.yaml, service: web}"), "b.yaml": service(f"label_file: {path}")}
    assert found(layout(files)) == [("path-unclear", "stacks/web/b.yaml", 4)]


def test_variables_over_several_lines_make_a_path_unclear():
    """Where the braces of such a text end is not the same in every compose."""
    text = service('env_file: "x${NO:+${NO:?}\\n/../../../etc/}/../passwd"')
    assert found(layout(text)) == [("path-unclear", "stacks/web/compose.yaml", 4)]


def test_a_file_that_is_extended_and_included_is_judged_as_both():
    """An include may bring variables of its own, also to a file that something else read before."""
    files = {
        "compose.yaml": service("extends: {file: x.yaml, service: web}"),
        "compose.override.yaml": "include: [{path: x.yaml, env_file: own.env}]\n",
        "x.yaml": service("env_file: ./f${OWN}"),
        "own.env": "OWN=/../../secret\n",
    }
    assert found(layout(files)) == [("path-unclear", "stacks/web/x.yaml", 4)]


@pytest.mark.parametrize("lines", ["security_opt: ['seccomp=../../x.json']", "build: {context: ., ssh: ['a=../../k']}"])
@pytest.mark.parametrize("how", ["include: [a/b/c.yaml]\n", service("extends: {file: a/b/c.yaml, service: web}")])
def test_profiles_and_keys_start_from_the_stack(how, lines):
    """Compose looks for these from the project's folder, whichever file names them."""
    assert found(layout({"compose.yaml": how, "a/b/c.yaml": service(lines)})) == [
        ("path-leaves", "stacks/web/a/b/c.yaml", 4)
    ]


def test_extended_files_are_judged_from_their_own_folder():
    """A path of an extended file starts from that file's folder, through any number of files."""
    files = {
        "compose.yaml": "services: {web: {extends: {file: sub/one.yaml, service: a}}}\n",
        "sub/one.yaml": "services: {a: {extends: {file: deep/two.yaml, service: a}}}\n",
        "sub/deep/two.yaml": "services:\n  a:\n    env_file: [../../x.env, ../../../y.env]\n",
    }
    assert found(layout(files)) == [("path-leaves", "stacks/web/sub/deep/two.yaml", 3)]


def test_files_that_include_each_other_end():
    """A circle is read once; compose says what is wrong with it."""
    assert found(layout({"compose.yaml": "include: [a.yaml]\n", "a.yaml": "include: [compose.yaml, a.yaml]\n"})) == []


def test_unknown_variable_in_an_included_file_is_unclear():
    """An included file may bring variables of its own, so what we do not know we do not guess."""
    files = {"compose.yaml": "include: [sub/a.yaml]\n", "sub/a.yaml": "services: {a: {env_file: '${X:-a.env}'}}\n"}
    assert found(layout(files)) == [("path-unclear", "stacks/web/sub/a.yaml", 1)]
    assert found(layout(files, {"X": "a.env"})) == []


def test_overrides_are_judged():
    """Each override file is looked at, and named."""
    files = {"compose.yaml": service("tty: true"), "compose.override.yaml": service("env_file: ../x")}
    assert found(layout(files)) == [("path-leaves", "stacks/web/compose.override.yaml", 4)]


def test_links_are_refused():
    """A link or submodule anywhere in the folder is refused by its repository path."""
    link = StackFile("conf/l", "0", "roles/nas/stacks/web/conf/l")
    assert found(layout(service("tty: true"), links=(link,))) == [("link-refused", "roles/nas/stacks/web/conf/l", None)]


@pytest.mark.parametrize(
    "name",
    ["COMPOSE_FILE", "COMPOSE_EXPERIMENTAL_GIT_REMOTE", "DOCKER_HOST", "BUILDX_CONFIG", "PATH", "TMPDIR", "GIT_SSH"],
)
def test_variables_that_order_compose_about_are_refused(name):
    """Such a variable is refused with the place that sets it."""
    assert [item[1:] for item in found(layout(service("tty: true"), {"A": "1", name: "x"}))] == [("stacks/web/.env", 2)]


@pytest.mark.parametrize(
    "name", ["COMPOSE_PROFILES", "MY_DOCKER_HOST", "COMPOSER", "PATHS", "HOMEPAGE", "LD_X", "GIT_SHA"]
)
def test_other_variables_pass(name):
    """COMPOSE_PROFILES and all that only looks similar is free."""
    assert found(layout(service("tty: true"), {name: "x"})) == []


def test_variables_of_the_device_are_judged_too():
    """What root sets by hand has no place in the repository, and still may not order compose about."""
    own = layout(service("tty: true"), assignments=(Assignment("DOCKER_HOST", "x", None, secret=True),))
    assert found(own) == [("variable-reserved-instead", None, None)]


def test_programs_and_sockets_are_refused():
    """A service may neither start a program of the host nor ask for the engine's credentials."""
    text = service("provider: {type: x}\nuse_api_socket: true")
    assert [(code, line) for code, _, line in found(layout(text))] == [
        ("provider-refused", 4),
        ("api-socket-refused", 5),
    ]


def test_service_for_services():
    """The commonest slip is named."""
    assert found(layout("# seed\nservice:\n  a: {image: x}\n")) == [
        ("service-for-services", "stacks/web/compose.yaml", 2)
    ]


def test_home_and_too_many_dots_in_binds():
    """A bind source that would quietly become another path is refused."""
    text = service("volumes:\n  - ~/data:/data\n  - ../../../../x:/x\n  - ../../../x:/y")
    assert [(code, line) for code, _, line in found(layout(text))] == [("home-in-path", 5), ("above-root", 6)]


@pytest.mark.parametrize("name", ["My.Stack", "_x", "a b"])
def test_folder_that_is_no_project_name(name):
    """Such a folder is refused, unless the compose file names the project."""
    assert [item[0] for item in found(layout(service("tty: true"), name=name))] == ["folder-no-project-name"]
    assert found(layout("name: fine\n" + service("tty: true"), name=name)) == []


@pytest.mark.parametrize(
    ("text", "line"), [("services:\n  a: [\n", 3), ("a: b: c\n", 1), ("a:\n\tb: 1\n", 2), ("services: 'open\n", 2)]
)
def test_bad_yaml_has_a_line(text, line):
    """A file that is no YAML is said with its line."""
    (problem,) = check_stack(layout(text))
    assert (problem.file, problem.reason, problem.target) == ("stacks/web/compose.yaml", "InvalidSource", "stack/web")
    assert problem.line in (line, line - 1)


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "services: 5", "services: [a]", "services: {a: 5, b: , c: []}", "include: 5"]
)
def test_odd_shapes_are_left_to_compose(text):
    """Whatever the shape, the checks say nothing and break nothing."""
    assert found(layout(text)) == []


def test_everything_is_said_at_once():
    """Problems of several kinds and files come together."""
    files = {"compose.yaml": service("env_file: ../x\nprovider: {type: y}"), "compose.override.yaml": "a: [\n"}
    codes = [code for code, _, _ in found(layout(files, {"COMPOSE_FILE": "x"}))]
    assert sorted(codes) == ["path-leaves", "provider-refused", "variable-reserved-instead", "yaml-syntax"]


def test_positions_carry_the_layer():
    """A problem names the repository path of the layer that won, not the effective one."""
    own = StackFile("compose.yaml", "0", "devices/tv/stacks/web/compose.yaml", content=service("env_file: /x").encode())
    (problem,) = check_stack(replace(layout(""), files=(own,)))
    assert Position(problem.file or "", problem.line) == Position("devices/tv/stacks/web/compose.yaml", 4)
