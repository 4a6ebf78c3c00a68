"""Ctrl-C lets the steps that are under way end."""

import os
import signal

import pytest

from reconciler.cli.progress import Lines
from reconciler.cli.stopping import Stoppable
from reconciler.model import Step


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_before_the_first_step_it_stops_at_once():
    """While nothing is being changed, Ctrl-C ends the command."""
    with Stoppable(Lines(lambda _: None), lambda _: None), pytest.raises(KeyboardInterrupt):
        press()


def test_during_a_step_it_stops_before_the_next():
    """A step under way is let end; the next one does not begin; a notice says so."""
    notices: list[str] = []
    with Stoppable(Lines(lambda _: None), notices.append) as stoppable:
        stoppable.step(Step("files", "web"))
        press()
        assert len(notices) == 1

        with pytest.raises(KeyboardInterrupt):
            stoppable.step(Step("up", "web"))


def test_a_second_time_it_stops_at_once():
    """Who presses twice means it."""
    with Stoppable(Lines(lambda _: None), lambda _: None) as stoppable:
        stoppable.step(Step("files", "web"))
        press()

        with pytest.raises(KeyboardInterrupt):
            press()


def test_afterwards_ctrl_c_is_what_it_was():
    """The handler of before is put back."""
    before = signal.getsignal(signal.SIGINT)
    with Stoppable(Lines(lambda _: None), lambda _: None):
        pass

    assert before is signal.getsignal(signal.SIGINT)
