"""The command line, through real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.events import Ended, EpochEnded
from engine.runs import RunReader, is_alive

NNPLAY = str(Path(sys.executable).with_name("nnplay"))


def nnplay(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NNPLAY, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, **options
    )  # type: ignore[call-overload, no-any-return]


def only_run(home: Path) -> Path:
    (run,) = home.iterdir()
    return run


def wait_for(condition, seconds: float = 30.0):  # type: ignore[no-untyped-def]
    """What `condition` gives as soon as it gives something."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return result


def test_json_output_is_one_object_with_the_lectures_figures(home: Path) -> None:
    done = nnplay("run", "iris-mlp", "seed=1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["test_accuracy"] == pytest.approx(0.98)
    assert result["train_accuracy"] == pytest.approx(0.95)
    assert result["train_loss"] == pytest.approx(0.640190, abs=5e-6)
    assert (result["backend"], result["device"]) == ("native", "cpu")
    assert (result["epochs"], result["steps"]) == (100, 5000)
    assert 0 < result["seconds"] < result["seconds_total"]
    assert result["spec"]["lr"] == 0.001
    assert result["run"] == only_run(home).name


def test_the_report_says_which_backend_ran_and_where_the_test_rows_went() -> None:
    done = nnplay("run", "iris-mlp", "epochs=2", "--backend", "fused", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "fused on cpu: 2 epochs, 100 steps" in done.stdout
    assert re.search(r"setosa +\d+ +\d+ +\d+ +\d\.\d\d", done.stdout)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "iris-mpl"], "did you mean iris-mlp?"),
        (["run", "iris-mlp", "learnrate=1"], "unknown key 'learnrate'"),
        (["run", "iris-mlp", "lr=abc"], "lr: expected a number above 0 and at most 1e+06, got abc"),
        (["run", "iris-mlp", "lr=-1"], "got -1"),
        (["run", "iris-mlp", "lr=nan"], "got nan"),
        (["run", "iris-mlp", "epochs=0"], "epochs: expected a whole number from 1 to 1,000,000, got 0"),
        (["run", "iris-mlp", "hidden=0"], "hidden: expected widths from 1"),
        (
            ["run", "tensors", "lr=0.1"],
            "tensors is a workbook, changed by editing: it takes no lr=0.1",
        ),
        (
            ["run", "softmax@corrected"],
            "softmax is a workbook, changed by editing: it takes no @corrected",
        ),
        (["run", "spirals"], "spirals is data to train on, not an experiment: expected mlp data=spirals"),
        (["run", "tensor"], "did you mean tensors?"),
        (["tensors"], "nnplay play tensors opens it"),
        (
            ["run", "iris-mlp", "batch_size=1e9"],
            "batch_size: expected a whole number from 1 to 1,000,000, got 1e9",
        ),
        (
            ["run", "iris-mlp", "batch_size=500"],
            "batch_size: expected at most 100, the train rows of iris, got 500",
        ),
        (["run", "iris-mlp", "split=0.001,stratify"], "split: 150 rows cannot be split so"),
        (["run", "iris-mlp", "--backend", "fussed"], "did you mean fused?"),
        (["run", "lr=3"], "expected an experiment's name first"),
        (["run", "iris-mlp", "--jsno"], "--jsno"),
        (["run", "iris-mlp", "--json", "lr=0.1", "--jsno"], "unrecognized arguments: --jsno;"),
        (["run", "iris-mlp", "--lr", "0.1"], "values are given without dashes, as lr=VALUE"),
        (["runs", "last"], "unrecognized arguments: last"),
        (["run", "mlp", "data=mine.csv"], "a table of your own is data=csv:mine.csv"),
        (["run", "mlp", "data=csv:"], "expected the path of a table behind csv:"),
        (["run"], "required"),
        (["rnu", "iris-mlp"], "did you mean run?"),
        (["iris-mlp"], "nnplay play iris-mlp"),
        (["play", "iris-mlp@corect"], "did you mean corrected?"),
        ([], "needs a terminal"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_is_one_line_and_status_2(words: list[str], says: str) -> None:
    done = nnplay(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert says in done.stderr
    assert done.stderr.startswith("nnplay: ")
    assert done.stderr.count("\n") == 1


def test_a_state_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = nnplay("run", "iris-mlp", env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "file")})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "set XDG_STATE_HOME" in done.stderr


