"""Processes that read pictures: however they or the training end, nothing is lost, and nothing waits for ever."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_training import at_step, environment, start, stopping, two, wait_for

from genbook import images, readers, training
from genbook import stopping as training_stop

ROOT = Path(__file__).parents[1]
STREAMED = ["--memory", "0", "--workers", "2"]


@pytest.fixture(autouse=True)
def _signals_as_in_a_terminal():
    """Under nohup some are ignored, and a training goes on, as it should: these tests would not end."""
    usual = {number: signal.getsignal(number) for number in readers.SIGNALS}
    for number in readers.SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


@pytest.fixture
def folder(tmp_path):
    """Forty pictures of noise."""
    where = tmp_path / "pictures"
    where.mkdir()
    for k in range(40):
        pixels = np.random.default_rng(k).integers(0, 256, (32, 32), np.uint8)
        Image.fromarray(pixels).save(where / f"{k:02}.png")
    return where


def arguments(data, out, *more, steps=10**6):
    small = ["--width", "4", "--latent", "4", "--batch-size", "8", "--show", "4", "--steps", str(steps)]
    return ["vae", "--data", str(data), "--out", str(out), *small, *more]


def ended(*args, **options):
    """The exit status of a training in this process."""
    with pytest.raises(SystemExit) as error:
        training.main(arguments(*args, **options))
    return error.value.code


def step_of(out):
    return training.read_checkpoint(out / "checkpoint.safetensors")[0]["step"]


def told_until(process, what):
    """The lines of a process's stderr up to the first that holds this."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if what in line:
            return lines
    raise AssertionError(f"it ended without {what!r}: {''.join(lines)}")


