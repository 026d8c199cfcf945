"""Seeds, devices, settings, progress bars; the training loop against closed forms and plain PyTorch."""

import io
import math
import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from stops import Stopped, Waits, stops_at
from torch import nn

from genbook import train
from genbook.train import device, evaluate, fit, progress, scale, seeded

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


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


# --- fit ---


def network(device="cpu", dropout=0.0):
    with seeded(1):
        return nn.Sequential(nn.Linear(5, 3), nn.Dropout(dropout), nn.Linear(3, 5)).to(device)


def points(n=50, device="cpu"):
    return torch.randn(n, 5, generator=torch.Generator().manual_seed(0)).to(device)


def squared_error(model, x, *, generator):
    return (model(x) - x).square().sum(1)  # (B, 5) -> (B,)


def noisy(model, x, *, generator):
    """Draws from everything that may be drawn from: the generator, torch (in dropout), NumPy, random."""
    x = x + 0.1 * torch.randn(x.shape, generator=generator, device=x.device)
    return squared_error(model, x, generator=generator) * (1 + 0.1 * np.random.rand() + 0.1 * random.random())  # noqa: NPY002


SETTINGS = {"epochs": 4, "lr": 0.01, "batch_size": 16, "seed": 0}


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def equal(a, b):
    return all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


def run(loss=noisy, x=None, dropout=0.2, **options):
    model = network(dropout=dropout)
    history = fit(model, loss, points() if x is None else x, **SETTINGS | options)
    return weights(model), history


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "decay, share",
    [(None, lambda t: 1.0), ("linear", lambda t: 1 - t), ("cosine", lambda t: math.cos(math.pi * t / 2) ** 2)],
)
def test_whole_batches_take_the_steps_of_adam(decay, share, device):
    """With all examples in one batch nothing depends on their order: PyTorch's own loop gives the weights."""
    x, expected, losses = points(device=device), network(device), []
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01, foreach=False)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: share(epoch / 20))
    for _ in range(20):
        optimizer.zero_grad()
        value = ((expected(x) - x) ** 2).sum() / len(x)
        value.backward()
        optimizer.step()
        schedule.step()
        losses.append(value.item())
    model = network(device)
    history = fit(model, squared_error, x, epochs=20, lr=0.01, batch_size=50, seed=0, decay=decay)
    assert history == {"train": pytest.approx(losses, rel=1e-4)}
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-5)


def test_the_rate_falls_with_every_step_not_every_epoch():
    """Where the gradient is 1 at each step, so is Adam's direction: a weight has moved by the sum of the rates."""
    model = nn.Linear(1, 1, bias=False)
    before = float(model.weight.detach())

    def slope(model, x, *, generator):
        return model.weight.sum() * torch.ones(len(x))

    fit(model, slope, torch.zeros(10, 1), epochs=3, lr=0.1, batch_size=2, seed=0, decay="linear")
    rates = [0.1 * (1 - step / 15) for step in range(15)]
    assert before - float(model.weight.detach()) == pytest.approx(sum(rates), rel=1e-5)


def test_mini_batches_find_the_least_squares_solution():
    with seeded(0):
        x, noise = torch.randn(400, 3), torch.randn(400)
    y = x @ torch.tensor([1.0, -2.0, 0.5]) + 3 + 0.1 * noise
    model = nn.Linear(3, 1)

    def residual(model, x, y, *, generator):
        return (model(x).squeeze(1) - y).square()

    history = fit(model, residual, (x, y), epochs=40, lr=0.1, batch_size=40, seed=0, decay="cosine")
    design = np.column_stack([x.numpy(), np.ones(400)])
    solution, squares, *_ = np.linalg.lstsq(design, y.numpy(), rcond=None)
    found = torch.cat([model.weight[0], model.bias]).tolist()
    assert found == pytest.approx(solution, abs=1e-3)
    assert history["train"][-1] == pytest.approx(squares[0] / 400, rel=1e-2)