def start(*words: str, **options: object) -> subprocess.Popen[str]:
    command = [NNPLAY, "run", "iris-mlp", "epochs=100000", "backend=eager", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


def epochs_of(home: Path) -> int:
    """How many epochs the only run has stored."""
    if not home.exists() or not list(home.iterdir()):
        return 0
    return len([event for event in RunReader(only_run(home)).poll() if isinstance(event, EpochEnded)])


def test_an_interrupt_stores_the_run_and_gives_130(home: Path) -> None:
    process = start("--json")
    wait_for(lambda: epochs_of(home) > 2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    result = json.loads(out)
    assert result["state"] == "interrupted"
    assert result["epochs"] == epochs_of(home) > 2
    assert isinstance(RunReader(only_run(home)).poll()[-1], Ended)


@pytest.mark.parametrize("interrupts", [1, 2, 3])
def test_an_early_interrupt_leaves_no_traceback_and_no_process(home: Path, interrupts: int) -> None:
    process = start()
    run = wait_for(lambda: home.exists() and list(home.iterdir()))[0]
    wait_for(lambda: (run / "worker.log").exists())
    for _ in range(interrupts):
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode in (1, 130)
    assert "Traceback" not in err
    wait_for(lambda: not is_alive(run))


def test_a_killed_worker_is_told_and_its_epochs_stay(home: Path) -> None:
    process = start()
    wait_for(lambda: epochs_of(home) > 2)
    os.kill(_worker_of(process.pid), signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "was killed by SIGKILL" in err
    assert err.count("\n") == 1
    assert epochs_of(home) > 2


def test_a_killed_command_takes_its_worker_along(home: Path) -> None:
    process = start()
    wait_for(lambda: epochs_of(home) > 2)
    process.kill()
    process.communicate()
    wait_for(lambda: not is_alive(only_run(home)))
    ended = RunReader(only_run(home)).poll()[-1]
    assert isinstance(ended, Ended)
    assert ended.state == "interrupted"


def _worker_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    (worker,) = [int(child) for child in children]
    return worker


def test_a_disk_that_fills_up_ends_the_run_with_a_clear_word(home: Path) -> None:
    """A limit on file sizes is the full disk that needs no root."""
    limit = "import resource, signal, os, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", limit, NNPLAY, "run", "iris-mlp", "epochs=1000"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert epochs_of(home) >= 3
    assert RunReader(only_run(home)).damage == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount a small file system")
def test_a_really_full_disk_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "none", disk], capture_output=True
    ).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        done = nnplay("run", "iris-mlp", "epochs=3000", env=os.environ | {"XDG_STATE_HOME": str(disk)})
        (run,) = (disk / "nnplay" / "runs").iterdir()
        events = RunReader(run).poll()
    finally:
        subprocess.run(["umount", disk], check=True)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1
    assert isinstance(events[-1], Ended)
    assert "No space left on device" in events[-1].message
    assert events[-1].epoch == len([e for e in events if isinstance(e, EpochEnded)]) > 3


@pytest.mark.parametrize("words", [["list"], ["run", "iris-mlp", "epochs=1"]])
def test_output_that_cannot_be_written_is_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([NNPLAY, *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "nnplay: cannot write the output: No space left on device\n"


def test_a_network_that_runs_away_fails_and_says_where() -> None:
    wild = "optimizer=sgd lr=1e6 weight_decay=1e6 epochs=2 batch_size=100 hidden=8 activation=identity"
    done = nnplay("run", "iris-mlp", *wild.split(), "output=logits", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "the loss became" in done.stderr


def test_progress_is_shown_on_a_terminal_only() -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [NNPLAY, "run", "iris-mlp", "epochs=30"],
        stdout=subprocess.PIPE,
        stderr=follower,
        stdin=subprocess.DEVNULL,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # the other side is closed
            break
        seen += chunk
    out, _ = process.communicate()
    os.close(leader)
    assert process.returncode == 0
    assert b"30/30" in seen
    assert b"\x1b" not in out


def test_a_reader_that_goes_away_is_no_error() -> None:
    pipeline = f"set -o pipefail; '{NNPLAY}' list | head -n 1"
    done = subprocess.run(["bash", "-c", pipeline], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_list_names_every_experiment_variant_and_key() -> None:
    text = nnplay("list").stdout
    listed = json.loads(nnplay("list", "--json").stdout)
    (iris,) = [e for e in listed["experiments"] if e["name"] == "iris-mlp"]
    assert set(iris["variants"]) == {"published", "corrected"}
    assert iris["variants"]["corrected"]["values"]["output"] == "logits"
    for word in ("iris-mlp", "@published", "@corrected", *listed["keys"]):
        assert word in text
    workbooks = {workbook["name"]: workbook for workbook in listed["workbooks"]}
    assert list(workbooks) == ["tensors", "pipelines", "activations", "softmax"]
    for name, workbook in workbooks.items():
        assert f"{workbook['section']:<7}{name:<19}{workbook['title']}" in text
        assert f"workbook, {len(workbook['cells'])} cells" in text


def test_help_and_version() -> None:
    done = nnplay("--help")
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("play", "list", "run"))
    assert re.fullmatch(r"nnplay \d+\.\d+\.\d+\n", nnplay("--version").stdout)


def test_check_and_bench_belong_to_the_engine() -> None:
    assert "--json" in nnplay("check", "--help").stdout
    assert "--threads" in nnplay("bench", "ops", "--help").stdout
    assert "ops" in nnplay("bench").stdout
    wrong = nnplay("bench", "opps")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert "did you mean ops?" in wrong.stderr


@pytest.mark.parametrize("name", ["check", "bench ops"])
@pytest.mark.parametrize("lines", [0, 1], ids=["while it loads torch", "while it works"])
def test_an_interrupted_check_or_benchmark_says_so_in_one_line_and_gives_130(name: str, lines: int) -> None:
    process = subprocess.Popen(
        [NNPLAY, *name.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    wait_for(lambda: "torch" in Path(f"/proc/{process.pid}/maps").read_text())
    for _ in range(lines):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, f"nnplay {name}: interrupted\n")


def test_a_workbook_runs_and_prints_its_cells_and_results() -> None:
    done = nnplay("run", "softmax")
    assert (done.returncode, done.stderr) == (0, "")
    assert "y_probas = softmax(Z)" in done.stdout
    assert "Probabilities:\n [0.447 0.161 0.392]" in done.stdout
    assert re.search(r"0 +1\.7800 +0\.8557 +0\.4467 +●", done.stdout)
    assert "\x1b" not in done.stdout


def test_a_workbook_as_json_is_one_object_with_the_tensors_of_its_cells() -> None:
    done = nnplay("run", "tensors", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    cells = json.loads(done.stdout)["cells"]
    assert [cell["cell"] for cell in cells] == list(range(1, 19))
    t_b = next(tensor for tensor in cells[0]["tensors"] if tensor["name"] == "t_b")
    about = {"shape": [3], "dtype": "int32", "stride": [1], "device": "cpu", "requires_grad": False}
    assert t_b == {"name": "t_b", **about, "values": [4, 5, 6]}


def test_a_cell_that_fails_ends_its_workbook_with_status_1() -> None:
    code = """
import sys
from engine.workbook import Workbook, cells
from tui import headless_workbook
source = "# %%\\n# One.\\n1 + 1\\n# %%\\n# Two.\\n1 / 0\\n# %%\\n# Three.\\n3\\n"
sys.exit(headless_workbook.run(Workbook("w", "9", "W", "", cells(source)), as_json="--json" in sys.argv))
"""
    for words in ([], ["--json"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, "nnplay: cell 2 of w failed\n")
        assert "ZeroDivisionError" in done.stdout
        assert "Three" not in done.stdout


def test_an_interrupted_workbook_gives_130_and_leaves_no_process() -> None:
    code = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run where ctrl-c is ignored
from engine.workbook import Workbook, cells
from tui import headless_workbook
import tui.cli
cells = cells("# %%\\n# One.\\nimport os; print(os.getpid())\\n# %%\\nwhile True: pass\\n")
tui.cli._run = lambda options: headless_workbook.run(Workbook("w", "9", "W", "", cells), as_json=False)
raise SystemExit(tui.cli.main(["run", "w"]))
"""
    with subprocess.Popen([sys.executable, "-uc", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            lab = int(wait_for(lambda: re.fullmatch(r"(\d+)\n", process.stdout.readline()))[1])
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
    wait_for(lambda: _ended(lab))


def _ended(process: int) -> bool:
    """A zombie has ended: where process 1 is no init, nobody buries it."""
    try:
        return " Z " in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True


def test_the_benchmark_of_the_app_is_known_and_tells_what_it_takes() -> None:
    assert "ui" in nnplay("bench", "--help").stdout
    assert "pseudo-terminal of 120 × 40" in nnplay("bench", "ui", "--help").stdout


def test_glyphs_are_chosen_with_and_without_the_word_play() -> None:
    for words in (["--glyphs", "asci"], ["--glyphs=asci"], ["play", "--glyphs", "asci"]):
        assert "unknown glyphs 'asci': did you mean ascii?" in nnplay(*words).stderr
    assert "needs a terminal" in nnplay("--glyphs", "ascii").stderr
