"""GANs: losses, batched networks, their training with every remedy, against torch's own and against single runs."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.parametrizations import spectral_norm

from genbook import data, gan

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


@pytest.mark.parametrize("remedy", gan.REMEDIES)
@pytest.mark.parametrize("more", [{}, {"d_steps": 2, "g_steps": 2, "decay": "linear"}], ids=["", "more steps"])
def test_an_ensemble_is_its_single_runs(remedy, more):
    """16 seeds in float64, 20 steps, every remedy: the same weights and losses as in runs of their own."""
    settings = SMALL | {"steps": 20, "dtype": torch.float64, "record": 2} | gan.REMEDIES[remedy] | more
    together = gan.train_points(ring, seeds=range(16), **settings)
    for k in range(0, 16, 5):
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
