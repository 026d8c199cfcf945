"""Seeds, devices, settings and progress bars."""

import io
import random
import sys

import numpy as np
import pytest
import torch

from genbook.train import device, progress, scale, seeded


@pytest.fixture(autouse=True)
def default_environment(monkeypatch):
    monkeypatch.delenv("GENBOOK_SEED", raising=False)
    monkeypatch.delenv("GENBOOK_QUIET", raising=False)


def global_draws() -> list[float]:
    return [torch.rand(()).item(), np.random.rand(), random.random()]  # noqa: NPY002


def test_seeded_gives_the_stream_of_its_seed():
    with seeded(7) as generator:
        drawn = torch.rand(3, generator=generator)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(7)))


def test_global_draws_inside_depend_on_the_seed_alone():
    runs = []
    for seed in (7, 7, 8):
        global_draws()
        with seeded(seed):
            runs.append(global_draws())
    assert runs[0] == runs[1]
    assert all(a != b for a, b in zip(runs[0], runs[2], strict=True))


@pytest.mark.parametrize("fail", [False, True])
def test_the_global_states_come_back_even_after_an_error(fail):
    torch.manual_seed(1), np.random.seed(1), random.seed(1)  # noqa: NPY002
    expected = global_draws()
    torch.manual_seed(1), np.random.seed(1), random.seed(1)  # noqa: NPY002
    try:
        with seeded(99):
            global_draws()
            if fail:
                raise KeyError
    except KeyError:
        pass
    assert global_draws() == expected


def test_blocks_may_be_nested():
    with seeded(1) as outer:
        first = torch.rand((), generator=outer)
        with seeded(2):
            global_draws()
        second = torch.rand((), generator=outer), *global_draws()
    with seeded(1) as outer:
        assert torch.rand((), generator=outer) == first
        assert (torch.rand((), generator=outer), *global_draws()) == second


def test_the_environment_shifts_the_seed_by_thousands(monkeypatch):
    monkeypatch.setenv("GENBOOK_SEED", "3")
    with seeded(7) as generator:
        shifted = torch.rand((), generator=generator), *global_draws()
    monkeypatch.delenv("GENBOOK_SEED")
    with seeded(3007) as generator:
        assert (torch.rand((), generator=generator), *global_draws()) == shifted


@pytest.mark.parametrize("value", ["-1", "1.5", "two", "", "²"])
def test_a_bad_environment_seed_is_named(value, monkeypatch):
    monkeypatch.setenv("GENBOOK_SEED", value)
    with pytest.raises(ValueError, match="GENBOOK_SEED"), seeded(0):
        pass


def test_a_negative_seed_is_refused_and_leaves_the_states_alone():
    state = torch.get_rng_state()
    with pytest.raises(ValueError), seeded(-1):
        pass
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("gpus, name", [(0, "cpu"), (1, "cuda")])
def test_scale_follows_the_device(gpus, name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(gpus))
    assert device() == torch.device(name)
    assert scale(cpu="small", gpu="large") == ("large" if gpus else "small")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_passes_everything_on_and_is_silent_here(capsys):
    assert list(progress(range(4), desc="epochs")) == [0, 1, 2, 3]
    assert capsys.readouterr() == ("", "")


def test_progress_shows_in_a_terminal_unless_it_is_to_be_quiet(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert list(progress(range(4), desc="epochs")) == [0, 1, 2, 3]
    assert "epochs: 100%" in sys.stderr.getvalue()

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("GENBOOK_QUIET", "1")
    assert list(progress(range(4), desc="epochs")) == [0, 1, 2, 3]
    assert sys.stderr.getvalue() == ""


def test_progress_shows_in_a_notebook(monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: "a shell")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert sum(progress([1, 2])) == 3
    assert "100%" in sys.stderr.getvalue()


def test_a_silent_bar_still_takes_messages():
    bar = progress([1])
    for _ in bar:
        bar.set_postfix(loss=1.0)
