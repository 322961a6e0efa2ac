"""A real lab process answers, is interrupted, crashes, and is there again at the next question."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from engine.errors import LabInterrupted, LabLost, RequestError, WorkerError
from engine.frames import Answer
from engine.lab import Lab
from engine.launcher import Zygote

LOOP = "BEGUN\nwhile True: pass"
STUBBORN = """
while True:
    try:
        BEGUN
    except BaseException:
        pass
"""
NONSENSE = """
import os
for fd in range(3, 30):
    try: os.write(fd, b"!" * 64)
    except OSError: pass
"""


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def asked(lab: Lab, code: str, begun: Path) -> Future[Answer]:
    """Run code in the lab from another thread; returns once it has come to `BEGUN`."""
    pool = ThreadPoolExecutor(1)
    code = code.replace("BEGUN", f"open({str(begun)!r}, 'w').close()")
    answer = pool.submit(lab.ask, "cell", code=code)
    pool.shutdown(wait=False)
    until(begun.exists)
    return answer


def pid(lab: Lab) -> int:
    return int(lab.ask("cell", code="import os; print(os.getpid())").values["printed"])


def ended(process: int) -> bool:
    """A zombie has ended: where process 1 is no init, nobody buries it."""
    try:
        return " Z " in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True


def test_a_question_is_answered_by_the_process_that_has_torch(lab: Lab) -> None:
    assert lab.ask("versions").values["torch"] == torch.__version__


def test_what_one_question_leaves_behind_the_next_one_finds(lab: Lab) -> None:
    lab.ask("cell", code="x = 41")
    assert lab.ask("cell", code="print(x + 1)").values["printed"] == "42\n"
    assert lab.losses == 0


def test_an_unknown_question_is_refused_with_the_nearest(lab: Lab) -> None:
    with pytest.raises(RequestError, match="did you mean versions"):
        lab.ask("version")
    assert lab.losses == 0


def test_a_question_that_fails_is_told_and_the_lab_lives_on(lab: Lab) -> None:
    with pytest.raises(WorkerError, match=r"'versions' failed: TypeError.*'wrong'"):
        lab.ask("versions", wrong=1)
    assert lab.ask("versions").values["torch"] == torch.__version__
    assert lab.losses == 0


def test_values_that_json_cannot_hold_are_refused_before_the_lab_sees_them(lab: Lab) -> None:
    with pytest.raises(TypeError):
        lab.ask("versions", wrong=object())
    assert lab.ask("versions").values["threads"] >= 1


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV, a crash in native"),
        ("import os; os._exit(3)", "ended itself with status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL; was memory short"),
        ("import os; os.closerange(3, 1000)", "ended itself with status 1"),
        (NONSENSE, "is gone"),
    ],
    ids=["segfault", "exit", "kill", "closes-its-socket", "writes-into-its-socket"],
)
def test_a_crash_is_told_and_the_next_question_starts_a_fresh_lab(lab: Lab, code: str, how: str) -> None:
    lab.ask("cell", code="x = 1")
    with pytest.raises(LabLost, match=how):
        lab.ask("cell", code=code)
    assert lab.losses == 1
    assert lab.ask("cell", code="x").values["error"]["type"] == "NameError"


def test_a_lab_that_died_unasked_is_told_at_the_next_question(lab: Lab) -> None:
    process = pid(lab)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(LabLost, match="SIGKILL"):
        lab.ask("versions")
    assert ended(process)
    assert lab.ask("versions").values["threads"] >= 1


def test_what_a_question_prints_below_python_does_not_disturb_its_answer(lab: Lab) -> None:
    code = "import os; os.write(1, b'x' * 100000); os.system('echo loud; echo louder >&2')"
    assert lab.ask("cell", code=code).values["error"] is None
    assert lab.ask("versions").values["torch"] == torch.__version__


def test_an_endless_loop_is_interrupted_and_the_names_are_kept(lab: Lab, tmp_path: Path) -> None:
    lab.ask("cell", code="x = 41")
    answer = asked(lab, "print('so far')\n" + LOOP, tmp_path / "begun")
    lab.interrupt()
    values = answer.result(20).values
    assert (values["printed"], values["error"]["type"]) == ("so far\n", "KeyboardInterrupt")
    assert values["error"]["lines"][0]["line"] in (2, 3)
    assert lab.ask("cell", code="print(x)").values["printed"] == "41\n"
    assert lab.losses == 0


class OwnProcess:
    """In place of a zygote: a process of its own, in which every question takes for ever."""

    SERVER = """