def readers_of(pid):
    """Where its tree of processes ends: a server that forks lies between. But not the one that tracks resources."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_text()
        except OSError:  # it has just ended
            continue
        if "resource_tracker" not in command:
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))

    def ends(process):
        return [end for child in children[process] for end in ends(child)] if process in children else [process]

    return sorted(end for child in children.get(pid, []) for end in ends(child))


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


@on_linux
def test_a_training_whose_reader_is_killed_ends(folder, tmp_path):
    """In a process of its own, for it waited when it was to end."""
    process = start(arguments(folder, tmp_path / "out", *STREAMED))
    try:
        told_until(process, "step 1/")
        os.kill(readers_of(process.pid)[0], signal.SIGKILL)
        told = process.communicate(timeout=120)[1]
    finally:
        process.kill()
    assert process.returncode == 1 and "Traceback" not in told
    (line,) = [line for line in told.splitlines() if not line.startswith("step ")]
    assert "killed by SIGKILL, most likely for want of memory" in line
    assert step_of(tmp_path / "out") >= 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_a_reader_is_answered_with_a_checkpoint_and_a_line(number, folder, tmp_path, monkeypatch, capsys):
    at_step(monkeypatch, 3, lambda: os.kill(multiprocessing.active_children()[0].pid, number))
    assert ended(folder, tmp_path / "out", *STREAMED) == 1 and multiprocessing.active_children() == []
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"killed by {signal.Signals(number).name}" in line and "--workers 0" in line and "--resume" in line
    assert step_of(tmp_path / "out") >= 3


@pytest.mark.parametrize("first", ["its reader", "the training"])
def test_a_signal_to_a_whole_group_is_no_death_of_a_reader(first, folder, tmp_path, monkeypatch, capsys):
    exact = time.sleep

    def sleep(seconds):  # while the training waits whether its own signal comes
        os.kill(os.getpid(), signal.SIGTERM)
        exact(seconds)

    def to_one():
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGTERM)
        if first == "the training":
            os.kill(os.getpid(), signal.SIGTERM)

    at_step(monkeypatch, 3, to_one)
    monkeypatch.setattr(training_stop.time, "sleep", sleep)
    assert ended(folder, tmp_path / "out", *STREAMED) == 143
    assert capsys.readouterr().err.splitlines()[-1].startswith("stopped after step ")
    assert step_of(tmp_path / "out") >= 3


@on_linux
def test_one_of_two_processes_whose_reader_dies_takes_the_other_along_with_a_checkpoint(folder, tmp_path):
    processes = two(arguments(folder, tmp_path / "out", "--memory", "0", "--workers", "1"))
    try:
        told_until(processes[0], "step 1/")
        os.kill(readers_of(processes[1].pid)[0], signal.SIGKILL)
        told = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert "killed by SIGKILL" in told[1] and processes[1].returncode == 1, told
    assert "stopped after step" in told[0] and processes[0].returncode == 0, told
    assert not any("Traceback" in text for text in told) and step_of(tmp_path / "out") >= 1


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # a signal can come between open and with
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]], ids=str)
def test_a_signal_ends_the_waiting_for_pictures_with_a_checkpoint(workers, signals, folder, tmp_path, capfd):
    """One picture becomes a pipe into which nobody writes: who reads it waits for ever."""

    def replace_and_signal():
        wait_for((tmp_path / "out" / "checkpoint.safetensors").exists, "a checkpoint")
        for path in sorted(folder.iterdir()):
            path.unlink()
            os.mkfifo(path)
        wait_for(lambda: any(being_read(path) for path in folder.iterdir()), "a reader")
        for number in signals:
            os.kill(os.getpid(), number)

    def being_read(path):
        try:
            held.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    held = []
    helper = threading.Thread(target=replace_and_signal)
    helper.start()
    try:
        code = ended(folder, tmp_path / "out", "--memory", "0", "--workers", str(workers), "--minutes", "0")
    finally:
        helper.join()
        for file in held:
            os.close(file)
    assert code == 128 + signals[0] and multiprocessing.active_children() == []
    told = capfd.readouterr().err
    assert "Traceback" not in told and told.splitlines()[-1].startswith("stopped after step")
    assert step_of(tmp_path / "out") >= 1


def test_two_signals_in_one_step_save_it(folder, tmp_path, monkeypatch):
    stopping(monkeypatch, 3, signal.SIGINT, times=2)
    assert ended(folder, tmp_path / "out", *STREAMED) == 130
    assert step_of(tmp_path / "out") == 3


def test_a_third_signal_ends_at_once(folder, tmp_path, monkeypatch, capsys):
    stopping(monkeypatch, 3, signal.SIGINT, times=3)
    assert ended(folder, tmp_path / "out", *STREAMED) == 130
    assert "in the middle of a step" in capsys.readouterr().err
    assert not (tmp_path / "out" / "checkpoint.safetensors").exists()


@pytest.mark.parametrize("what", ["listing", "looking", "reading"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_first_step_ends_at_once(what, number, folder, tmp_path, monkeypatch, capsys):
    owner, name, call = {
        "listing": (os, "scandir", 1),
        "looking": (images.Pictures, "_open", 3),
        "reading": (images.Pictures, "_open", 45),
    }[what]
    exact, calls = getattr(owner, name), []

    def signalling(*args, **options):
        calls.append(args)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return exact(*args, **options)

    (folder / "more").mkdir()
    monkeypatch.setattr(owner, name, signalling)
    assert ended(folder, tmp_path / "out", "--workers", "0", steps=3) == 128 + number
    assert len(calls) == call
    told = capsys.readouterr().err.splitlines()
    assert told[-1] == "stopped before the training began: there is nothing to save"
    assert not (tmp_path / "out" / "checkpoint.safetensors").exists()


def test_a_closed_terminal_is_a_signal_too(folder, tmp_path, monkeypatch):
    stopping(monkeypatch, 2, signal.SIGHUP)
    assert ended(folder, tmp_path / "out", *STREAMED) == 129
    assert step_of(tmp_path / "out") == 2


def script(text, **options):
    command = [sys.executable, "-c", textwrap.dedent(text)]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=100, **options)


def test_no_shared_memory_is_needed(folder):
    """No process may write a file of more than 100 kB, such as a piece of shared memory: batches are larger."""
    done = script(
        f"""
        import resource
        from genbook import images
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        pictures = images.find({str(folder)!r}, 64, channels=3)
        for batch in images.stream(pictures, [list(range(40))] * 20, broken={{}}, workers=2):
            assert batch.numel() > 400_000
        print("read")
        """
    )
    assert done.stdout == "read\n", done.stderr


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "raise KeyError"])
def test_readers_end_with_the_process_that_started_them(end, folder):
    """They hold its stderr: this waits until they are gone. Nobody closed the stream."""
    done = script(
        f"""
        import os, signal
        from genbook import images
        pictures = images.find({str(folder)!r}, 64, channels=3)
        stream = images.stream(pictures, [list(range(40))] * 1000, broken={{}}, workers=3)
        print(len(next(stream)), flush=True)
        {end}
        """
    )
    assert done.stdout == "40\n", done.stderr


# Other libraries may have entered theirs.
@pytest.mark.parametrize("method", sorted({"fork", "spawn", "forkserver"} & {*multiprocessing.get_all_start_methods()}))
def test_readers_work_however_processes_are_started(method, folder, monkeypatch):
    pictures = images.find(str(folder), 32)
    (folder / "07.png").write_text("no picture")
    monkeypatch.setattr(readers, "multiprocessing", multiprocessing.get_context(method))
    rows, broken = [[0, 1, 2], [6, 7, 8], [9, 0, 1]], {}
    found = list(images.stream(pictures, rows, broken=broken, workers=2))
    assert all((a == b).all() for a, b in zip(found, images.stream(pictures, rows, broken={}), strict=True))
    assert list(broken) == [7]


def test_what_readers_cannot_read_is_said_as_without_them(folder):
    for path in folder.iterdir():
        path.write_text("no picture")
    for workers in (0, 2):
        with pytest.raises(ValueError, match="none of the 40 pictures can be read; the first is"):
            list(images.stream(images.Pictures(sorted(folder.iterdir()), 32, 1), [[0]], broken={}, workers=workers))


def test_pictures_that_are_all_gone_end_a_training_with_a_checkpoint(folder, tmp_path, monkeypatch, capsys):
    at_step(monkeypatch, 4, lambda: [path.unlink() for path in folder.iterdir()])
    assert ended(folder, tmp_path / "out", *STREAMED) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: none of the 40 pictures can be read") and "--resume goes on" in told
    assert step_of(tmp_path / "out") >= 4


def test_many_broken_pictures_in_a_row_end_nothing(folder, tmp_path, capsys):
    for k in range(150):
        (folder / f"a{k:03}.jpg").write_text("")
    for memory in ("4", "0"):
        training.main(arguments(folder, tmp_path / memory, "--memory", memory, "--workers", "2", steps=30))
        told = capsys.readouterr().err
        assert "done" in told and "further ones are only counted" in told
    found, _ = images.in_memory(images.find(str(folder), 32))
    counts = [(found == picture).flatten(1).all(1).sum().item() for picture in found[:40]]
    assert max(counts) <= 10  # no picture stands for all of them: 190 places, 40 pictures