def test_an_epoch_shows_each_example_once_with_its_label_in_a_new_order():
    seen = []

    def record(model, x, y, *, generator):
        assert model.training
        seen.append((x[:, 0].tolist(), y.tolist()))
        return model(x).sum(1)

    x = torch.arange(50.0)[:, None].expand(50, 5)
    fit(network(), record, (x, torch.arange(50) * 10), epochs=2, lr=1e-3, batch_size=16, seed=0)
    assert [len(a) for a, _ in seen] == [16, 16, 16, 2] * 2
    orders = [[i for a, _ in epoch for i in a] for epoch in (seen[:4], seen[4:])]
    assert [sorted(order) for order in orders] == [list(range(50))] * 2
    assert orders[0] != orders[1] and sorted(orders[0]) != orders[0]
    assert all(labels == [10 * i for i in a] for a, labels in seen)


def test_history_holds_means_over_the_examples_whatever_the_batches():
    values = torch.rand(50, 1) * torch.arange(50)[:, None]

    def value(model, x, *, generator):
        return x[:, 0] + 0 * model.weight.sum()

    history = fit(nn.Linear(1, 1), value, values, test=values[:30], epochs=2, lr=1e-3, batch_size=16, seed=0)
    assert history["train"] == pytest.approx([values.mean().item()] * 2)
    assert history["test"] == pytest.approx([values[:30].mean().item()] * 2)
    assert all(type(number) is float for numbers in history.values() for number in numbers)


def test_the_seed_alone_decides(monkeypatch):
    first, history = run()
    state = torch.get_rng_state()
    global_draws()
    again, same = run()
    assert equal(first, again) and history == same
    assert not equal(first, run(seed=1)[0])
    monkeypatch.setenv("GENBOOK_SEED", "1")
    shifted = run()[0]
    assert not equal(first, shifted)
    torch.set_rng_state(state)


def test_training_and_evaluation_leave_the_global_states_alone():
    torch.manual_seed(1), np.random.seed(1), random.seed(1)  # noqa: NPY002
    expected = global_draws()
    torch.manual_seed(1), np.random.seed(1), random.seed(1)  # noqa: NPY002
    run(test=points(20))
    assert global_draws() == expected


def test_each_epoch_draws_anew():
    draws = []

    def draw(model, x, *, generator):
        draws.append((torch.rand((), generator=generator).item(), *global_draws()))
        return squared_error(model, x, generator=generator)

    run(draw, batch_size=50)
    assert len({number for row in draws for number in row}) == 4 * len(draws)


def test_the_test_set_does_not_change_the_training():
    alone, history = run()
    beside, with_test = run(test=points(20))
    assert equal(alone, beside) and with_test["train"] == history["train"]


def test_evaluation_is_without_dropout_gradients_or_new_draws():
    model, x = network(dropout=0.5), points(25)
    seen = []

    def watch(model, x, *, generator):
        seen.append((model.training, torch.is_grad_enabled(), len(x)))
        return noisy(model, x, generator=generator)

    for training in (True, False):
        model.train(training)
        first, again = (evaluate(model, watch, x, seed=0, chunk=10) for _ in range(2))
        assert first == again != evaluate(model, watch, x, seed=1, chunk=10)
        assert model.training == training
    assert set(seen) == {(False, False, 10), (False, False, 5)}
    exact = model.eval()(x).sub(x).square().sum(1).mean().item()
    assert evaluate(model.train(), squared_error, x, seed=0) == pytest.approx(exact, rel=1e-5)
    assert evaluate(model, squared_error, x, seed=0, chunk=4) == pytest.approx(exact, rel=1e-5)


def test_the_model_ends_in_eval_mode_and_the_last_test_loss_is_its_own():
    model, x = network(dropout=0.5), points()
    history = fit(model, squared_error, x, test=x[:20], **SETTINGS)
    assert not any(module.training for module in model.modules())
    assert history["test"][-1] == pytest.approx((model(x[:20]) - x[:20]).square().sum(1).mean().item(), rel=1e-5)


