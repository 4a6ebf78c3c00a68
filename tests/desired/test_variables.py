from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler import compose, process
from reconciler.desired.dotenv import read_env
from reconciler.errors import InvalidSource
from reconciler.model import Position
from reconciler.tools import find_compose
from tests.desired.sources import COMPOSE, codes, stack, wanted

WEB = "stacks/web"

# Each line sets X once more; those that stand later in this table win over all before.
PRECEDENCE = [
    ("common", {f"{WEB}/.env": "X=common\n"}),
    (
        "env-files",
        {
            f"{WEB}/stack.yaml": "env_files: [a.env, ./b.env]\n",
            f"{WEB}/a.env": "X=a\n",
            f"{WEB}/b.env": "X=env-files\n",
        },
    ),
    ("first-role", {f"roles/nas/{WEB}/.env": "X=first-role\n"}),
    ("second-role", {f"roles/media/{WEB}/.env": "X=second-role\n"}),
    ("vars", {"devices/attic/device.yaml": "roles: [nas, media]\nvars: {X: vars}\n"}),
    ("device", {f"devices/attic/{WEB}/.env": "X=device\n"}),
    ("env-dir", {"../env/web.env": "X=env-dir\n"}),
]
BASE = {f"{WEB}/compose.yaml": COMPOSE, "devices/attic/device.yaml": "roles: [nas, media]\n"}


@pytest.mark.parametrize("count", range(1, len(PRECEDENCE) + 1), ids=[name for name, _ in PRECEDENCE])
def test_later_sources_of_variables_win(tmp_path: Path, count: int) -> None:
    """Common .env, env_files, the roles' .env, vars, the device's .env, env_dir: in this order."""
    files = dict(BASE)
    for _, more in PRECEDENCE[:count]:
        files |= more
    (tmp_path / "tree").mkdir()

    assert stack(wanted(tmp_path, files, env_dir=tmp_path / "env")).variables == {"X": PRECEDENCE[count - 1][0]}


def test_values_from_the_device_are_secret(tmp_path: Path) -> None:
    """What comes from env_dir is among the values that are never shown, and has no place in git."""
    (tmp_path / "tree").mkdir()
    files = {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/.env": "A=open\n", "../env/web.env": "B=hidden-value\n"}
    found = wanted(tmp_path, files, env_dir=tmp_path / "env")

    assert found.secrets == {"hidden-value"}
    assert stack(found).variables == {"A": "open", "B": "hidden-value"}


def test_a_value_may_use_what_is_known_by_then(tmp_path: Path) -> None:
    """References see earlier files and earlier lines, never later ones and never the environment."""
    files = {
        **BASE,
        f"{WEB}/.env": "A=1\nB=$A$LATER$HOME\n",
        f"roles/nas/{WEB}/.env": "A=2\nC=${A}${B}\nLATER=3\n",
    }

    assert stack(wanted(tmp_path, files)).variables == {"A": "2", "B": "1", "C": "21", "LATER": "3"}


def test_vars_are_taken_as_they_are_written(tmp_path: Path) -> None:
    """A number, a version or a `no` in device.yaml stays the text that it is."""
    text = "vars:\n  V: 1.10\n  M: 0777\n  N: no\n  T: true\n  E:\n  D: a$B\n"
    found = stack(wanted(tmp_path, {f"{WEB}/compose.yaml": COMPOSE, "devices/attic/device.yaml": text}))

    assert found.variables == {"V": "1.10", "M": "0777", "N": "no", "T": "true", "E": "", "D": "a$B"}


def test_compose_profiles_counts_as_profiles(tmp_path: Path) -> None:
    """COMPOSE_PROFILES of an env file adds to stack.yaml's profiles and is no variable of the stack."""
    files = {
        f"{WEB}/compose.yaml": COMPOSE,
        f"{WEB}/.env": "COMPOSE_PROFILES=a, b\nX=1\n",
        f"{WEB}/stack.yaml": "profiles: [b, c]\n",
    }
    found = stack(wanted(tmp_path, files))

    assert (found.settings.profiles, found.variables, found.problems) == (("b", "c", "a"), {"X": "1"}, ())


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({f"{WEB}/.env": "A=1\n\nwhat is this\n"}, ("stack/web", "env-syntax", f"{WEB}/.env", 3)),
        ({f"{WEB}/.env": "A='x\nB=2\n"}, ("stack/web", "env-quote", f"{WEB}/.env", 1)),
        ({f"{WEB}/.env": "A=1\nB=${A\n"}, ("stack/web", "env-reference", f"{WEB}/.env", 2)),
        ({f"{WEB}/.env": "A=${B:?say it}\n"}, ("stack/web", "env-required", f"{WEB}/.env", 1)),
        (
            {f"{WEB}/stack.yaml": "prune: true\nenv_files:\n  - no.env\n"},
            ("stack/web", "env-file-absent", f"{WEB}/stack.yaml", 3),
        ),
        (
            {f"{WEB}/stack.yaml": "env_files: [../x.env]\n", "stacks/x.env": ""},
            ("stack/web", "env-file-absent", f"{WEB}/stack.yaml", 1),
        ),
        ({f"{WEB}/.env": "A=1\nCOMPOSE_FILE=x\n"}, ("stack/web", "variable-reserved-instead", f"{WEB}/.env", 2)),
        (
            {"devices/attic/device.yaml": "vars:\n  A: 1\n  'B C': 2\n"},
            ("source", "bad-variable", "devices/attic/device.yaml", 3),
        ),
    ],
)
def test_what_cannot_be_a_variable_names_its_line(
    tmp_path: Path, files: dict[str, str], problem: tuple[str, str, str, int]
) -> None:
    """Each fault has the repository's path and the line."""
    assert codes(wanted(tmp_path, {f"{WEB}/compose.yaml": COMPOSE, **files})) == [problem]


