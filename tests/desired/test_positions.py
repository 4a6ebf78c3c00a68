"""Where a service's keys stand."""

from reconciler.desired.composefiles import read_compose_files
from reconciler.desired.positions import Positions
from reconciler.model import Position
from tests.desired.layouts import layout


def positions(files, service="web"):
    stack = layout(files)
    found = Positions(stack, read_compose_files(stack)).service(service)
    return {key: (place.file.removeprefix("stacks/web/"), place.line) for key, place in found.items()}


def test_keys_of_one_file():
    """Each key has its line, the service the line of its name."""
    assert positions("services:\n  web:\n    image: x\n\n    tty: true\n") == {
        "": ("compose.yaml", 2),
        "image": ("compose.yaml", 3),
        "tty": ("compose.yaml", 5),
    }


def test_extended_keys_keep_their_own_place():
    """A key that comes from the extended service is found there, through files and chains; what is set here wins."""
    files = {
        "compose.yaml": "services:\n  web:\n    extends: {file: base.yaml, service: a}\n    tty: true\n",
        "base.yaml": "services:\n  a:\n    extends: b\n    tty: false\n  b:\n    image: x\n",
    }
    found = positions(files)
    assert (found["image"], found["tty"], found[""]) == (("base.yaml", 6), ("compose.yaml", 4), ("compose.yaml", 2))


def test_included_services_are_found():
    """A service of an included file is found there."""
    files = {"compose.yaml": "include: [sub/a.yaml]\n", "sub/a.yaml": "services:\n  web:\n    image: x\n"}
    assert positions(files)["image"] == ("sub/a.yaml", 3)


def test_merge_keys_point_to_where_they_are_written():
    """A merged key is found at the anchor."""
    text = "x-a: &a\n  tty: true\nservices:\n  web:\n    <<: *a\n    image: x\n"
    assert positions(text)["tty"] == ("compose.yaml", 2)


def test_circles_end():
    """Services that extend each other are compose's problem."""
    assert positions("services:\n  web: {extends: b}\n  b: {extends: web, tty: true}\n")["extends"] == (
        "compose.yaml",
        2,
    )


def test_unknown_service_has_no_place():
    """Nothing is made up."""
    stack = layout("services: {}\n")
    found = Positions(stack, read_compose_files(stack))
    assert (found.service("web"), found.at("networks", "x")) == ({}, None)


def test_objects():
    """Networks and volumes are found in the last file that has them."""
    files = {"compose.yaml": "networks:\n  a:\n", "compose.override.yaml": "networks:\n\n  a: {}\n"}
    stack = layout(files)
    place = Positions(stack, read_compose_files(stack)).at("networks", "a")
    assert place == Position("stacks/web/compose.override.yaml", 3)
