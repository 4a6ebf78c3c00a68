"""Normal forms of single values: one meaning, one form; what cannot be read is left as it is."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan import normal_scalars as scalars
from reconciler.plan.normal_images import canonical, image_reference
from reconciler.plan.normal_process import restart_policy, split_environment

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("stated", "nanoseconds"),
    [
        ("1m30s", 90_000_000_000),
        ("1h2m3.5s", 3_723_500_000_000),
        ("1500ms", 1_500_000_000),
        ("10us", 10_000),
        ("0s", 0),
        (5_000, 5_000),
        ("17", 17),
        ("soon", None),
        ("1m later", None),
        (None, None),
    ],
)
def test_durations(stated, nanoseconds):
    """Durations as Go writes them are nanoseconds."""
    assert scalars.nanoseconds(stated) == nanoseconds


@pytest.mark.parametrize(
    ("stated", "size"),
    [
        ("64m", 67108864),
        ("64MB", 67108864),
        ("1.5g", 1610612736),
        ("512", 512),
        (5, 5),
        ("0", None),
        (0.0, None),
        ("-1", -1),
        ("x", "x"),
    ],
)
def test_sizes(stated, size):
    """Sizes are bytes, in powers of 1024; 0 is none, -1 stays."""
    assert scalars.size(stated) == size


@pytest.mark.parametrize(
    ("form", "spellings"),
    [
        (scalars.address, ["FD00:0:0:3:0:0:0:0009", "fd00:0:0:3::9", "[fd00:0:0:3::9]"]),
        (scalars.address, ["10.0.0.1"]),
        (scalars.subnet, ["10.1.0.0/16", "10.1.2.3/16"]),
        (scalars.hardware_address, ["02-42-AC-11-00-FF", "02:42:ac:11:00:ff"]),
        (scalars.path, ["/srv", "/srv/", "//srv", "/tmp/../srv/.", "/srv//x/.."]),
        (scalars.cpus, [0.35, "0.35", "0.350", 0.3499999940395355]),
        (scalars.microseconds, ["400ms", "400000", 400000]),
        (scalars.positive, [None, 0, "0", -1, "-1"]),
        (canonical, ["nginx", "library/nginx", "docker.io/nginx", "index.docker.io/library/nginx:latest"]),
        (canonical, ["host:5000/a/b", "host:5000/a/b:latest"]),
        (canonical, ["localhost/a", "localhost/a:latest"]),
        (canonical, [f"a/b@{DIGEST}", f"docker.io/a/b@{DIGEST}"]),
        (canonical, [DIGEST, "a" * 64]),
    ],
)
def test_spellings_of_one_thing(form, spellings):
    """All spellings come to one form, and the form to itself."""
    (one,) = {form(spelling) for spelling in spellings}

    assert form(one) == one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nginx", "nginx:1"),
        ("a/nginx", "nginx"),
        ("nginx:1", f"nginx:1@{DIGEST}"),
        ("host:5000/a", "host/a"),
        ("a.b/c", "c"),
    ],
)
def test_other_images_stay_apart(one, other):
    """What is not the same reference has not the same form."""
    assert canonical(one) != canonical(other)


def test_what_is_built_without_a_name_is_named_by_compose():
    """The reference is then `project-service`."""
    assert image_reference({"build": {}}, "web", "app") == "web-app"
    assert image_reference({"build": {}, "image": "x"}, "web", "app") == "x"


@pytest.mark.parametrize(
    ("document", "policy"),
    [
        ({}, "no"),
        ({"restart": "no"}, "no"),
        ({"restart": "on-failure:3"}, "on-failure:3"),
        ({"restart": "on-failure"}, "on-failure"),
        ({"deploy": {"restart_policy": {"condition": "any", "max_attempts": 3}}}, "always"),
        (
            {"restart": "always", "deploy": {"restart_policy": {"condition": "on-failure", "max_attempts": 2}}},
            "on-failure:2",
        ),
        ({"restart": "always", "deploy": {"restart_policy": {"condition": "none"}}}, "no"),
        ({"restart": "always", "deploy": {}}, "always"),
    ],
)
def test_restart_policies(document, policy):
    """The one under deploy wins; attempts count for on-failure only."""
    assert restart_policy(document) == policy


@given(st.dictionaries(st.text("ABC_", min_size=1), st.none() | st.text("ab= ")))
def test_the_environment_survives_the_list(variables):
    """A list of `A=1` gives back what was put in; a bare name is nothing."""
    entries = [name if value is None else f"{name}={value}" for name, value in variables.items()]

    assert split_environment(entries) == {f".{name}": value for name, value in variables.items()}


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
        st.lists(st.text()),
        st.just({}),
    )
)
def test_nothing_unexpected_is_an_error(value):
    """What a masked or odd document holds is compared, not stumbled over."""
    forms = (scalars.nanoseconds, scalars.seconds, scalars.microseconds, scalars.number, scalars.size, scalars.positive)
    others = (scalars.cpus, scalars.nano_cpus, scalars.address, scalars.subnet, scalars.hardware_address, scalars.path)
    for form in (*forms, *others):
        form(value)


@given(st.text("/.a-", max_size=9))
def test_a_path_that_looks_clean_is_clean(value):
    """A path is what POSIX makes of it, whether or not it looks as if there were nothing to clean."""
    cleaned = posixpath.normpath(value)

    assert scalars.path(value) == ((cleaned[1:] if cleaned.startswith("//") else cleaned) if value else None)