def test_lines_are_those_of_the_file() -> None:
    """Several lines in quotes do not shift the place of what follows."""
    found = read_env(b"# c\n\nA='1\n2'\r\nexport B=3 # c\nC\n", "f", {})

    assert [(item.name, item.value, item.line) for item in found] == [("A", "1\n2", 3), ("B", "3", 5), ("C", None, 6)]


DOTENV = {
    "A": "A=1",
    "B": "export B = two words   # c",
    "C": r'C="x\ny $A ${A}z \$A \\ \" \q"',
    "D": r"D='lit $A \n it\'s'",
    "E": "E=${NOPE:-def} # hash",
    "F": "F=a#b",
    "G": "G=",
    "H": 'H=""',
    "I": "I: yaml",
    "J": "J=$$x",
    "K": 'K="multi\nline # no"',
    "L": "L=  spaced  ",
    "M": r"M=`back` \n \$A",
    "N": "N='a\nb'",
    "T": "T=a \"b\" 'c'",
    "U": r"U=\\x",
    "V": "V=${A:+yes}${ZZ:+no}${ZZ-${A}}",
    "W": r'W="\${A}"',
    "X": "X=a$ b$!c$1-$",
    "Y": "Y=a$$$b",
    "Z": r'Z="\$$A" trail',
}


def test_env_files_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    """Quotes, escapes, comments and references mean the same to us as to the compose that is installed."""
    text = "\n".join(DOTENV.values()) + "\n"
    environment = "".join(f'      {name}: "${{{name}?}}"\n' for name in DOTENV)
    (tmp_path / "compose.yaml").write_text(f"services:\n  app:\n    image: x\n    environment:\n{environment}")
    (tmp_path / "variables").write_text(text)
    project = compose.Project(
        find_compose(None).path, "x", str(tmp_path), ("compose.yaml",), str(tmp_path / "variables"), ()
    )
    rendered = process.run(compose.config(project), env=compose.environment(None, None), timeout=60).require().stdout

    theirs = json.loads(rendered)["services"]["app"]["environment"]
    ours = {item.name: item.value for item in read_env(text.encode(), "f", {})}
    assert ours == {name: value.replace("$$", "$") for name, value in theirs.items()}


def test_env_files_must_be_utf8() -> None:
    """A byte that is no UTF-8 is named by its line."""
    with pytest.raises(InvalidSource) as caught:
        read_env(b"A=1\nB=\xff\n", "f", {})

    assert (caught.value.code, caught.value.line) == ("not-utf8", 2)


def test_positions_of_variables(tmp_path: Path) -> None:
    """A reserved name in vars of device.yaml is refused at its own line."""
    files = {f"{WEB}/compose.yaml": COMPOSE, "devices/attic/device.yaml": "vars:\n  A: 1\n  DOCKER_HOST: x\n"}
    problem = stack(wanted(tmp_path, files)).problems[0]

    assert Position(problem.file or "", problem.line) == Position("devices/attic/device.yaml", 3)
