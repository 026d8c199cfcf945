"""The command that lists the printed numbers that float32 spoils, on a chapter made up for it."""

import re
import subprocess
import sys

import precision
import pytest
import shadow
import torch
from torch import nn

CHAPTER = """\
# A chapter

```{code-cell}
import torch
from torch import nn
from torch.distributions import ContinuousBernoulli
from genbook.claims import claim, glue
from genbook.train import fit, seeded
logits = torch.tensor([-3.0, 20.0, 30.0])
```

Saturated: $1 - p$ is 0.

```{code-cell}
surprise = -torch.log(1 - logits.sigmoid())
print(f"{surprise[0]:.3f} nats and {surprise[1]:.3f} nats")
```

```{code-cell}
missing = ContinuousBernoulli(logits=logits).log_prob(torch.full((3,), 0.5))
glue("missing", missing.sum())
```

Cancelled: a variance by products, and distances far from the origin.

```{code-cell}
with seeded(0) as generator:
    x = torch.randn(1000, generator=generator)
    far = x + 3000
print(f"{x.square().mean() - x.mean() ** 2:.4f}")
print(f"{far.square().mean() - far.mean() ** 2:.4f}")
away = torch.cdist(far[:, None], far[:, None]).mean()
glue("away", away)
```

Harmless: sums, a training and what was trained, draws, steps by hand, whole numbers.

```{code-cell}
with seeded(1) as generator:
    model, line = nn.Linear(3, 1), nn.Linear(3, 1)
    data = torch.randn(64, 3, generator=generator)
loss = lambda model, x, generator: (model(x)[:, 0] - x.sum(1)).square()
print(f"{loss(model, data, None).mean():.3f}", model.weight.dtype)
history = fit(model, loss, data, epochs=3, lr=0.1, batch_size=16, seed=0)
print([round(value, 3) for value in history["train"]], f"{loss(model, data, None).mean():.3f}")
optimizer = torch.optim.Adam(line.parameters(), lr=0.1, fused=True)
for step in range(3):
    optimizer.zero_grad()
    loss(line, data, None).mean().backward()
    optimizer.step()
print(f"{loss(line, data, None).mean():.3f}", int((data > 0).sum()), torch.linspace(0, 1, 11).square().mean())
(slope,) = torch.autograd.grad((line.weight**3).sum(), line.weight)
glue("slope", slope.sum())
```

```{code-cell}
:tags: [claim]
claim("a sigmoid stays below 1", logits.sigmoid()[1].item() < 1)
claim("the mean is near 0", abs(x.mean()) < 0.1)
```

It is {glue:text}`missing:.2f`, or {glue:text}`missing:.0f`; {glue:text}`away:.2f`; {glue:text}`slope:.3f`.
"""


def test_it_lists_what_saturates_or_cancels_and_nothing_else(tmp_path, capsys):
    source = tmp_path / "src" / "01_made_up.md"
    source.parent.mkdir()
    source.write_text(CHAPTER, encoding="utf-8")
    lines = precision.compare(source)
    cell = "code cell 2 (surprise = -torch.log(1 - logits.sigmoid())): "
    assert lines[0] == f"{cell}inf is 20.000"
    assert re.fullmatch(r"code cell 4 \(with seeded\(0\).*\): \S+ is 1.0572", lines[1])  # the first is all rounding
    assert lines[2].endswith("✗ a sigmoid stays below 1 is ✓ a sigmoid stays below 1")
    assert [line.split(": ")[0] for line in lines[3:]] == ["missing:.2f", "missing:.0f", "away:.2f"]
    assert lines[4] == "missing:.0f: -20 is -19 (one in the last digit)"
    assert "could not follow" not in capsys.readouterr().out


def test_texts_are_compared_number_by_number():
    assert precision.differences("loss 1.25 at 3,000 steps", "loss 1.25 at 3,000 steps") == []
    assert precision.differences("loss 1.25 at 3,000 steps", "loss 1.26 at 3,000 steps") == [("1.25", "1.26")]
    assert precision.differences("−0.50 inf\n2e-07", "−0.51 1.0\n3e-07") == [
        ("−0.50", "−0.51"),
        ("inf", "1.0"),
        ("2e-07", "3e-07"),
    ]
    assert precision.differences("a\nyes", "a\nno") == [("yes", "no")]
    assert precision.differences("a", "a\nb") == [("a", "a\nb")]
    for a, b, near in [
        ("99.4", "99.5", True),
        ("−0.01", "0.00", True),
        ("1,596", "1,695", False),
        ("1.0e-07", "1.1e-07", True),
        ("1.0", "1.2", False),
        ("inf", "20", False),
        ("yes", "no", False),
    ]:
        assert precision.in_the_last_digit(a, b) == near


