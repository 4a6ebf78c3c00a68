"""What is ours, what is not, and what is taken over."""

from __future__ import annotations

from dataclasses import replace

from tests.plan.build import STACKS, all_made, desired, lines, observed, record, service, stack, text

BIND = {"type": "bind", "source": f"{STACKS}/web/data", "target": "/data"}
WEB = stack("web", service("db", volumes=[BIND]), service("api"))
ADOPT = stack("web", *WEB.services, settings={"adopt": True})
BY_HAND = [replace(container, env_file=None) for container in all_made(WEB)]
ELSEWHERE = [replace(container, working_dir="/opt/web") for container in BY_HAND]
AT = "stacks/web/compose.yaml"


def test_a_lost_record_is_survived() -> None:
    """Without a record the env file in the labels tells what we made."""
    assert text(desired(WEB), observed(all_made(WEB), WEB)) == "No changes."


def test_a_container_made_by_hand_in_our_place() -> None:
    """What the inventory lists and stands in our folder is ours, whoever made it last."""
    assert text(desired(WEB), observed(BY_HAND, WEB), record(WEB)) == "No changes."


def test_a_foreign_project() -> None:
    """A project of the same name that we did not make blocks the stack, even beside a record of ours."""
    expected = [
        f"! stack/web  ForeignProject: a project web runs here that we did not make (web-api-1, from {folder}) ({AT}:1)"
        for folder in (f"{STACKS}/web", "/opt/web", "/opt/web")
    ]

    assert lines(desired(WEB), observed(BY_HAND, WEB)) == expected[:1]
    assert lines(desired(WEB), observed(ELSEWHERE, WEB)) == expected[1:2]
    assert lines(desired(WEB), observed(ELSEWHERE, WEB), record(WEB)) == expected[2:]


def test_adopting_equal_containers() -> None:
    """Told to, we take a project over; where it is what git wants, nothing is done to it."""
    assert text(desired(ADOPT), observed(BY_HAND, WEB)).splitlines() == [
        f"+ stack/web  adopt web  (change: takes over web-api-1, web-db-1; {AT}:1)",
        "Plan: 1 adopt.",
    ]
    assert text(desired(ADOPT), observed(BY_HAND, WEB), record(ADOPT)) == "No changes."


def test_adopting_from_another_folder() -> None:
    """What was made from another folder stays as it is, unless made by us it would see other files."""
    api = stack("web", WEB.services[1], settings={"adopt": True})
    old = [replace(container, working_dir="/opt/web") for container in BY_HAND if container.service == "api"]
    mount = {"Type": "bind", "Source": "/opt/web/data", "Destination": "/data"}
    db, *_ = ELSEWHERE
    moved = replace(db, document={**(db.document or {}), "Mounts": [mount]})

    assert [line.split()[2] for line in lines(desired(api), observed(old, WEB))] == ["adopt"]
    assert lines(desired(ADOPT), observed([moved], WEB)) == [
        (
            "! stack/web/service/db  ForeignProject: web-db-1 has /opt/web/data at /data, "
            f"and made by us it would have {STACKS}/web/data ({AT}:4)"
        )
    ]


def test_adopting_leaves_what_git_does_not_name() -> None:
    """A container of a service that git does not know is not ours to remove."""
    api = stack("web", WEB.services[1], settings={"adopt": True})

    found = lines(desired(api), observed(BY_HAND, WEB))

    assert found == [
        f"+ stack/web  adopt web  (change: takes over web-api-1; {AT}:1)",
        f"? stack/web  note: web-db-1 belongs to project web, but to no service in git; it is left alone ({AT}:1)",
    ]


def test_unmanaged_projects_are_left_alone() -> None:
    """Other people's projects are in no plan."""
    other = stack("other", service("db"))

    assert text(desired(WEB), observed([*all_made(WEB), *all_made(other)], WEB, other), record(WEB)) == "No changes."
