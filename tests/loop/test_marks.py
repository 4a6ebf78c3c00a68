"""What events mean: whom they wake and when, and what somebody stopped on purpose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.loop.belongings import Belongings, belongings
from reconciler.loop.marks import Marks
from reconciler.model import (
    Container,
    Desired,
    DesiredObject,
    DesiredService,
    DesiredStack,
    Engine,
    Network,
    Observed,
    Recorded,
    RecordedStack,
    Revision,
    Volume,
)
from reconciler.observed.events import EngineEvent, Gap

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SHA = "sha256:" + "a" * 64
KNOWN = Belongings(
    projects={"web": "web", "shop-db": "db"},
    containers={"web1": "web", "db1": "db"},
    networks={"web_default": frozenset({"web"}), "proxy": frozenset({"web", "db"})},
    volumes={"data": frozenset({"db"})},
    images={"docker.io/library/app:1": frozenset({"web"}), SHA: frozenset({"web"}), "ghcr.io/a/b:2": frozenset({"db"})},
)
WORDS = "waits for somebody who runs docker compose on it, until it is quiet"


class Watch:
    """Marks with a clock that stands where it is put; events happen at its time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.marks = Marks(lambda: self.now)
        self.marks.learn(KNOWN)

    @property
    def at(self) -> datetime:
        return NOON + timedelta(seconds=self.now - 1000)

    def event(self, words, **args):
        """Read `container/start web1 web`: kind and action, id or name, project."""
        what, name, project = [*words.split(), None][:3]
        kind, action = what.split("/")
        return EngineEvent(kind, action, name, args.pop("name", name), project, None, self.at, args)

    def hear(self, words, **args):
        return self.marks.heard(self.event(words, **args))

    def wakes(self, words, **args):
        return dict(self.hear(words, **args).wake)


@pytest.fixture
def watch():
    return Watch()


@pytest.mark.parametrize(
    ("words", "args", "woken"),
    [
        ("container/die web1 web", {}, {"web"}),
        ("container/destroy db1 shop-db", {}, {"db"}),
        ("container/rename web1 web", {}, {"web"}),
        ("container/update web1 web", {}, {"web"}),
        ("container/oom web1 web", {}, {"web"}),
        ("container/health_status web1 web", {}, {"web"}),
        ("container/start other1 other", {}, set()),
        ("container/start alone1", {}, set()),
        ("container/kill web1 web", {"signal": "9"}, set()),
        ("network/disconnect n1", {"name": "web_default", "container": "web1"}, {"web"}),
        ("network/connect n2", {"name": "foreign", "container": "db1"}, {"db"}),
        ("network/connect n1", {"name": "web_default", "container": "other1"}, set()),
        ("network/destroy n1", {"name": "web_default"}, {"web"}),
        ("network/destroy n3", {"name": "proxy"}, {"web", "db"}),
        ("network/create n4", {"name": "foreign"}, set()),
        ("volume/destroy data", {}, {"db"}),
        ("volume/create foreign", {}, set()),
        (f"image/untag {SHA}", {"name": SHA}, {"web"}),
        (f"image/delete {SHA}", {"name": SHA}, {"web"}),
        (f"image/tag {SHA}", {"name": "other:2"}, set()),
        ("image/tag sha256:new", {"name": "app:1"}, {"web"}),
        ("image/pull ghcr.io/a/b:2", {"name": "ghcr.io/a/b"}, {"db"}),
        ("image/pull nginx:latest", {"name": "nginx"}, set()),
        ("image/load sha256:new", {}, {"web", "db"}),
        ("daemon/reload id", {"name": "host"}, {"daemon"}),
    ],
)
def test_whom_it_wakes(watch, words, args, woken):
    """Those whose it is, at once; what is nobody's of ours wakes nobody."""
    assert watch.wakes(words, **args) == dict.fromkeys(woken, 0.0)


def test_a_gap_wakes_everybody(watch):
    """Whatever was missed, the look at everything finds; what was made before it may be gone."""
    watch.hear("container/create web2 web")
    watch.hear("container/stop web2 web")
    assert watch.marks.heard(Gap("start")).wake == {"*": 0.0}
    assert (watch.marks._made, watch.marks._stopped) == ({}, set())


