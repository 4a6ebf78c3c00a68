"""deploy/install below a folder of its own, with a python and a systemctl that write down what they are asked."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
UNIT = REPOSITORY / "deploy/reconciler.service"
PYTHON = """
case "$*" in
  -V) echo Python 3.11.2 ;;
  "-m venv "*) echo "$*" >>"{log}"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\necho reconciler 1.2.3\\n' >"$3/bin/reconciler"; chmod 755 "$3/bin/reconciler" ;;
  "-m pip "*) echo "$*" >>"{log}"; case "$*" in *--target*) cp "$(echo "$*" | sed 's/.*-r //; s/ .*//')" "{log}.tools" ;; esac
    exit "$(cat "{log}.code")" ;;
esac
"""
SYSTEMCTL = """
echo "$*" >>"{log}"
case "$*" in *is-active*) exit "$(cat "{log}.active")" ;; esac
"""


@dataclass
class Machine:
    """A root folder, and a PATH with stubs before the real programs."""

    base: Path

    @property
    def root(self):
        return self.base / "root"

    @property
    def opt(self):
        return self.root / "opt/reconciler"

    def stub(self, name, script):
        path = self.base / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n" + script.format(log=self.base / name))
        path.chmod(0o755)

    def say(self, name, text):
        (self.base / name).write_text(text)

    def asked(self, name):
        path = self.base / name
        return path.read_text().splitlines() if path.exists() else []

    def be_run_by_systemd(self, *, active=False):
        (self.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        self.say("systemctl.active", "0" if active else "3")

    def run(self, *arguments, umask=-1):
        environment = {
            "PATH": f"{self.base}/bin:/usr/local/bin:/usr/bin:/bin",
            "INSTALL_ROOT": str(self.root),
            "PYTHON": str(self.base / "bin/python3"),
            "TMPDIR": str(self.base),
        }
        return subprocess.run(
            [REPOSITORY / "deploy/install", *arguments],
            env=environment, capture_output=True, text=True, timeout=60, check=False, umask=umask,
        )  # fmt: skip

    def versions(self):
        return sorted(path.name for path in (self.opt / "versions").iterdir())


@pytest.fixture
def machine(tmp_path):
    new = Machine(tmp_path)
    new.root.mkdir()
    new.stub("python3", PYTHON)
    new.stub("systemctl", SYSTEMCTL)
    new.say("python3.code", "0")
    return new


def test_everything_is_put_in_its_place(machine):
    """The venv, the command, an example of the settings, the unit."""
    done = machine.run()

    assert done.returncode == 0, done.stderr
    command = machine.root / "usr/local/bin/reconciler"
    assert command.resolve().is_relative_to(machine.opt / "versions")
    assert subprocess.run([command], capture_output=True, text=True, check=True).stdout == "reconciler 1.2.3\n"
    example = machine.root / "etc/reconciler/config.yaml.example"
    assert example.read_text() == (REPOSITORY / "deploy/config.example.yaml").read_text()
    assert (machine.root / "etc/reconciler").stat().st_mode & 0o777 == 0o755
    assert (machine.root / "etc/systemd/system/reconciler.service").read_text() == UNIT.read_text()
    assert not (machine.root / "etc/reconciler/config.yaml").exists()


@pytest.mark.parametrize("umask", [0, 0o077])
def test_others_read_it_and_only_root_writes_it(machine, umask):
    """Whatever mask the caller has: what root runs is nobody else's to change, and the command is there for all."""
    assert machine.run(umask=umask).returncode == 0

    modes = {path: path.stat().st_mode for path in machine.root.rglob("*") if not path.is_symlink()}
    assert {path for path, mode in modes.items() if mode & 0o022 or not mode & 0o004} == set()


def test_only_what_is_locked_is_installed(machine):
    """Packages by their hashes, then the checkout without a look at any index."""
    machine.run()

    _, locked, tools, product = machine.asked("python3")
    assert locked.endswith(f"install --require-hashes -r {REPOSITORY}/requirements.lock")
    assert "--require-hashes" in tools
    assert product.endswith(f"install --no-deps --no-build-isolation {REPOSITORY}")
    assert "index" not in " ".join(machine.asked("python3"))
    named = re.findall(
        r"^([a-z-]+)==\S+ \\\n    --hash=sha256:", (machine.base / "python3.tools").read_text(), re.MULTILINE
    )
    assert named == ["hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"]