def test_no_step_waits_for_a_value():
    counts = []
    for batch_size in (50, 5):
        with Waits() as waits:
            run(squared_error, batch_size=batch_size)
        counts.append(waits.count)
    assert counts[0] == counts[1] > 0  # 1 step per epoch, or 10


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_no_step_waits_for_the_gpu(recwarn):
    counts = []
    torch.cuda.set_sync_debug_mode("warn")
    try:
        for batch_size in (50, 5):
            warned = len(recwarn)
            fit(network("cuda"), noisy, points(device="cuda"), **SETTINGS | {"batch_size": batch_size})
            counts.append(len(recwarn) - warned)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert counts[0] == counts[1] > 0  # 1 step per epoch, or 10


def test_bf16_is_autocast_where_the_hardware_has_it(monkeypatch):
    seen = []

    def watch(model, x, *, generator):
        out = model(x)
        seen.append((model.training, out.dtype))
        return (out - x).square().sum(1)

    exact, history = run(watch, dropout=0.0, test=points(20))
    monkeypatch.setattr(train, "has_bf16", lambda device: False)
    without, _ = run(watch, dropout=0.0, test=points(20), bf16=True)
    assert equal(exact, without) and {dtype for _, dtype in seen} == {torch.float32}

    seen.clear()
    monkeypatch.setattr(train, "has_bf16", lambda device: True)
    low, rounded = run(watch, dropout=0.0, test=points(20), bf16=True)
    assert set(seen) == {(True, torch.bfloat16), (False, torch.float32)}
    assert not equal(exact, low) and {p.dtype for p in low} == {torch.float32}
    assert rounded["test"] == pytest.approx(history["test"], rel=0.02)


@pytest.mark.parametrize("device", DEVICES)
def test_the_hardware_is_asked_for_bf16(device):
    assert isinstance(train.has_bf16(torch.device(device)), bool)


def test_the_bar_shows_the_losses(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    _, history = run(test=points(20))
    assert "training: 100%" in sys.stderr.getvalue()
    assert f"train={history['train'][-1]:.4g}, test={history['test'][-1]:.4g}" in sys.stderr.getvalue()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 0}, "got 0, 16, 1, 0 and 0.01"),
        ({"epochs": 5.0}, r"whole numbers of at least 1, a whole seed .*, got 5.0, 16"),
        ({"batch_size": 16.0}, "whole numbers of at least 1, .*got 4, 16.0"),
        ({"every": 1.5}, "got 4, 16, 1.5"),
        ({"seed": 0.5}, "a whole seed .*, got 4, 16, 1, 0.5 and"),
        ({"epochs": "4"}, "whole numbers"),
        ({"batch_size": 0}, "got 4, 0, 1"),
        ({"every": 0}, "got 4, 16, 0"),
        ({"lr": 0.0}, "and 0.0"),
        ({"lr": math.nan}, "and nan"),
        ({"lr": math.inf}, "and inf"),
        ({"decay": "steps"}, "None, 'linear', 'cosine', got 'steps'"),
        ({"x": torch.full((5, 5), math.nan)}, "finite data"),
        ({"x": torch.arange(1e5).where(torch.arange(1e5) != 54_321, math.nan).reshape(-1, 5)}, "finite data"),
        ({"x": torch.arange(1e5).where(torch.arange(1e5) != 54_321, -math.inf).reshape(-1, 5)}, "finite data"),
        ({"x": (torch.zeros(5, 5), torch.zeros(4))}, r"one length.*\[5, 4\]"),
        ({"x": torch.zeros(0, 5)}, r"at least 1, got lengths \[0\]"),
        ({"x": ()}, "one length"),
        ({"x": torch.zeros(5, 5, device="meta")}, "one device, got cpu, meta"),
        ({"test": torch.full((5, 5), math.inf)}, "finite data"),
        ({"x": torch.zeros(5, 5).double()}, r"data are float64 and the model's weights float32: give x.float\(\)"),
        (
            {"x": torch.zeros(5, 5, dtype=torch.uint8), "loss": squared_error},
            r"data are uint8 .*of bytes x.float\(\) / 255",
        ),
        ({"x": torch.zeros(5, 5, dtype=torch.int64), "loss": squared_error}, "data are int64 and"),
        ({"x": torch.zeros(5, 5, dtype=torch.float16), "loss": squared_error}, "data are float16 and"),
        ({"test": torch.zeros(5, 5).double()}, "of the same dtypes, got float32 and float64"),
        ({"loss": lambda model, x, generator: model(x).mean()}, r"shape \(16,\), got shape \(\)"),
        ({"loss": lambda model, x, generator: model(x)}, r"shape \(16,\), got shape \(16, 5\)"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)