@pytest.mark.parametrize(
    ("words", "signal", "is_stop"),
    [
        ("container/stop web1 web", None, True),
        ("container/pause web1 web", None, True),
        ("container/kill web1 web", "15", True),
        ("container/kill web1 web", "1", False),
        ("container/die web1 web", None, False),
        ("container/stop other1 other", None, False),
    ],
)
def test_what_is_a_stop(watch, words, signal, is_stop):
    """A stop, a pause or a deadly kill of a container of ours is remembered with its time."""
    told = watch.hear(words, **({"signal": signal} if signal else {}))
    assert told.stopped == ({words.split()[1]: NOON} if is_stop else {})


@pytest.mark.parametrize(
    ("action", "forgets"), [("start", 1), ("unpause", 1), ("destroy", 1), ("die", 0), ("create", 0)]
)
@pytest.mark.parametrize("busy", [False, True])
def test_what_ends_a_stop(watch, action, forgets, busy):
    """Whoever starts or removes a container, its stop is forgotten."""
    watch.marks.began(["web"] if busy else [])
    assert watch.hear(f"container/{action} web1 web").started == ("web1",) * forgets


def test_a_removal_by_force_is_one_look(watch):
    """The end of a container that was just killed is not acted on at once; its removal is."""
    assert watch.wakes("container/kill web1 web", signal="9") == {}
    assert watch.wakes("network/disconnect n1", container="web1") == {"web": 0.1}
    assert watch.wakes("container/die web1 web") == {"web": 0.1}
    assert watch.wakes("container/destroy web1 web") == {"web": 0.0}
    assert watch.wakes("container/die web2 web") == {"web": 0.0}


def test_what_we_do_ourselves_wakes_nobody(watch):
    """While a pass works on a stack, and when its last events come late, nothing is woken and no stop remembered."""
    watch.marks.began(["web"])
    for words in ("container/kill web1 web", "container/stop web1 web", "container/start web1 web"):
        told = watch.hear(words)
        assert (told.wake, told.stopped) == ({}, {})
    late = watch.event("container/stop web1 web")
    assert watch.wakes("container/die db1 shop-db") == {"db": 0.0}
    watch.now += 1
    assert watch.marks.ended(["web"], watch.at) == {}
    assert watch.marks.heard(late).stopped == {}
    assert watch.wakes("container/die web1 web") == {}
    watch.now += 1
    assert watch.hear("container/stop web1 web").stopped == {"web1": watch.at}


def test_what_happened_after_the_last_look_wakes(watch):
    """What a pass cannot have seen is looked at when it has ended."""
    watch.marks.began(["web", "db", "daemon"])
    watch.hear("container/die db1 shop-db")
    watch.now += 1
    looked_at = watch.at
    watch.now += 1
    watch.hear("container/destroy web1 web")
    watch.hear("daemon/reload id")
    assert watch.marks.ended(["web", "db", "daemon"], looked_at) == {"web": 0.0, "daemon": 0.0}
    assert watch.wakes("container/die web1 web") == {"web": 0.0}


def test_a_clock_that_was_put_back_starves_nobody(watch):
    """That a look was later on a clock that was wrong matters for seconds only."""
    watch.marks.began(["web"])
    watch.marks.ended(["web"], watch.at + timedelta(days=1))
    assert watch.wakes("container/die web1 web") == {}
    watch.now += 6
    assert watch.wakes("container/die web1 web") == {"web": 0.0}


def test_compose_by_hand_is_waited_for(watch):
    """Who makes containers of ours by hand is left alone until nothing has happened for two seconds."""
    assert watch.marks.says("web") is None
    assert watch.wakes("container/create web2 web") == {"web": 2.0}
    watch.now += 1.5
    assert watch.wakes("container/start web2 web") == {"web": 2.0}
    assert watch.wakes("container/die db1 shop-db") == {"db": 0.0}
    assert (watch.marks.says("web"), watch.marks.quiet_in("web")) == (WORDS, 2.0)
    assert (watch.marks.says("db"), watch.marks.quiet_in("db")) == (None, 0.0)
    watch.now += 2.0
    assert (watch.marks.says("web"), watch.marks.quiet_in("web")) == (None, 0.0)
    watch.now += 2.5
    assert watch.wakes("container/die web2 web") == {"web": 0.0}


