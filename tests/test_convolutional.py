"""Convolutional networks: their shapes and sizes, and the VAE's bound against one written out."""

import math

import pytest
import torch
from torch import nn

from genbook import gan
from genbook.convolutional import (
    Discriminator,
    Generator,
    NegativeELBO,
    bits_per_dimension,
    conv_vae,
    dequantised,
)
from genbook.train import seeded
from genbook.vae import neg_elbo


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_keep_their_shape(size, channels):
    with seeded(0) as generator:
        z, x = torch.randn(4, 6, generator=generator), torch.rand(4, channels, size, size, generator=generator)
        images = Generator(size, channels, latent=6, width=4)(z)
        assert images.shape == x.shape and (images >= 0).all() and (images <= 1).all()
        assert Discriminator(size, channels, width=4)(images).shape == (4,)
        packed = Discriminator(size, channels, width=4, pack=2, spectral=True, statistics=True)
        assert packed(x.reshape(2, 2 * channels, size, size)).shape == (2,)
        vae = conv_vae(size, channels, latent=6, width=4)
        assert vae(x).shape == x.shape and vae.encode(x)[0].shape == (4, 6)


def test_the_dcgan_is_that_of_the_paper():
    """64 x 64 in colour, 100 latent, 64 channels: the number of weights is known; ours has one bias for each colour."""
    assert count(Generator(64, 3)) == 3_576_704 + 3
    with_batch_norm = 2_765_568  # and without biases
    assert count(Discriminator(64, 3)) == with_batch_norm - 2 * (128 + 256 + 512) + (64 + 128 + 256 + 512 + 1)


def test_spectral_norm_reaches_every_layer():
    with seeded(0):
        d = Discriminator(32, 1, width=4, spectral=True)
    for _ in range(200):
        d(torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)))  # a step of power iteration
    weights = [layer.weight for layer in d.layers if isinstance(layer, nn.Conv2d)]
    assert len(weights) == 4
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_the_statistics_tell_a_collapsed_batch():
    with seeded(0) as generator:
        d = Discriminator(32, 1, width=4, statistics=True)
        x = torch.rand(5, 1, 32, 32, generator=generator)
    features = d.layers[:-3](x)
    with_statistics = d.layers[-3](features)
    assert torch.equal(with_statistics[:, :-1], features)
    expected = features.detach().numpy().std(0).mean()
    torch.testing.assert_close(with_statistics[:, -1], torch.full((5, 4, 4), float(expected)), atol=1e-3, rtol=0)
    assert d.layers[-3](features[:1].expand(5, -1, -1, -1))[:, -1].max() < 1e-3


def test_the_bound_is_the_one_written_out():
    with seeded(0) as generator:
        vae = conv_vae(32, 3, latent=5, width=4, sigma=0.3)
        x = torch.rand(6, 3, 32, 32, generator=generator)
        noise = torch.randn(6, 5, generator=generator)
    losses, kl = NegativeELBO(vae)(x, noise)
    mu, logvar = vae.encode(x)
    q = torch.distributions.Normal(mu, logvar.exp().sqrt())
    prior = torch.distributions.Normal(0.0, 1.0)
    expected_kl = torch.distributions.kl_divergence(q, prior).sum(1)
    likelihood = torch.distributions.Normal(vae.decode(mu + q.stddev * noise), 0.3)
    torch.testing.assert_close(kl, expected_kl)
    torch.testing.assert_close(losses, expected_kl - likelihood.log_prob(x).flatten(1).sum(1))
    draws = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))  # as neg_elbo draws them
    torch.testing.assert_close(
        NegativeELBO(vae)(x, draws)[0], neg_elbo(vae, x, generator=torch.Generator().manual_seed(3))
    )


def test_bits_per_dimension_of_a_known_density():
    """A uniform density on [0, 1) says that all bytes are equally likely: 8 bits. A Gaussian's by an integral."""
    assert bits_per_dimension(0.0, 17) == 8
    pixel, sigma = torch.arange(256.0, dtype=torch.float64), 0.1
    normal = torch.distributions.Normal(torch.tensor(0.5, dtype=torch.float64), sigma)
    mass = normal.cdf((pixel + 1) / 256) - normal.cdf(pixel / 256)  # P(byte)
    exact = -(mass * mass.log2()).sum()  # entropy of bytes of this distribution, but for what lies outside
    u = torch.rand(256, 400, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = dequantised(pixel[:, None].to(torch.uint8).expand(-1, 400), u)
    bound = bits_per_dimension(-normal.log_prob(x).mean(1), 1)
    assert float((mass * bound).sum()) == pytest.approx(float(exact), abs=2e-3)
    assert (bound >= -mass.log2() - 1e-2).all()  # Jensen


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Generator(28, 1), "size of 32 or 64"),
        (lambda: Discriminator(32, 2), "1 or 3 channels"),
        (lambda: conv_vae(32, 1, latent=0), "latent of at least 1"),
        (lambda: Generator(32, 1)(torch.zeros(2, 3)), r"expected z of shape \(B, 100\)"),
        (lambda: Discriminator(32, 1)(torch.zeros(2, 3, 32, 32)), r"expected images of shape \(B, 1, 32, 32\)"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_losses_with_labels_are_torchs():
    with seeded(0) as generator:
        real, fake, label = (torch.randn(3, 8, generator=generator) for _ in range(3))
    label = label.sigmoid()
    bce = nn.functional.binary_cross_entropy_with_logits
    expected = [bce(real[i], label[i]) + bce(fake[i], torch.zeros(8)) for i in range(3)]
    torch.testing.assert_close(gan.labelled_loss(real, fake, (label, 0.0)), torch.stack(expected))
    torch.testing.assert_close(gan.labelled_loss(real, fake), gan.discriminator_loss(real, fake))
    torch.testing.assert_close(gan.labelled_loss(real, fake, critic=True), fake.mean(1) - real.mean(1))


def test_penalties_of_a_linear_critic_are_those_on_paper():
    slope = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0))
    slope *= 3 / slope.norm()

    def critic(x):
        return (x * slope).sum((1, 2, 3))

    real, fake = torch.zeros(4, 3, 32, 32, requires_grad=True), torch.ones(4, 3, 32, 32)
    assert gan.r1_penalty(critic(real), real, 0.5).item() == pytest.approx(0.5 / 2 * 9)
    mix = torch.full((4, 1, 1, 1), 0.25)
    assert gan.gradient_penalty(critic, real, fake, mix, dims=(1, 2, 3)).item() == pytest.approx((3 - 1) ** 2)
    assert math.isclose(slope.norm(), 3, rel_tol=1e-5)
