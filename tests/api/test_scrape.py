"""The metrics' address, asked as a scraper asks."""

import http.client
import socket
from contextlib import suppress

import pytest

from reconciler.api.scrape import scraped
from reconciler.errors import InvalidSettings
from reconciler.plan.texts import problem_text


def ask(port, path="/metrics", method="GET", host="127.0.0.1"):
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_metrics_are_made_when_they_are_asked_for(host):
    """Each reading is fresh, in either family of addresses."""
    readings = iter([b"one\n", b"two\n"])
    with scraped(host, 0, lambda: next(readings), "text/plain; x") as port:
        assert ask(port, host=host) == (200, "text/plain; x", b"one\n")
        assert ask(port, path="/metrics?x=1", host=host) == (200, "text/plain; x", b"two\n")


def test_nothing_else_is_answered():
    """There is no other page, and nothing can be changed."""
    with scraped("127.0.0.1", 0, lambda: b"", "text/plain") as port:
        assert ask(port, "/")[0] == 404
        assert ask(port, method="POST")[0] == 501


def test_who_only_connects_takes_no_more_than_a_few_places():
    """Anybody on the host may connect; beyond a few they are let go, and whoever leaves makes room."""
    with scraped("127.0.0.1", 0, lambda: b"read", "text/plain") as port:
        silent = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(12)]
        assert [one.recv(1) for one in silent[8:]] == [b""] * 4
        for one in silent:
            one.close()
        said = b""
        while not said:
            with suppress(ConnectionError):  # the end of the others is noticed in a moment
                said = ask(port)[2]
    assert said == b"read"


def test_an_address_that_is_taken_is_named():
    """The settings are wrong then, and the error says which address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidSettings) as caught, scraped("127.0.0.1", port, lambda: b"", "text/plain"):
            pass

    assert f"127.0.0.1:{port}" in problem_text(caught.value.problem(""))


def test_the_address_is_free_afterwards():
    """A restarted agent finds its port again, also while a reader still holds a connection."""
    with scraped("127.0.0.1", 0, lambda: b"", "text/plain") as port:
        held = socket.create_connection(("127.0.0.1", port))
    with held, scraped("127.0.0.1", port, lambda: b"again", "text/plain"):
        assert ask(port)[2] == b"again"