@pytest.fixture
def shadows():
    with shadow.Shadows() as mode:
        yield mode
        assert not mode.failed


def third(*shape):
    """A number that float32 rounds: its shadow is a third, exactly."""
    return torch.full(shape, 1.0) / 3


def exact(x) -> bool:
    """Whether all numbers are a third to float64's precision."""
    return all(abs(value - 1 / 3) < 1e-15 for value in torch.as_tensor(x, dtype=torch.float64).flatten().tolist())


@pytest.mark.parametrize(
    "make",
    [
        lambda: third(4).reshape(2, 2).T[0],
        lambda: torch.stack([*third(3)]).sum() / 3,
        lambda: torch.zeros(3).copy_(third(3)),
        lambda: torch.add(third(3), third(3), out=torch.empty(3)) / 2,
        lambda: torch.ones(3).div_(3),
        lambda: third(3).double(),
        lambda: third(3).to(torch.float32),
        lambda: third(3).float(),
        lambda: third(3).sort().values,
        lambda: third(3)[torch.tensor([True, False, True])],
        lambda: torch.where(torch.tensor([True, False]), third(2), torch.zeros(2))[:1],
        lambda: torch.tensor([1 / 3]),
        lambda: nn.functional.softplus(torch.tensor([1 / 3])).expm1().log(),
        lambda: torch.cat([third(2), third(1)]).max(),
        lambda: nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Dropout(0.0))(third(2, 2)),
        lambda: nn.functional.leaky_relu(-third(2), 0.5, inplace=True) * -2,
        lambda: nn.LeakyReLU(0.5, inplace=True)(-third(2)) * -2,
        lambda: (torch.ones(2, 2).requires_grad_() / 3).detach(),
    ],
)
def test_what_torch_computes_is_followed_in_float64(make, shadows):
    made = make()
    assert exact(made.tolist())
    assert made.dtype == torch.float32 or made.dtype == torch.float64  # the chapter's own
    assert f"{made.flatten()[0]:.12f}" == "0.333333333333" and exact(made.numpy())


def test_changes_in_place_are_followed_and_stale_shadows_are_not_used(shadows):
    x = torch.zeros(2)
    x[0] = third(1)[0]
    assert exact(x[:1])
    view = x[:1]
    view += 1  # the whole has changed, too: by float32's own number
    assert abs(x[0].item() - 4 / 3) < 1e-6
    model = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25, fused=True)
    before = model(torch.ones(1)).item()
    model(torch.ones(1)).backward()
    shadows.as_given(torch.optim.SGD.step)(optimizer)  # as `begin` has it for all
    assert model(torch.ones(1)).item() == pytest.approx(before - 0.25, abs=1e-6)
    shadows.as_given(nn.init.ones_)(model.weight)
    assert model(torch.ones(1)).item() == 1
    model.weight.data = third(1, 1)
    assert exact(model(torch.ones(1)))


def test_gradients_are_followed_and_draws_are_not(shadows):
    x = torch.ones(3, requires_grad=True)
    (slope,) = torch.autograd.grad((x * third(3)).sum(), x)
    assert exact(slope)
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.rand(2, generator=generator), torch.bernoulli(third(2), generator=generator)]
    again = torch.Generator().manual_seed(0)
    with torch._C.DisableTorchFunction():
        plain = [torch.rand(2, generator=again), torch.bernoulli(torch.ones(2) / 3, generator=again)]
    assert all(a.tolist() == b.tolist() for a, b in zip(drawn, plain, strict=True))


def test_what_tests_a_number_follows_float32(shadows):
    p = torch.tensor(20.0).sigmoid()
    assert bool(p == 1) and p.item() < 1
    assert torch.ones(1).le_(p).item() == 1 and p.floor().item() == 1


def test_an_array_that_comes_back_fits_the_models_weights(shadows):
    model = nn.Linear(2, 2)
    assert model(torch.from_numpy(third(1, 2).numpy())).shape == (1, 2)


def test_the_scoreboards_measures_are_compared_with_float64(tmp_path):
    script = """
import sys, torch
sys.path.insert(0, "notebooks")
import precision
from genbook import scoreboard
measure = scoreboard.measure
def spoilt(images, real, train):
    far = images + 3000
    return measure(images, real, train[:500]) | {"variance": float(far.square().mean() - far.mean() ** 2)}
scoreboard.measure = spoilt
print(precision.scoreboard(100, ["probabilistic PCA"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\['probabilistic PCA, variance: \S+ is 0\.\d+'\]\n", done.stdout), done.stdout + done.stderr
