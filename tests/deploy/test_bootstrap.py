"""deploy/bootstrap on systems made up of stubs: what it finds missing, what it asks apt and pip for, what it leaves."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLS = [
    "awk",
    "cat",
    "chmod",
    "cut",
    "dirname",
    "flock",
    "grep",
    "head",
    "ldd",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "sort",
]
OWN_SOURCES = "http://other.test/debian bookworm-updates Debian main\nhttp://mirror.test/debian bookworm Debian main"
PLUGIN_FOLDERS = ["usr/local/lib", "usr/local/libexec", "usr/lib", "usr/libexec"]
ALL_PACKAGES = [
    "git",
    "docker.io",
    "docker-cli",
    "docker-compose",
    "docker-buildx",
    "iptables",
    "busybox-static",
    "python3-venv",
]

APT_GET = """
printf '%s\\n' "$*" >>"{log}/apt"
case " $* " in
  *" indextargets "*) cat "{log}/sources" ;;
  *" install -s "*) cat "{log}/simulated" ;;
  *" install -y "*) cat "{root}/usr/sbin/policy-rc.d" >"{log}/policy"; exit "$(cat "{log}/install-code")" ;;
esac
"""
PYTHON = """
case "$*" in
  -V) echo "$(cat "{log}/python-version")" ;;
  *"-m venv"*) printf '%s\\n' "$*" >>"{log}/python"; mkdir -p "{venv}/bin"
    cp --remove-destination "$0" "{venv}/bin/python"; echo "command = $0 -m venv --clear {venv}" >"{venv}/pyvenv.cfg" ;;
  *"-m pip"*) printf '%s\\n' "$*" >>"{log}/python" ;;