def test_data_in_another_dtype_are_welcome_where_the_loss_changes_it():
    _, history = run(lambda model, x, generator: noisy(model, x.float() / 255, generator=generator), x=points().byte())
    assert len(history["train"]) == SETTINGS["epochs"]


def test_an_error_of_the_loss_that_is_no_matter_of_dtypes_is_passed_on():
    for x in (points(), points().double()):
        with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
            run(lambda model, x, generator: model(x[:, :3].float()).sum(1), x=x)


@pytest.mark.parametrize("frozen", [network().requires_grad_(False), nn.Identity()])
def test_a_model_with_nothing_to_train_is_named(frozen):
    n = len(list(frozen.parameters()))
    with pytest.raises(ValueError, match=f"nothing to train: none of the model's {n} parameters has requires_grad"):
        fit(frozen, noisy, points(), **SETTINGS)
    if n:  # one is enough
        next(frozen.parameters()).requires_grad_()
        fit(frozen, noisy, points(), **SETTINGS)


@pytest.mark.parametrize("batch_size", [1, 16, 64])
def test_a_last_batch_of_one_is_named_before_batch_norm_meets_it(batch_size):
    def made(*layers):
        with seeded(1):
            return nn.Sequential(nn.Linear(5, 8), *layers, nn.Linear(8, 5))

    settings = SETTINGS | {"batch_size": batch_size, "epochs": 1}
    model = made(nn.BatchNorm1d(8))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=rf"65 examples and batch_size={batch_size} the last batch is a single one"):
        fit(model, squared_error, points(65), **settings)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    fit(made(), squared_error, points(65), **settings)
    if batch_size > 1:
        fit(model, squared_error, points(66), **settings)
    spread = [nn.Unflatten(1, (2, 2, 2)), nn.BatchNorm2d(2), nn.Flatten()]  # four pixels of one image will do
    fit(made(*spread), squared_error, points(65), **settings)


@pytest.mark.parametrize("x", [np.zeros((5, 5), np.float32), [torch.zeros(5, 5), [0, 1, 2, 3, 4]]])
def test_data_that_are_no_tensors_are_named(x):
    with pytest.raises(TypeError, match=r"tuple of tensors, got .*(ndarray|list)"):
        run(x=x)


# --- Losses that are not finite ---


def fails_at(step, value=math.nan):
    """A loss that is `value` for one example at that step, counted from 1."""
    count = 0

    def loss(model, x, *, generator):
        nonlocal count
        count += model.training
        values = squared_error(model, x, generator=generator)
        return values * torch.where(torch.arange(len(x)) == 1, value, 1.0) if count == step else values

    return loss


