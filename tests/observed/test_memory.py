"""What was inspected is not asked for again, until an event, or a listing that differs, says that it may be another."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.engine import EngineClient
from reconciler.model import Ask
from reconciler.observed.containers import aged
from reconciler.observed.look import glance, look
from reconciler.observed.memory import Memory
from tests.observed.test_events import Listening

LISTED = "/containers/json"


class Counting(EngineClient):
    """A client that notes what is asked, and does something of the test's after each answer."""

    def __init__(self, host, **more):
        super().__init__(host, **more)
        self.asked = []
        self.after = lambda path: None

    def _get(self, path, **query):
        answer = super()._get(path, **query)
        self.asked.append(path)
        self.after(path)
        return answer


class Device:
    """An engine with one project, which is looked at time and again; what else is there is foreign."""

    def __init__(self, host, api, project):
        self.engine = Counting(host, timeout=60.0, api_version=EngineClient.connect(host).api_version)
        self.api, self.project = api, project
        self.memory = Memory()
        self.ask = Ask(projects=frozenset({project}), images=frozenset({"app:1"}))
        self.image = api.inspect_image("app:1")["Id"]

    def start(self, name, project=None, **more):
        """Start a container that ends at once when it is told to."""
        labels = {"com.docker.compose.project": project or self.project, "com.docker.compose.service": name}
        options = self.api.create_host_config(network_mode="none", init=True, **more.pop("host", {}))
        full = f"{project or self.project}-{name}"
        made = self.api.create_container(
            "app:1", ["sleep", "600"], name=full, labels=labels, host_config=options, **more
        )
        self.api.start(made["Id"])
        return made["Id"]

    def look(self, **ask):
        self.engine.asked.clear()
        return look(self.engine, replace(self.ask, **ask), None, memory=self.memory)

    def one(self, container, **ask):
        return next(one for one in self.look(**ask).containers if one.id == container)

    def news(self, **ask):
        """Look, and return what was asked beside the listing, each thing without `/json`."""
        self.look(**ask)
        return sorted(path.removesuffix("/json") for path in self.engine.asked if path != LISTED)


@pytest.fixture
def device(dockerd, api, unique):
    """The shared engine with a project of its own; every container of it is removed in the end."""
    made = Device(dockerd.host, api, unique("memory"))
    yield made
    for one in api.containers(all=True):
        if one["Names"][0].startswith(f"/{made.project}"):
            api.remove_container(one["Id"], force=True)


@pytest.fixture
def told(device):
    """Follow the engine, as the agent does; `until(action)` returns what has happened, up to that action."""
    listening = Listening(device.engine.host)
    assert listening.gap() == "start"
    yield listening
    listening.close()


def inspect(container):
    return f"/containers/{container}"


def test_a_second_look_only_lists(device):
    """Whatever there is was inspected once; what is known is the same as what was seen."""
    device.start("app")
    first = device.look()

    assert device.news() == []
    second = device.look()
    assert [replace(one, running_for=None) for one in second.containers] == [
        replace(one, running_for=None) for one in first.containers
    ]
    assert replace(second, containers=()) == replace(first, containers=())


def test_an_event_of_a_container_lets_it_be_inspected(device, told):
    """What a listing does not show, as limits, is seen through the event; nothing else is asked for."""
    one = device.start("app")
    device.start("other")
    device.look()
    device.api.update_container(one, mem_limit="64m", memswap_limit="64m")
    assert device.news() == []  # the event is all there is

    device.memory.forget(told.until("update")[-1])

    assert device.news() == [inspect(one)]
    assert device.one(one).document["HostConfig"]["Memory"] == 64 << 20
    assert device.news() == []


def test_an_event_of_a_foreign_container_means_nothing(device, told):
    """Hundreds of them may come and go."""
    device.start("app")
    device.look()
    device.api.remove_container(device.start("theirs", project=f"{device.project}x"), force=True)

    for event in told.until("destroy"):
        if event.name.endswith("theirs"):
            device.memory.forget(event)

    assert device.news() == []