def test_an_upgrade_keeps_the_version_before_and_nobodys_settings_are_touched(machine):
    """The link is switched, the old one is kept as previous, older ones go; the unit is ours, the settings are not."""
    machine.run()
    [first] = machine.versions()
    config = machine.root / "etc/reconciler/config.yaml"
    config.write_text("device: mine\n")
    machine.run()
    second = (machine.opt / "venv").readlink().name

    assert machine.versions() == sorted([first, second])
    assert (machine.opt / "previous").readlink().name == first
    machine.run()
    third = (machine.opt / "venv").readlink().name
    assert machine.versions() == sorted([second, third])
    assert config.read_text() == "device: mine\n"


def test_what_fails_leaves_what_was(machine):
    """An index that cannot be reached does not take a running agent's program away."""
    machine.run()
    before = (machine.opt / "venv").readlink()
    machine.say("python3.code", "1")

    done = machine.run()

    assert done.returncode == 1
    assert "its words are above" in done.stderr
    assert (machine.opt / "venv").readlink() == before
    assert machine.versions() == [before.name]
    assert not list(machine.base.glob("tmp.*"))


def test_with_systemd_nothing_is_started_that_did_not_run(machine):
    """The unit is read, and how to start it is said."""
    machine.be_run_by_systemd()

    done = machine.run()

    assert machine.asked("systemctl") == ["daemon-reload", "-q is-active reconciler"]
    assert "systemctl enable --now reconciler" in done.stdout


def test_with_systemd_an_agent_that_runs_is_restarted(machine):
    """After the upgrade the new one runs."""
    machine.be_run_by_systemd(active=True)

    machine.run()

    assert machine.asked("systemctl") == ["daemon-reload", "-q is-active reconciler", "restart reconciler"]


def test_without_systemd_it_says_how_to_run_by_hand(machine):
    """The files are put all the same."""
    done = machine.run()

    assert machine.asked("systemctl") == []
    assert f"by hand with {machine.root}/usr/local/bin/reconciler run" in done.stdout


def test_removal_leaves_state_and_settings(machine):
    """Program, unit, command and example go; what is the user's stays."""
    machine.be_run_by_systemd()
    machine.run()
    for path in ("etc/reconciler/config.yaml", "var/lib/reconciler/state.db"):
        (machine.root / path).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / path).write_text("mine")

    assert machine.run("--remove").returncode == 0

    left = {str(path.relative_to(machine.root)) for path in machine.root.rglob("*") if not path.is_dir()}
    assert left == {"etc/reconciler/config.yaml", "var/lib/reconciler/state.db"}
    assert machine.asked("systemctl")[-2:] == ["disable --now reconciler", "daemon-reload"]


def test_removal_of_nothing_is_no_error(machine):
    """Twice is as good as once; somebody else's command of that name stays."""
    other = machine.root / "usr/local/bin/reconciler"
    other.parent.mkdir(parents=True)
    other.write_text("theirs")

    assert machine.run("--remove").returncode == 0
    assert other.read_text() == "theirs"


def test_another_word_is_wrong_usage(machine):
    """Nothing is done, and how it is meant is said."""
    done = machine.run("--purge")

    assert done.returncode == 64
    assert "deploy/install --remove" in done.stderr
    assert list(machine.root.iterdir()) == []


def test_systemd_finds_no_fault_with_the_unit(tmp_path):
    """Every key is known and every value can be read."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    copy = tmp_path / "reconciler.service"
    copy.write_text(re.sub("^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))

    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=60, check=False)

    assert [line for line in (done.stdout + done.stderr).splitlines() if "reconciler.service" in line] == []
    assert done.returncode == 0


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "Restart=always",
        "KillMode=mixed",
        "TimeoutStopSec=15min",
        "Wants=network-online.target docker.service",
        "After=network-online.target docker.service",
        "ExecStart=/opt/reconciler/venv/bin/reconciler run",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ],
)
def test_the_unit_keeps_its_promises(line):
    """A restart of docker does not stop us, and compose is let finish."""
    lines = UNIT.read_text().splitlines()
    assert line in lines
    assert not [line for line in lines if line.startswith(("Requires=", "BindsTo=", "PartOf="))]
