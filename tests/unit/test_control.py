"""Commands travel through a real socket, and a refusal comes back as its own words."""

from __future__ import annotations

import json
import socket
import stat

import pytest

from engine import control
from engine.control import Command
from engine.errors import RequestError, WorkerError


def refuse_rates(command: Command) -> None:
    if command.key == "lr":
        raise RequestError("lr: not today")


def test_a_command_arrives_as_it_was_sent_and_the_socket_is_private() -> None:
    inbox: control.Inbox = control.Inbox()
    with control.listen("a-run", inbox.put):
        assert stat.S_IMODE(control.socket_path("a-run").stat().st_mode) == 0o600
        control.send("a-run", Command("set", "momentum", "0.9"))
        control.send("a-run", Command("pause"))
    assert [inbox.get_nowait(), inbox.get_nowait()] == [Command("set", "momentum", "0.9"), Command("pause")]
    assert not control.socket_path("a-run").exists()


def test_a_refusal_comes_back_as_an_error() -> None:
    with control.listen("a-run", refuse_rates), pytest.raises(RequestError, match="lr: not today"):
        control.send("a-run", Command("set", "lr", "3"))


def test_without_a_worker_there_is_an_error_at_once() -> None:
    with pytest.raises(WorkerError, match="has it ended"):
        control.send("nobody", Command("pause"))


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\n", b"[]\n", b"{}\n", b'{"name":"dance"}\n', b'{"nam":"pause"}\n', b"3\n"]
)
def test_nonsense_is_answered_and_the_socket_lives_on(line: bytes) -> None:
    inbox: control.Inbox = control.Inbox()
    with control.listen("a-run", inbox.put):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(control.socket_path("a-run")))
            connection.sendall(line)
            assert json.loads(connection.makefile().readline())["error"]
        control.send("a-run", Command("pause"))
    assert inbox.get_nowait() == Command("pause")


def test_an_unknown_command_is_answered_with_the_nearest() -> None:
    with pytest.raises(RequestError, match="did you mean pause"):
        Command("puase")