def test_a_network_that_loses_a_container_concerns_the_container(device, told):
    """The list of networks holds no containers: it is as it was."""
    one = device.start("app")
    told.until("start")
    device.api.disconnect_container_from_network(one, "none")
    device.look()

    device.memory.forget(told.until("disconnect")[-1])

    assert device.news() == [inspect(one)]


def test_events_of_networks_volumes_images_and_the_daemon(device, dockerd, told, unique):
    """Each lets exactly its own kind be asked for."""
    device.start("app")
    device.look()

    def after(change, action):
        change()
        device.memory.forget(told.until(action)[-1])
        return device.news()

    name, api = unique("kind"), device.api
    told.until("start")
    assert after(lambda: api.create_network(name), "create") == ["/networks"]
    assert name in {one.name for one in device.look().networks}
    assert after(lambda: api.remove_network(name), "destroy") == ["/networks"]
    assert after(lambda: api.create_volume(name), "create") == ["/volumes"]
    assert name in {one.name for one in device.look().volumes}
    assert after(lambda: api.remove_volume(name), "destroy") == ["/volumes"]
    assert after(lambda: api.tag("app:1", name, "1"), "tag") == ["/images/app%3A1"]
    assert after(lambda: api.remove_image(f"{name}:1"), "untag") == ["/images/app%3A1"]
    assert after(lambda: os.kill(dockerd.pid, signal.SIGHUP), "reload") == ["/info"]


def test_an_image_that_was_not_there_is_asked_for_after_its_event(device, told, unique):
    """That there is none is known as well, until one comes."""
    wanted = f"{unique('late')}:1"
    assert device.look(images=frozenset({wanted})).images == {}
    assert device.news(images=frozenset({wanted})) == []

    device.api.tag("app:1", *wanted.split(":"))
    device.memory.forget(told.until("tag")[-1])

    assert device.look(images=frozenset({wanted})).images == {wanted: device.image}
    device.api.remove_image(wanted)


def test_what_is_forgotten_during_a_look_is_not_kept_by_it(device, told, unique):
    """It may have been read just before the event: the look ends with what it read, the next one asks."""
    one, other = device.start("app"), device.start("other")

    def forgets_after(path, event):
        device.engine.after = lambda asked: device.memory.forget(event) if asked.startswith(path) else None
        device.memory.forget_all()
        device.look()
        device.engine.after = lambda asked: None
        return device.news()

    device.api.update_container(one, mem_limit="64m", memswap_limit="64m")
    device.api.create_volume(unique("during"))
    device.api.create_network(unique("during"))
    device.api.tag("app:1", unique("during"), "1")
    happened = {event.kind: event for event in told.until("tag") if event.action in ("update", "create", "tag")}

    assert forgets_after(inspect(one), happened["container"]) == [inspect(one)]
    assert forgets_after(inspect(other), happened["container"]) == [inspect(one)]
    assert forgets_after("/networks", happened["network"]) == ["/networks"]
    assert forgets_after("/volumes", happened["volume"]) == ["/volumes"]
    assert forgets_after("/images", happened["image"]) == ["/images/app%3A1"]


def test_forgetting_everything_during_a_look_too(device):
    """Nothing that it read is kept: not even what it read after that."""
    one = device.start("app")
    device.engine.after = lambda path: device.memory.forget_all() if path == "/networks" else None
    device.look()
    device.engine.after = lambda path: None

    assert device.news() == [inspect(one), "/images/app%3A1", "/info", "/networks", "/volumes"]


def test_a_listing_that_differs_needs_no_event(device, told, unique):
    """State, name and networks are in the listing: a container that shows itself otherwise is inspected."""
    one = device.start("app")
    network = unique("memory")
    device.api.create_network(network)
    device.look()
    changes = (
        lambda: device.api.pause(one),
        lambda: device.api.unpause(one),
        lambda: device.api.rename(one, f"{device.project}-renamed"),
        lambda: device.api.disconnect_container_from_network(one, "none"),
        lambda: device.api.connect_container_to_network(one, network),
        lambda: (device.api.kill(one), told.until("die")),
    )
    for change in changes:
        change()
        assert inspect(one) in device.news()
        assert device.news() == []