esac
"""


@dataclass
class Machine:
    """A root folder, a home, a PATH and a checkout; apt-get and python are stubs that write down what they were asked."""

    base: Path

    @property
    def root(self):
        return self.base / "root"

    @property
    def venv(self):
        return self.base / "checkout" / ".venv"

    def program(self, path, script=""):
        path.parent.mkdir(parents=True, exist_ok=True)
        places = {"log": self.base / "log", "root": self.root, "venv": self.venv}
        path.write_text("#!/bin/sh\n" + script.format(**places))
        path.chmod(0o755)

    def stub(self, name, script=""):
        self.program(self.base / "bin" / name, script)

    def plugin(self, name, version, folder="usr/libexec"):
        self.program(self.root / folder / "docker/cli-plugins" / name, f"echo {version}")

    def be(self, distribution, version, uid=0):
        (self.root / "etc/os-release").write_text(f'ID={distribution}\nVERSION_ID="{version}"\n')
        self.stub("id", f"echo {uid}")

    def have_everything(self):
        for name in ("git", "docker", "dockerd", "iptables", "busybox", "python3"):
            self.stub(name, PYTHON if name == "python3" else "")
        self.plugin("docker-compose", "2.26.1-4")
        self.plugin("docker-buildx", "0.13.1")

    def have_venv(self):
        assert self.run().returncode == 0
        self.forget()

    def run(self, *arguments):
        script = self.base / "checkout/deploy/bootstrap"
        environment = {
            "PATH": str(self.base / "bin"),
            "HOME": str(self.base / "home"),
            "BOOTSTRAP_ROOT": str(self.root),
            "PYTHON": str(self.base / "bin/python3"),
        }
        return subprocess.run(
            [script, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    def asked(self, whom):
        log = self.base / "log" / whom
        return log.read_text().splitlines() if log.exists() else []

    def installed(self):
        """Return the package names of the one installing call, or none."""
        calls = [line.split() for line in self.asked("apt") if " install -y " in line]
        assert len(calls) <= 1
        return calls[0][calls[0].index("--no-install-recommends") + 1 :] if calls else []

    def forget(self):
        for log in ("apt", "python"):
            (self.base / "log" / log).unlink(missing_ok=True)

    def snapshot(self):
        folders = [self.root, self.base / "checkout", self.base / "home"]
        paths = [path for folder in folders for path in folder.rglob("*")]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in paths}

    def say(self, name, text):
        (self.base / "log" / name).write_text(text + "\n")


@pytest.fixture
def machine(tmp_path):
    new = Machine(tmp_path)
    for folder in ("root/etc/apt/preferences.d", "root/etc/apt/sources.list.d", "root/usr/sbin", "home", "bin", "log"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "checkout/deploy").mkdir(parents=True)
    for name in ("deploy/bootstrap", "deploy/python.sh", "pyproject.toml", "requirements-dev.lock"):
        shutil.copy(REPOSITORY / name, tmp_path / "checkout" / name)
    for tool in [*TOOLS, "cp", "mkdir"]:
        found = shutil.which(tool)
        assert found, tool
        (tmp_path / "bin" / tool).symlink_to(found)
    new.stub("apt-get", APT_GET)
    for name, text in {
        "sources": OWN_SOURCES,
        "simulated": "",
        "install-code": "0",
        "python-version": "Python 3.11.2",
    }.items():
        new.say(name, text)
    new.be("debian", 12)
    return new


@pytest.fixture
def complete(machine):
    machine.have_everything()
    machine.have_venv()
    return machine


def test_debian_12_takes_the_engines_family_by_name_from_debian_13(machine):
    assert machine.run().returncode == 1, "python3-venv is only pretended to be installed, so no Python can be found"
    wanted = [f"{name}/trixie" if name.startswith("docker") else name for name in ALL_PACKAGES]
    assert machine.installed() == wanted
    assert not [line for line in machine.asked("apt") if " -t " in f" {line} " or "--target-release" in line]


def test_debian_12_adds_debian_13_pinned_from_the_machines_own_mirror(machine):
    machine.run()
    source = (machine.root / "etc/apt/sources.list.d/reconciler-trixie.sources").read_text().splitlines()
    assert source[:3] == ["Types: deb", "URIs: http://mirror.test/debian", "Suites: trixie"]
    pin = (machine.root / "etc/apt/preferences.d/reconciler-trixie").read_text()
    assert pin == "Package: *\nPin: release n=trixie\nPin-Priority: 100\n"


def test_a_debian_13_source_that_is_there_is_used_as_it_is(machine):
    machine.say("sources", f"{OWN_SOURCES}\nhttp://mirror.test/debian trixie Debian main")
    machine.run()
    assert "docker.io/trixie" in machine.installed()
    assert list((machine.root / "etc/apt/sources.list.d").iterdir()) == []


def test_without_a_source_of_its_own_nothing_is_added(machine):
    machine.say("sources", "http://mirror.test/other focal Ubuntu main")
    result = machine.run()
    assert result.returncode == 1
    assert "no Debian 12 source" in result.stderr
    assert machine.installed() == []
    assert list((machine.root / "etc/apt/sources.list.d").iterdir()) == []


def test_debian_13_needs_no_other_source(machine):
    machine.be("debian", 13)
    machine.run()
    assert machine.installed() == ALL_PACKAGES
    assert [path for path in (machine.root / "etc/apt").rglob("*") if path.is_file()] == []


def test_nothing_missing_is_quiet_and_changes_nothing(complete):
    before = complete.snapshot()
    result = complete.run()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert complete.asked("apt") == complete.asked("python") == []
    assert complete.snapshot() == before


def test_this_checkout_is_looked_over():
    result = subprocess.run(
        [REPOSITORY / "deploy/bootstrap", "--check"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (result.returncode == 0) == (result.stdout + result.stderr == "")


@pytest.mark.parametrize(
    ("distribution", "version", "uid", "words"),
    [
        ("debian", 12, 1000, "not root, so nothing was changed"),
        ("debian", 13, 1000, "run deploy/bootstrap as root"),
        ("debian", 11, 0, "not Debian 12 or 13"),
        ("ubuntu", "24.04", 0, "docker-compose-v2"),
        ("fedora", 44, 1000, "docker-compose-plugin"),
    ],
)
def test_elsewhere_it_says_what_is_missing_and_changes_nothing(machine, distribution, version, uid, words):
    machine.be(distribution, version, uid)
    before = machine.snapshot()
    result = machine.run()
    assert result.returncode == 1
    assert words in result.stderr
    assert [line.split()[0] for line in result.stderr.splitlines() if line.startswith("  ")] == ALL_PACKAGES
    assert machine.asked("apt") == machine.asked("python") == []
    assert machine.snapshot() == before


def test_another_distribution_that_has_everything_gets_its_venv(machine):
    machine.have_everything()
    machine.be("ubuntu", "24.04", uid=1000)
    assert machine.run().returncode == 0
    assert machine.asked("apt") == []
    assert machine.venv.is_dir()


def test_check_changes_nothing(machine):
    before = machine.snapshot()
    result = machine.run("--check")
    assert result.returncode == 1
    assert "docker.io" in result.stderr
    assert machine.asked("apt") == []
    assert machine.snapshot() == before


def test_a_wrong_argument_shows_the_usage(machine):
    result = machine.run("--chek")
    assert result.returncode == 64
    assert "deploy/bootstrap --check" in result.stderr


def test_python_alone_needs_no_engine(machine):
    machine.stub("python3", PYTHON)
    assert machine.run("--python").returncode == 0
    assert machine.asked("apt") == []
    assert machine.venv.is_dir()


@pytest.mark.parametrize("folder", PLUGIN_FOLDERS)
@pytest.mark.parametrize(
    ("version", "kept"),
    [("2.26.0", True), ("v2.40.3", True), ("5.5.0", True), ("2.25.9", False), ("2.3.4", False), ("1.29.2", False)],
)
def test_compose_is_kept_from_2_26_on_wherever_it_stands(machine, folder, version, kept):
    machine.have_everything()
    (machine.root / "usr/libexec/docker/cli-plugins/docker-compose").unlink()
    machine.plugin("docker-compose", version, folder)
    assert machine.run().returncode == 0
    assert machine.installed() == ([] if kept else ["docker-compose/trixie"])


def test_plugins_of_the_user_count(machine):
    machine.have_everything()
    system = machine.root / "usr/libexec/docker"
    shutil.move(system / "cli-plugins", machine.base / "home/.docker/cli-plugins")
    assert machine.run().returncode == 0
    assert machine.installed() == []


@pytest.mark.parametrize("place", ["usr/bin/dockerd", "usr/sbin/dockerd", "usr/local/bin/dockerd"])
def test_an_engine_that_is_there_is_kept(machine, place):
    machine.have_everything()
    (machine.base / "bin/dockerd").unlink()
    machine.program(machine.root / place, "exit 1")
    (machine.base / "bin/iptables").unlink()
    assert machine.run().returncode == 0
    assert machine.installed() == ["iptables"]


def test_a_busybox_that_needs_libraries_is_not_enough(machine):
    machine.have_everything()
    busybox = machine.base / "bin/busybox"
    busybox.unlink()
    busybox.symlink_to(shutil.which("cat") or "")
    assert machine.run().returncode == 0
    assert machine.installed() == ["busybox-static"]


class TestServices:
    def test_no_service_may_start_while_packages_are_installed(self, machine):
        machine.run()
        assert machine.asked("policy")[-1] == "exit 101"
        assert not (machine.root / "usr/sbin/policy-rc.d").exists()

    @pytest.mark.parametrize("code", ["0", "100"])
    def test_the_machines_own_policy_comes_back(self, machine, code):
        policy = machine.root / "usr/sbin/policy-rc.d"
        machine.program(policy, "exit 0 # mine\n")
        machine.say("install-code", code)
        assert machine.run().returncode == 1
        assert machine.asked("policy")[-1] == "exit 101"
        assert policy.read_text() == "#!/bin/sh\nexit 0 # mine\n"
        assert [path.name for path in policy.parent.iterdir()] == ["policy-rc.d"]

    @pytest.mark.parametrize("own", [True, False])
    def test_what_a_killed_run_left_is_put_right(self, complete, own):
        policy = complete.root / "usr/sbin/policy-rc.d"
        mark = "# put here by deploy/bootstrap while it installs; safe to delete"
        policy.write_text(f"#!/bin/sh\n{mark}\nexit 101\n")
        if own:
            policy.with_name("policy-rc.d.reconciler-saved").write_text("mine")
        assert complete.run().returncode == 0
        assert [path.read_text() for path in policy.parent.iterdir()] == (["mine"] if own else [])

    def test_a_policy_of_somebody_else_is_left_alone(self, complete):
        policy = complete.root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        assert complete.run().returncode == 0
        assert policy.read_text() == "#!/bin/sh\nexit 101\n"


@pytest.mark.parametrize(
    ("simulated", "stops"),
    [
        ("Inst libc6 [2.36-9] (2.41-12 Debian:13.5/stable [amd64])", True),
        ("Remv docker-ce [5:28.0]", True),
        ("Remv busybox [1:1.35.0-4]", False),
        ("Inst tini (0.19.0-1 Debian:12.11/oldstable [amd64])", False),
        ("Inst containerd (1.7.24 Debian:13.5/stable [amd64])", False),
        ("Inst docker-compose [1.29.2-3] (2.26.1-4 Debian:13.5/stable [all])", False),
        ("Inst python3.11 [3.11.2-6] (3.11.2-6+deb12u8 Debian:12.11/oldstable [amd64])", False),
    ],
)
def test_it_stops_before_apt_changes_what_nobody_named(machine, simulated, stops):
    machine.say("simulated", simulated)
    result = machine.run()
    assert (machine.installed() == []) is stops
    assert ("stopped before apt would" in result.stderr) is stops
    assert (simulated.split()[1] in result.stderr) is stops


def test_debian_13_may_bring_itself_up_to_date_on_the_way(machine):
    machine.be("debian", 13)
    machine.say("simulated", "Inst python3.13 [3.13.5-2] (3.13.5-2+deb13u5 Debian:13.5/stable [amd64])")
    machine.run()
    assert machine.installed() == ALL_PACKAGES


class TestVenv:
    def test_packages_come_from_the_lock_file_with_hashes(self, machine):
        machine.have_everything()
        machine.run()
        made, locked, product = machine.asked("python")
        assert made == f"-m venv --clear {machine.venv}"
        assert f"--require-hashes -r {machine.base}/checkout/requirements-dev.lock" in locked
        assert product.endswith(f"--no-deps --no-build-isolation -e {machine.base}/checkout")

    @pytest.mark.parametrize("name", ["requirements-dev.lock", "pyproject.toml"])
    def test_a_changed_file_installs_again_into_the_same_venv(self, complete, name):
        with (complete.base / "checkout" / name).open("a") as file:
            file.write("# changed\n")
        assert complete.run("--check").returncode == 1
        assert complete.run().returncode == 0
        assert [line.split()[1] for line in complete.asked("python")] == ["pip", "pip"]

    def test_another_python_installs_again(self, complete):
        complete.say("python-version", "Python 3.13.5")
        complete.run()
        assert complete.asked("python") != []

    def test_a_vanished_python_makes_the_venv_anew(self, complete):
        (complete.venv / "bin/python").unlink()
        (complete.venv / "bin/python").symlink_to("/no/such/python3")
        assert complete.run().returncode == 0
        assert [line.split()[1] for line in complete.asked("python")] == ["venv", "pip", "pip"]

    def test_a_moved_checkout_makes_the_venv_anew(self, complete):
        config = complete.venv / "pyvenv.cfg"
        config.write_text(config.read_text().replace("checkout", "elsewhere"))
        assert complete.run().returncode == 0
        assert complete.asked("python")[0].startswith("-m venv")

    def test_an_interrupted_installation_is_done_again(self, machine):
        machine.have_everything()
        machine.program(machine.base / "bin/python3", PYTHON.replace('*"-m pip"*)', '*"-m pip"*) exit 1 #'))
        assert machine.run().returncode == 1
        machine.program(machine.venv / "bin/python", PYTHON)
        assert machine.run().returncode == 0
        assert [line.split()[1] for line in machine.asked("python")][-2:] == ["pip", "pip"]


def test_stubs_hide_the_real_machine(machine):
    assert list((machine.root / "usr/sbin").iterdir()) == []
    assert not (machine.base / "bin/docker").exists()
