"""GANs: losses, batched networks, their training with every remedy, against torch's own and against single runs."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.parametrizations import spectral_norm

from genbook import data, gan
from genbook.metrics import mode_coverage

SMALL = {"hidden": (8, 8), "d_hidden": (8, 8), "batch": 16, "latent": 3}


def ring(n, generator):
    return data.ring(n, generator=generator)


def test_losses_are_torchs_binary_cross_entropy():
    real, fake = torch.randn(2, 5, 40, generator=torch.Generator().manual_seed(0)) * 20

    def bce(logits, label):
        return binary_cross_entropy_with_logits(logits, torch.full_like(logits, label), reduction="none").mean(1)

    torch.testing.assert_close(gan.discriminator_loss(real, fake), bce(real, 1.0) + bce(fake, 0.0))
    torch.testing.assert_close(gan.generator_loss(fake), bce(fake, 1.0))  # "flip the labels"
    torch.testing.assert_close(gan.generator_loss(fake, "minimax"), -bce(fake, 0.0))
    torch.testing.assert_close(gan.generator_loss(fake, "wasserstein"), -fake.mean(1))
    zeros = torch.zeros(7)
    assert gan.discriminator_loss(zeros, zeros).item() == pytest.approx(math.log(4))
    with pytest.raises(ValueError, match="'non-saturating', 'minimax', 'wasserstein', got 'hinge'"):
        gan.generator_loss(fake, "hinge")


def test_the_networks_are_s_ordinary_ones():
    networks = gan.MLPs([3, 8, 5, 2], seeds=[4, 7])
    x = torch.randn(2, 10, 3, generator=torch.Generator().manual_seed(0))
    for k, seed in enumerate(networks.seeds):
        alone = gan.MLPs([3, 8, 5, 2], seeds=[seed])
        layers = []
        for i, (weight, bias) in enumerate(zip(networks.weights, networks.biases, strict=True)):
            assert torch.equal(alone.weights[i][0], weight[k]) and torch.equal(alone.biases[i][0], bias[k])
            layer = nn.Linear(*weight.shape[1:])
            assert weight.abs().max() <= layer.in_features**-0.5  # nn.Linear's own first weights
            layer.weight.data, layer.bias.data = weight[k].T, bias[k, 0]
            layers += [layer, nn.LeakyReLU(0.2)]
        torch.testing.assert_close(networks(x)[k], nn.Sequential(*layers[:-1])(x[k]))
    assert not torch.equal(networks.weights[0][0], networks.weights[0][1])
    for sizes, seeds in [([3], [0]), ([3, 0], [0]), ([3, 2], [])]:
        with pytest.raises(ValueError, match="two sizes or more"):
            gan.MLPs(sizes, seeds=seeds)


def test_spectral_norm_is_torchs():
    networks = gan.MLPs([6, 9, 4], seeds=[0, 1, 2], spectral=True, dtype=torch.float64)
    for _ in range(300):
        networks.power_iteration()
    x = torch.randn(3, 10, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for k in range(3):
        layers = []
        for weight, bias in zip(networks.weights, networks.biases, strict=True):
            layer = nn.Linear(*weight.shape[1:], dtype=torch.float64)
            layer.weight.data, layer.bias.data = weight[k].T.clone(), bias[k, 0].clone()
            with torch.random.fork_rng():
                layers += [spectral_norm(layer, n_power_iterations=300), nn.LeakyReLU(0.2)]
        theirs = nn.Sequential(*layers[:-1])
        torch.testing.assert_close(networks(x)[k], theirs(x[k]))
        theirs(x[k]).square().sum().backward()  # the gradient flows through the norm as well
        (ours,) = torch.autograd.grad(networks(x)[k].square().sum(), networks.weights[0])
        torch.testing.assert_close(ours[k], layers[0].parametrizations.weight.original.grad.T)


def test_batch_statistics_are_the_mean_spread_of_the_last_features():
    networks = gan.MLPs([2, 6, 1], seeds=[0, 1], statistics=True)
    x = torch.randn(2, 10, 2, generator=torch.Generator().manual_seed(0))
    for k in range(2):
        features = nn.functional.leaky_relu(x[k] @ networks.weights[0][k] + networks.biases[0][k], 0.2)  # (10, 6)
        seen = torch.cat([features, features.std(0).mean().expand(10, 1)], 1)
        torch.testing.assert_close(networks(x)[k], seen @ networks.weights[1][k] + networks.biases[1][k])
    same = torch.ones(2, 10, 2, requires_grad=True)
    networks(same).sum().backward()  # no spread at all: no NaN
    assert same.grad.isfinite().all()


MORE = {"d_steps": 2, "g_steps": 2, "decay": "linear"}


@pytest.mark.parametrize(
    ("remedy", "more"), [*((name, {}) for name in gan.REMEDIES), ("unrolled steps", MORE), ("WGAN-GP", {"pack": 2})]
)
def test_an_ensemble_is_its_single_runs(remedy, more):
    """16 seeds in float64, 20 steps, every remedy: the same weights and losses as in runs of their own."""
    settings = SMALL | {"steps": 20, "dtype": torch.float64, "record": 2} | gan.REMEDIES[remedy] | more
    together = gan.train_points(ring, seeds=range(16), **settings)
    for k in (0, 15):
        alone = gan.train_points(ring, seeds=[k], **settings)
        for name in ("generator", "discriminator"):
            pairs = zip(together[name].parameters(), alone[name].parameters(), strict=True)
            for ours, single in pairs:
                torch.testing.assert_close(ours[k], single[0], rtol=1e-9, atol=1e-11)
        for name in ("d_loss", "g_loss", "d_accuracy", "g_gradient"):
            torch.testing.assert_close(together[name][:, k], alone[name][:, 0], rtol=1e-9, atol=1e-11)
        torch.testing.assert_close(together["samples"][:, k], alone["samples"][:, 0], rtol=1e-9, atol=1e-11)
    assert together["samples"].shape == (2, 16, 500, 2) and together["recorded"].tolist() == [10, 20]
    torch.testing.assert_close(together["samples"][-1], gan.draw(together["generator"], 500, seed=0))


def test_training_is_the_plain_loop_with_torchs_own_parts():
    """D steps on packs of noisy points with smoothed, swapped labels, then a G step; the rate falls, G is averaged."""
    s = gan.STANDARD | SMALL | {"d_steps": 2, "pack": 2, "noise": 0.3, "real_label": 0.9, "flip": 0.2, "ema": 0.7}
    s |= {"decay": "linear"}
    steps, dtype = 6, torch.float64
    trained = gan.train_points(ring, seeds=[5], steps=steps, dtype=dtype, **s)
    networks = []
    for sizes, seed in (([3, 8, 8, 2], 5), ([4, 8, 8, 1], 10**6 + 5)):
        first = gan.MLPs(sizes, seeds=[seed], dtype=dtype)
        layers = []
        for weight, bias in zip(first.weights, first.biases, strict=True):
            layers += [nn.Linear(*weight.shape[1:], dtype=dtype), nn.LeakyReLU(0.2)]
            layers[-2].weight.data, layers[-2].bias.data = weight[0].T.clone(), bias[0, 0].clone()
        networks.append(nn.Sequential(*layers[:-1]))
    g, d = networks
    average = copy.deepcopy(g)
    optimizers = [torch.optim.Adam(net.parameters(), lr=2e-3, betas=s["betas"]) for net in (g, d)]
    draws = gan._draws(ring, gan._generators([5], "cpu"), s, device="cpu", dtype=dtype)
    for step in range(steps):
        now = {name: values[:, 0] for name, values in next(draws).items()}
        left = 1 - step / steps
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 2e-3 * left
        for i in range(2):
            fake = (g(now["z"][i]).detach() + 0.3 * left * now["noise"][2 * i]).reshape(16, 4)
            real = (now["real"][i] + 0.3 * left * now["noise"][2 * i + 1]).reshape(16, 4)
            swap_real, swap_fake = now["flip"][i]
            loss = binary_cross_entropy_with_logits(d(real)[:, 0], 0.9 * (1 - swap_real))
            loss += binary_cross_entropy_with_logits(d(fake)[:, 0], swap_fake)
            optimizers[1].zero_grad()
            loss.backward()
            optimizers[1].step()
        assert trained["d_loss"][step, 0].item() == pytest.approx(loss.item(), rel=1e-9)
        fake = (g(now["z"][2]) + 0.3 * left * now["noise"][4]).reshape(16, 4)
        loss = binary_cross_entropy_with_logits(d(fake)[:, 0], torch.ones(16, dtype=dtype))
        optimizers[0].zero_grad()
        loss.backward()
        norm = torch.cat([w.grad.flatten() for w in g.parameters()]).norm().item()
        assert trained["g_gradient"][step, 0].item() == pytest.approx(norm, rel=1e-9)
        optimizers[0].step()
        for kept, weight in zip(average.parameters(), g.parameters(), strict=True):
            kept.data = 0.7 * kept.data + 0.3 * weight.data
    z = torch.randn(1, 9, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(trained["generator"](z)[0], average(z[0]))
    x = torch.randn(1, 9, 4, dtype=dtype, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(trained["discriminator"](x)[0], d(x[0]))


def test_every_seed_draws_its_own_and_the_share_of_swapped_labels_is_that_asked_for():
    s = gan.STANDARD | {"flip": 0.25, "penalty": 1.0, "noise": 1.0}
    now = next(gan._draws(ring, gan._generators([3, 4], "cpu"), s, device="cpu", dtype=torch.float32))
    assert now["real"].shape == (1, 2, 64, 2) and now["z"].shape == (2, 2, 64, 4) and now["mix"].shape == (1, 2, 64, 1)
    for values in now.values():
        assert not torch.equal(values[:, 0], values[:, 1])
    assert not torch.equal(now["z"][0], now["z"][1])  # D's step and G's
    assert len(now["mix"].unique()) > 100  # one for each point, not for the batch
    many = gan._draws(ring, gan._generators([3], "cpu"), s | {"batch": 5000}, device="cpu", dtype=torch.float32)
    assert next(many)["flip"].mean().item() == pytest.approx(0.25, abs=0.03)


def linear(weight):
    """A discriminator a = w · x, for which penalties can be written down."""
    d = gan.MLPs([2, 1], seeds=[0, 1], dtype=torch.float64)
    d.weights[0].data = torch.tensor(weight, dtype=torch.float64)[:, :, None]  # (S, 2, 1)
    return d


def test_penalties_of_a_linear_discriminator_are_those_on_paper():
    d = linear([[3.0, 4.0], [0.0, 0.5]])  # |∇D| = 5 and 1/2 everywhere
    real, fake = torch.randn(2, 2, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with_r1, plain = (gan._d_loss(d, real, fake, gan.STANDARD, (1.0, 0.0), r1=r1)[0] for r1 in (0.3, 0.0))
    torch.testing.assert_close(with_r1 - plain, torch.tensor([0.15 * 25, 0.15 * 0.25], dtype=torch.float64))
    (gradient,) = torch.autograd.grad((with_r1 - plain).sum(), d.weights[0])
    torch.testing.assert_close(gradient, 0.3 * d.weights[0].detach())
    penalty = gan.gradient_penalty(d, real, fake, torch.rand(2, 7, 1, dtype=torch.float64), dims=(2,))
    torch.testing.assert_close(penalty, torch.tensor([16.0, 0.25], dtype=torch.float64))


def test_the_gradient_penalty_is_taken_between_each_real_and_its_fake_point():
    d = gan.MLPs([2, 9, 1], seeds=[0, 1], dtype=torch.float64)
    real, fake = torch.randn(2, 2, 7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mix = torch.rand(2, 7, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    penalties = gan.gradient_penalty(d, real, fake, mix, dims=(2,))
    for k in range(2):

        def value(x, k=k):
            return nn.functional.leaky_relu(x @ d.weights[0][k] + d.biases[0][k, 0], 0.2) @ d.weights[1][k, :, 0]

        points = mix[k] * real[k] + (1 - mix[k]) * fake[k]
        norms = torch.stack([torch.autograd.functional.jacobian(value, x).norm() for x in points])
        torch.testing.assert_close(penalties[k], ((norms - 1) ** 2).mean())


@pytest.mark.parametrize("loss", ["non-saturating", "minimax", "wasserstein"])
def test_the_unrolled_gradient_is_that_of_finite_differences(loss):
    d = gan.MLPs([2, 5, 1], seeds=[0, 1], dtype=torch.float64)
    real, fake = torch.randn(2, 2, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    s = gan.STANDARD | {"loss": loss, "unroll": 3, "unroll_lr": 0.5}

    def of_fake(fake, unroll=3):
        weights = gan._unrolled(d, real, fake, s | {"unroll": unroll}, (1.0, 0.0))
        return gan.generator_loss(d(fake, weights).squeeze(2), loss)

    fake.requires_grad_()
    assert torch.autograd.gradcheck(of_fake, fake)
    (unrolled,), (plain,) = (torch.autograd.grad(of_fake(fake, k).sum(), fake) for k in (3, 0))
    assert (unrolled - plain).norm() > 0.1 * plain.norm()
    # One step by hand: D's weights less the gradient of D's loss.
    loss_of_d = gan._d_loss(d, real, fake, s, (1.0, 0.0))[0].sum()
    expected = [w - 0.5 * g for w, g in zip(d.layers, torch.autograd.grad(loss_of_d, d.layers), strict=True)]
    for ours, theirs in zip(gan._unrolled(d, real, fake, s | {"unroll": 1}, (1.0, 0.0)), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_training_that_diverges_is_stopped_with_step_and_seed():
    def far(n, generator):  # finite points; in one of the seeds the sum of D's values overflows
        return torch.full((n, 2), 1.6e38 if generator.initial_seed() % 10**6 == 7 else 1.0)

    with pytest.raises(FloatingPointError, match="seed 7 has a loss or a weight that is not finite at step 1:"):
        gan.train_points(far, seeds=[6, 7, 8], steps=60, loss="wasserstein", **SMALL | {"batch": 400})
    with pytest.raises(FloatingPointError, match=r"seed 0 .* at step 2:"):
        gan.train_points(ring, seeds=[0], steps=60, **SMALL | {"lr_g": 1e30})


@pytest.mark.parametrize("settings", [{"ema": 0.9, "noise": 0.3, "pack": 2}, {"spectral": True, "flip": 0.1}])
def test_a_training_that_was_stopped_goes_on_and_ends_as_an_unbroken_one(settings, tmp_path):
    """It ran to step 130 of 150, and the checkpoint is of step 100."""
    options = SMALL | settings | {"seeds": [3, 4], "steps": 150, "record": 6}
    drawn = 0

    def sample(n, generator):
        nonlocal drawn
        drawn += 1
        return ring(n, generator)

    unbroken = gan.train_points(ring, **options)
    whole = gan.train_points(ring, checkpoint=tmp_path / "whole.pt", **options)
    real_step, count = gan._step, 0

    def stops(*arguments):
        nonlocal count
        count += 1
        if count == 2 * 130:
            raise KeyboardInterrupt
        real_step(*arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(gan, "_step", stops)
        gan.train_points(ring, checkpoint=tmp_path / "run.pt", every=50, **options)
    resumed = gan.train_points(sample, checkpoint=tmp_path / "run.pt", every=50, **options)
    assert drawn == 1 + 2  # to look whether the points are the same, and one chunk of 50 steps for each seed
    again = gan.train_points(sample, checkpoint=tmp_path / "run.pt", **options)
    for other in (whole, resumed, again):
        for name, values in unbroken.items():
            if name in ("generator", "discriminator"):
                for a, b in zip(values.state_dict().values(), other[name].state_dict().values(), strict=True):
                    assert torch.equal(a, b)
            else:
                assert torch.equal(values, other[name]), name
    assert len(unbroken["samples"]) == 6 and unbroken["g_loss"].all()


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    def run(sample=ring, **changes):
        options = SMALL | {"seeds": [0], "steps": 50, "checkpoint": tmp_path / "run.pt"} | changes
        return gan.train_points(sample, **options)

    run()
    for changes, message in (
        ({"steps": 100}, "steps is 50 there and 100 here"),
        ({"seeds": [1]}, "seeds is"),
        ({"lr_d": 1e-3}, "lr_d is 0.002 there and 0.001 here"),
        ({"hidden": (8, 9)}, r"hidden is \[8, 8\] there and \[8, 9\] here"),
        ({"sample": lambda n, generator: data.grid(n, generator=generator)}, "points is"),
    ):
        with pytest.raises(ValueError, match=message):
            run(**changes)
    with pytest.raises(ValueError, match="every, a multiple of 50 steps, got 60"):
        run(every=60)


def test_bad_input_is_named():
    for wrong, message in [
        ({"lr": 1e-3}, "unknown settings lr; known are loss, hidden"),
        ({"loss": "hinge"}, "'non-saturating', 'minimax', 'wasserstein', got 'hinge'"),
        ({"decay": "step"}, "expected decay to be one of None, 'linear', 'cosine', got 'step'"),
        ({"pack": 0}, "expected pack between 1 and inf, got 0"),
        ({"flip": 1.5}, "expected flip between 0 and 1, got 1.5"),
        ({"lr_g": math.nan}, "expected lr_g between 0 and inf, got nan"),
        ({"steps": 0}, "at least one step"),
        ({"record": 9}, "as many records, whole numbers, got 2 and 9"),
        ({"steps": 2.0}, "whole numbers, got 2.0 and"),
        ({"batch": 64.0}, "expected batch to be a whole number, got 64.0"),
        ({"seeds": []}, "and a seed"),
    ]:
        with pytest.raises(ValueError, match=message):
            gan.train_points(ring, **{"seeds": [0], "steps": 2} | wrong)
    for sample in (lambda n, generator: torch.zeros(n, 3), lambda n, generator: torch.full((n, 2), math.nan)):
        with pytest.raises(ValueError, match=r"n finite points \(n, 2\)"):
            gan.train_points(sample, seeds=[0], steps=2)


def test_standard_covers_the_ring_and_mode_collapse_does_not():
    def wide(n, generator):
        return data.ring(n, std=0.1, generator=generator)

    angle = 2 * math.pi * torch.arange(8) / 8
    centres = 2 * torch.stack([angle.cos(), angle.sin()], dim=1)
    modes = {}
    for name, settings in {"standard": {}, "mode collapse": gan.FAILURES["mode collapse"]}.items():
        trained = gan.train_points(wide, seeds=range(4), steps=400, **settings)
        modes[name] = mode_coverage(gan.draw(trained["generator"], 2500, seed=0), centres, radius=0.3)["modes"]
    assert modes["standard"].min() >= 7 and modes["mode collapse"].max() <= 4


def test_the_environment_shifts_all_draws(monkeypatch):
    first = gan.train_points(ring, seeds=[0], steps=2, **SMALL)
    monkeypatch.setenv("GENBOOK_SEED", "1")
    other = gan.train_points(ring, seeds=[0], steps=2, **SMALL)
    same = gan.train_points(ring, seeds=[0], steps=2, **SMALL)
    assert torch.equal(other["d_loss"], same["d_loss"]) and not torch.equal(other["d_loss"], first["d_loss"])