def test_health_in_the_listing_needs_no_event(device, told):
    """The word alone counts, not since when; what is unhealthy is asked for each time, as its log goes on."""
    test = ["CMD-SHELL", "test -e /tmp/well"]
    one = device.start("app", healthcheck={"test": test, "interval": 100_000_000, "retries": 1})
    told.until("health_status")
    assert device.one(one).health == "unhealthy"
    assert inspect(one) in device.news()

    device.api.exec_start(device.api.exec_create(one, ["touch", "/tmp/well"]))
    told.until("health_status")

    assert device.one(one).health == "healthy"
    assert device.news() == []


def test_a_stop_that_is_written_down_later_is_known(device, told):
    """Who stopped a container is judged with what the record says: another record, another look."""
    one = device.start("app")
    device.api.kill(one)
    told.until("die")  # from now on the listing shows it
    device.look()
    device.look()
    assert device.news() == []

    now = datetime.now(UTC)
    assert inspect(one) in device.news(stops={one: now})
    assert inspect(one) not in device.news(stops={one: now})


def test_containers_that_are_gone_are_dropped(device):
    """What is kept does not grow with what was ever there."""
    device.api.remove_container(device.start("app"), force=True)
    for number in range(3):
        one = device.start(f"app{number}")
        device.look()
        device.api.remove_container(one, force=True)
    device.look()

    assert not device.memory._containers


def test_ages_grow(device):
    """A container that has only just begun is believed in once it has run for a while; an old one stays as it is."""
    one = device.start("app")
    young = device.one(one)
    later = device.one(one)
    assert device.news() == []
    assert later.running_for > young.running_for

    old = replace(later, running_for=61.0)
    assert aged(old) is old


def test_what_changed_while_events_were_away_is_seen_by_a_full_look(device):
    """Forgetting everything asks for everything."""
    one = device.start("app")
    device.look()
    device.api.update_container(one, mem_limit="64m", memswap_limit="64m")

    device.memory.forget_all()

    assert device.one(one).document["HostConfig"]["Memory"] == 64 << 20


def test_our_own_work_is_forgotten_at_once(device):
    """A project that was worked on is asked for anew, without waiting for events; of the others nothing is."""
    one = device.start("app")
    other = device.start("app", project=f"{device.project}x")
    projects = frozenset({device.project, f"{device.project}x"})
    device.look(projects=projects)
    device.api.update_container(one, mem_limit="64m", memswap_limit="64m")

    device.memory.forget_projects({device.project})

    assert device.news(projects=projects) == [inspect(one), "/images/app%3A1", "/networks", "/volumes"]
    assert device.one(other).document is not None


# ── a look that began before ─────────────────────────────────────────────────────────────────────


def test_what_was_seen_at_a_glance_is_not_asked_for_again(device):
    """The list of containers, and without a memory the engine itself, are those of the beginning."""
    device.start("a")
    for memory, saved in ((Memory(), [LISTED]), (None, [LISTED, "/info"])):
        seen = glance(device.engine, memory)
        device.engine.asked.clear()
        with_it = look(device.engine, device.ask, None, memory=memory, seen=seen)
        asked = device.engine.asked.copy()
        device.engine.asked.clear()
        without = look(device.engine, device.ask, None, memory=Memory() if memory else None)
        assert sorted([*asked, *saved]) == sorted(device.engine.asked)
        assert [one.id for one in with_it.containers] == [one.id for one in without.containers]


def test_what_changed_since_a_glance_shows(device):
    """An inspect tells of now; what has gone since makes us list again."""
    stays, goes = device.start("stays"), device.start("goes")
    seen = glance(device.engine, None)
    device.api.kill(stays)
    device.api.remove_container(goes, force=True)
    observed = look(device.engine, device.ask, None, seen=seen)
    (one,) = (one for one in observed.containers if one.project == device.project)
    assert (one.id, one.state) == (stays, "exited")