def test_compose_by_hand_is_not_waited_for_endlessly(watch):
    """After a minute the stack is looked at, whatever they do."""
    for _ in range(61):
        watch.hear("container/create web2 web")
        watch.now += 1
    assert watch.marks.quiet_in("web") == 0.0
    assert watch.wakes("container/create web3 web") == {"web": 0.0}
    watch.marks.began(["web"])
    assert watch.marks.ended(["web"], watch.at) == {}
    watch.now += 1
    assert watch.wakes("container/create web3 web") == {"web": 2.0}


def test_what_a_pass_makes_is_not_by_hand(watch):
    """Only what is made after the last look is somebody else's."""
    watch.marks.began(["web"])
    watch.hear("container/create web2 web")
    watch.now += 1
    assert watch.marks.ended(["web"], watch.at) == {}
    assert watch.marks.says("web") is None
    watch.marks.began(["web"])
    looked_at = watch.at
    watch.now += 1
    watch.hear("container/create web3 web")
    assert watch.marks.ended(["web"], looked_at) == {"web": 2.0}


def test_a_container_counts_as_ours_as_soon_as_it_is_made(watch):
    """No plan has to have seen it; and it stays ours over one that had not."""
    watch.hear("container/create web2 web")
    watch.marks.learn(KNOWN)
    watch.now += 10
    assert watch.wakes("network/disconnect n1", container="web2") == {"web": 0.0}
    watch.hear("container/destroy web2 web")
    assert watch.wakes("network/disconnect n1", container="web2") == {}


def test_nothing_is_kept_of_what_is_gone(watch):
    """Containers that come and go leave nothing behind."""
    for number in range(100):
        for action in ("create", "stop", "destroy"):
            watch.hear(f"container/{action} c{number} web")
    assert (watch.marks._made, watch.marks._stopped) == ({}, set())


def test_whose_is_what():
    """Wanted, recorded and there: all count, and of images both the name and the id."""
    service = DesiredService("app", {"image": "app:1"}, "d")
    nets = (DesiredObject("default", "web_default", {}), DesiredObject("proxy", "proxy", {}, external=True))
    web = DesiredStack("web", "web", "/s/web", services=(service,), networks=nets)
    db = DesiredStack("db", "shop-db", "/s/db", services=(service,), volumes=(DesiredObject("data", "data", {}),))
    observed = Observed(
        Engine("26", "1.45"),
        containers=(
            Container("1", "web-app-1", "running", "app:1", "sha256:old", project="web"),
            Container("2", "gone-app-1", "running", "app:1", "sha256:old", project="gone"),
            Container("3", "other-app-1", "running", "app:1", "sha256:other", project="other"),
        ),
        networks=(Network("n", "gone_default", "gone"), Network("o", "other_default", "other")),
        volumes=(Volume("left", "web"), Volume("other")),
        images={"app:1": "sha256:new"},
    )
    recorded = Recorded(stacks={"gone": RecordedStack("gone", "gone", "/s/gone")})
    known = belongings(Desired("d", Revision("c"), (web, db)), recorded, observed)
    assert known.projects == {"web": "web", "shop-db": "db", "gone": "gone"}
    assert known.containers == {"1": "web", "2": "gone"}
    assert {name: sorted(stacks) for name, stacks in known.networks.items()} == {
        "web_default": ["web"], "proxy": ["web"], "gone_default": ["gone"],
    }  # fmt: skip
    assert {name: sorted(stacks) for name, stacks in known.volumes.items()} == {"data": ["db"], "left": ["web"]}
    assert {name: sorted(stacks) for name, stacks in known.images.items()} == {
        "docker.io/library/app:1": ["db", "web"], "sha256:new": ["db", "web"], "sha256:old": ["gone", "web"],
    }  # fmt: skip