import socket, sys, types
from engine import lab_server, registry
def answer(begun):
    open(begun, "w").close()
    while True: pass
registry.load = lambda folder, name: types.SimpleNamespace(answer=answer)
lab_server.Server(socket.socket(fileno=int(sys.argv[1]))).serve()
"""

    def fork_lab(self, connection: int, output: int) -> int:
        command = [sys.executable, "-c", self.SERVER, str(connection)]
        self.process = subprocess.Popen(
            command, pass_fds=[connection], stdout=output, stderr=output, start_new_session=True
        )
        return self.process.pid

    def end_lab(self, pid: int) -> int | None:
        self.process.kill()
        return self.process.wait()


def test_any_question_can_be_interrupted_and_asked_again(tmp_path: Path) -> None:
    lab = Lab(OwnProcess)
    for number in range(3):
        begun = tmp_path / str(number)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(lab.ask, "forever", begun=str(begun))
            until(begun.exists)
            lab.interrupt()
            with pytest.raises(LabInterrupted, match=r"'forever' was interrupted$"):
                answer.result(20)
    assert lab.losses == 0
    lab.close()


def test_code_that_does_not_obey_an_interrupt_is_killed(lab: Lab, tmp_path: Path) -> None:
    answer = asked(lab, STUBBORN, tmp_path / "begun")
    lab.interrupt()
    with pytest.raises(LabInterrupted, match="did not obey"):
        answer.result(20)
    assert lab.losses == 1
    assert lab.ask("versions").values["threads"] >= 1


def test_an_interrupt_between_two_questions_disturbs_neither(lab: Lab) -> None:
    process = pid(lab)
    lab.interrupt()
    os.kill(process, signal.SIGINT)
    assert pid(lab) == process


def test_an_interrupt_ends_what_the_code_has_started(lab: Lab, tmp_path: Path) -> None:
    code = f"""
import subprocess
with open({str(tmp_path / "pid")!r}, "w") as file:
    print(subprocess.Popen(["sleep", "1000"]).pid, file=file)
{LOOP}
"""
    answer = asked(lab, code, tmp_path / "begun")
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    lab.interrupt()
    answer.result(20)
    lab.close()
    until(lambda: ended(int((tmp_path / "pid").read_text())))


def test_closing_ends_a_question_under_way_and_no_new_lab_is_started(lab: Lab, tmp_path: Path) -> None:
    process = pid(lab)
    answer = asked(lab, LOOP, tmp_path / "begun")
    lab.close()
    with pytest.raises(LabLost, match="closed"):
        answer.result(20)
    assert ended(process)
    with pytest.raises(LabLost, match="closed"):
        lab.ask("versions")


def test_questions_from_many_threads_are_answered_in_turn(lab: Lab) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: lab.ask("cell", code=f"print({n})"), range(40)))
    assert [answer.values["printed"] for answer in answers] == [f"{n}\n" for n in range(40)]


def test_an_endless_loop_dies_with_the_zygote_and_so_with_the_screen(tmp_path: Path) -> None:
    zygote = Zygote()
    lab = Lab(lambda: zygote)
    process = pid(lab)
    answer = asked(lab, STUBBORN, tmp_path / "begun")
    os.kill(zygote._process.pid, signal.SIGKILL)
    with pytest.raises(LabLost, match="is gone"):
        answer.result(20)
    until(lambda: ended(process))
    lab.close()
    zygote.close()


def test_a_lab_whose_zygote_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('torch is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    zygote = Zygote()
    lab = Lab(lambda: zygote)
    with pytest.raises(WorkerError, match="torch is broken"):
        lab.ask("versions")
    lab.close()
    zygote.close()


def test_closing_leaves_no_thread_that_waits(zygote: Zygote, tmp_path: Path) -> None:
    before = threading.active_count()
    lab = Lab(lambda: zygote)
    answer = asked(lab, LOOP, tmp_path / "begun")
    lab.close()
    assert answer.exception(20)
    until(lambda: threading.active_count() == before)