@pytest.mark.parametrize("value, shown", [(math.nan, "nan"), (math.inf, "inf")])
@pytest.mark.parametrize(
    "step, where, cause",
    [
        (1, "step 1 of 4 in epoch 1 of 4", "the loss itself is at fault"),
        (5, "step 1 of 4 in epoch 2 of 4", "lr=0.01 is most likely too large"),
        (11, "step 3 of 4 in epoch 3 of 4", "lr=0.01 is most likely too large"),
    ],
)
def test_a_loss_that_is_not_finite_stops_with_its_place_and_cause(step, where, cause, value, shown, tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(FloatingPointError, match=f"loss is {shown} at {where}: .*{cause}"):
        run(fails_at(step, value), checkpoint=path)
    done = (step - 1) // 4
    assert path.exists() == (done > 0)
    if done:  # the last good epoch
        state = torch.load(path, weights_only=True)
        assert len(state["history"]["train"]) == done
        assert all(value.isfinite().all() for value in state["model"].values())


def test_a_rate_too_large_is_found():
    with pytest.raises(FloatingPointError, match=r"at step . of 4 in epoch 1 of 4: lr=1e\+30 is most likely"):
        run(squared_error, lr=1e30)


def test_a_last_step_that_spoils_the_weights_is_noticed_before_they_are_kept(tmp_path):
    """The loss is finite, its gradient is not: sqrt at 0."""

    def root(model, x, *, generator):
        return (model(x).sum(1) * 0).sqrt()

    with pytest.raises(FloatingPointError, match="a weight is not finite after step 1 of 1 in epoch 1 of 4"):
        run(root, batch_size=50, checkpoint=tmp_path / "run.pt")
    assert not (tmp_path / "run.pt").exists()


# --- Checkpoints ---


@pytest.mark.parametrize("options", [{}, {"every": 3}, {"decay": "cosine", "test": points(20)}])
@pytest.mark.parametrize("step", [1, 4, 5, 11, 16])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(step, options, tmp_path):
    expected, history = run(**options)
    path = tmp_path / "made" / "run.pt"
    with pytest.raises(Stopped):
        run(stops_at(noisy, step), **options, checkpoint=path)
    resumed, resumed_history = run(**options, checkpoint=str(path))
    assert equal(expected, resumed) and resumed_history == history
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_run_goes_on_from_one_device_to_the_other(tmp_path):
    with pytest.raises(Stopped):
        run(stops_at(noisy, 9), checkpoint=tmp_path / "run.pt")
    model = network("cuda", dropout=0.2)
    history = fit(model, noisy, points(device="cuda"), **SETTINGS, checkpoint=tmp_path / "run.pt")
    assert len(history["train"]) == 4 and next(model.parameters()).is_cuda


@pytest.mark.parametrize("every, kept", [(1, 3), (2, 2), (3, 3), (4, 0)])
def test_every_says_which_epochs_are_kept(every, kept, tmp_path):
    path = tmp_path / "run.pt"
    with pytest.raises(Stopped):
        run(stops_at(noisy, 13), every=every, checkpoint=path)  # the first step of the last epoch
    assert (len(torch.load(path, weights_only=True)["history"]["train"]) if path.exists() else 0) == kept


def test_a_finished_run_is_read_back(tmp_path):
    expected, history = run(checkpoint=tmp_path / "run.pt", every=3)
    read, same = run(stops_at(noisy, 1), checkpoint=tmp_path / "run.pt")
    assert equal(expected, read) and same == history


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 5}, "epochs is 4 there and 5 here"),
        ({"lr": 0.02}, "lr is 0.01 there and 0.02 here"),
        ({"batch_size": 8}, "batch_size is 16 there and 8 here"),
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"decay": "linear"}, "decay is None there and linear here"),
        ({"bf16": True}, "bf16 is False there and True here"),
        ({"x": points() + 1e-6}, r"x is \(50, 5\) torch.float32, SHA-256 .* there and"),
        ({"x": points(49)}, r"x is \(50, 5\) .* there and \(49, 5\)"),
        ({"test": points(20)}, r"test is None there and \(20, 5\)"),
        ({"lr": 0.02, "seed": 1}, "lr is .*; seed is"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused_with_what_differs(options, message, tmp_path):
    path = tmp_path / "run.pt"
    run(checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"other settings: {message}"):
        run(**options, checkpoint=path)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_model_or_environment_seed_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    run(checkpoint=path)
    with pytest.raises(ValueError, match=r"model is \{'0.weight': \[3, 5\]"):
        fit(nn.Linear(5, 5), squared_error, points(), **SETTINGS, checkpoint=path)
    monkeypatch.setenv("GENBOOK_SEED", "2")
    with pytest.raises(ValueError, match="seed is 0 there and 2000 here"):
        run(checkpoint=path)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    run(checkpoint=path)
    whole = path.read_bytes()
    other = io.BytesIO()
    torch.save([1, 2], other)
    for content in (b"", b"text", whole[:10], whole[: len(whole) // 2], whole[:-1], other.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"run\.pt is damaged or not a checkpoint"):
            run(checkpoint=path)
        assert path.read_bytes() == content


def test_a_checkpoint_runs_no_code(tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    torch.save({"settings": Harmful()}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="damaged"):
        run(checkpoint=tmp_path / "run.pt")
    assert not (tmp_path / "harm").exists()


# The process stops where it is told to and waits to be killed; "run" trains slowly, so that the kill falls anywhere.
PROCESS = """
import os, sys, time, torch
from torch import nn
from genbook.train import fit, seeded

torch.set_num_threads(1)
path, point = sys.argv[1:]
x = torch.randn(64, 5, generator=torch.Generator().manual_seed(0))

def loss(model, x, *, generator):
    print("step", flush=True)
    time.sleep(0.005 * (point == "run"))
    noise = torch.randn(x.shape, generator=generator)
    return (model(x + 0.1 * noise) - x).square().sum(1)

def train(**options):
    with seeded(1):
        model = nn.Sequential(nn.Linear(5, 3), nn.Dropout(0.2), nn.Linear(3, 5))
    fit(model, loss, x, epochs=30, lr=0.01, batch_size=16, seed=0, decay="linear", **options)
    return model.state_dict()

writes = 0
sync, replace = os.fsync, os.replace

def wait():
    print("killable", flush=True)
    time.sleep(60)

def half_sync(file):
    global writes
    writes += 1
    if writes == 3:
        os.ftruncate(file, os.fstat(file).st_size // 2)
        wait()
    sync(file)

def late_replace(*paths):
    global writes
    writes += 1
    if writes == 3:
        wait()
    replace(*paths)

if point == "write":
    os.fsync = half_sync
if point == "replace":
    os.replace = late_replace
resumed = train(checkpoint=path)
print("finished", flush=True)
unbroken = train()
print("same" if all(torch.equal(resumed[name], unbroken[name]) for name in unbroken) else "different", flush=True)
"""


def test_a_run_that_was_killed_again_and_again_ends_as_one_that_was_not(tmp_path):
    path = tmp_path / "run.pt"

    def start(point):
        command = [sys.executable, "-c", PROCESS, str(path), point]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    for point, epochs in (("write", 2), ("replace", 4)):
        with start(point) as process:
            for line in process.stdout:
                if line == "killable\n":
                    process.kill()  # SIGKILL: nothing can be tidied up
        assert process.returncode != 0
        assert path.with_name("run.pt.tmp").exists()  # it died while it wrote
        assert len(torch.load(path, weights_only=True)["history"]["train"]) == epochs
    with start("run") as process:
        for _ in range(random.Random(0).randrange(20, 60)):
            process.stdout.readline()
        process.kill()
    reached = len(torch.load(path, weights_only=True)["history"]["train"])
    assert reached > 4
    with start("finish") as process:
        lines = process.stdout.read().split()
    assert lines.index("finished") == 4 * (30 - reached)  # it went on, and did not start anew
    assert lines[-1] == "same" and lines.count("step") == 4 * (30 - reached) + 4 * 30


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    with pytest.raises(Stopped):
        run(stops_at(noisy, 6), checkpoint=path)
    before = path.read_bytes()

    def full(file):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        run(checkpoint=path)
    assert path.read_bytes() == before
