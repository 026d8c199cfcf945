"""Exercises that check themselves: right answers pass, stubs are friendly, and each mistake has its own diagnosis."""

import math
import random
from functools import cache, partial

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn.functional import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    logsigmoid,
    mse_loss,
    one_hot,
    softplus,
)

from genbook import autoencoders, exercises, gan, metrics, vae
from genbook.exercises import check

# Right answers, each written in more than one way.


def joint_by_sums(p_x_given_y, p_y_given_x):  # P(x) is proportional to 1 / Σ_y P(y | x) / P(x | y)
    marginal_x = 1 / (p_y_given_x / p_x_given_y).sum(0)
    return p_y_given_x * marginal_x / marginal_x.sum()


def joint_by_rows(p_x_given_y, p_y_given_x):  # P(y) is proportional to P(y | x0) / P(x0 | y)
    marginal_y = p_y_given_x[:, 1] / p_x_given_y[:, 1]
    return p_x_given_y * (marginal_y / marginal_y.sum())[:, None]


def draw_by_normal(mu, logvar, *, generator):  # another stream of noise than randn of mu's shape
    noise = torch.stack([torch.normal(torch.zeros(mu.shape[1]), 1.0, generator=generator) for _ in mu])
    return torch.addcmul(mu, logvar.mul(0.5).exp(), noise)


def elbo_right(x, logits, mu, logvar):
    log_px = -binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return log_px - kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0, 1)).sum(1)


def d_step_right(G, D, d_optimizer, x, z):
    real_logits, fake_logits = D(x), D(G(z).detach())
    loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
    d_optimizer.zero_grad()
    loss.backward()
    d_optimizer.step()


def d_step_with(loss):
    """A D step with another loss(real logits, fake logits)."""

    def step(G, D, d_optimizer, x, z):
        d_optimizer.zero_grad()
        loss(D(x), D(G(z).detach())).backward()
        d_optimizer.step()
        return 1.0

    return step


def circle(angles, radius):
    return radius * torch.stack([torch.cos(angles), torch.sin(angles)], 1)


def ring_right(modes, radius):
    return circle(torch.linspace(0, 2 * math.pi, modes + 1)[:-1], radius)


def coverage_right(points, centres, radius):
    return int((torch.cdist(points, centres) < radius).any(0).sum())


def d_loss(real, fake):
    return softplus(-real).mean() + softplus(fake).mean()


RIGHT = [
    ("joint_from_conditionals", joint_by_sums),
    ("joint_from_conditionals", joint_by_rows),
    ("reconstruction_loss", lambda x, x_hat: autoencoders.squared_error(lambda _: x_hat, x).mean()),
    ("reconstruction_loss", lambda x, x_hat: mse_loss(x_hat, x, reduction="sum") / x.shape[0]),
    ("pca_code", lambda x, mean, components: (x - mean) @ components.T),
    ("pca_code", lambda x, mean, components: torch.einsum("bd,kd->bk", x - mean, components)),
    ("kl", vae.kl_to_standard_normal),
    ("kl", lambda mu, logvar: kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0, 1)).sum(-1)),
    ("kl", lambda mu, logvar: -(1 + logvar - mu.pow(2) - torch.exp(logvar)).sum(dim=1) / 2),
    ("reparameterize", vae.reparameterize),
    ("reparameterize", draw_by_normal),
    ("elbo", elbo_right),
    ("elbo", lambda x, a, m, v: Bernoulli(logits=a).log_prob(x).sum(1) - vae.kl_to_standard_normal(m, v)),
    ("iwae_bound", lambda log_w: log_w.logsumexp(1) - math.log(log_w.shape[1])),
    ("iwae_bound", lambda w: (w - w.max(1, keepdim=True)[0]).exp().mean(1).log() + w.max(1)[0]),
    ("discriminator_loss", gan.discriminator_loss),
    ("discriminator_loss", lambda r, f: -(logsigmoid(r).mean() + logsigmoid(-f).mean())),
    ("generator_loss", gan.generator_loss),
    ("generator_loss", lambda f: binary_cross_entropy_with_logits(f, torch.ones_like(f))),
    ("d_step", d_step_right),
    ("d_step", d_step_with(d_loss)),
    ("ring_centres", ring_right),
    ("mode_coverage", coverage_right),
    ("mode_coverage", lambda p, c, r: metrics.mode_coverage(p, c, radius=r)["modes"]),
]

# Wrong ones, and what must be said of each: a part of the diagnosis.


def noise_like(mu, generator):
    return torch.randn(mu.shape, generator=generator)


def kl_parts(mu, logvar):
    return 0.5 * (mu**2 + logvar.exp() - 1 - logvar)


def drawn(combine, noise=noise_like):
    return lambda mu, logvar, generator: combine(mu, logvar, noise(mu, generator))


def by_torch_normal(mu, logvar, generator):
    return torch.normal(mu, (logvar / 2).exp(), generator=generator)


def not_detached(G, D, d_optimizer, x, z):
    d_optimizer.zero_grad()
    d_loss(D(x), D(G(z))).backward()
    d_optimizer.step()


def without_zero_grad(G, D, d_optimizer, x, z):
    d_loss(D(x), D(G(z).detach())).backward()
    d_optimizer.step()


def without_step(G, D, d_optimizer, x, z):
    d_optimizer.zero_grad()
    d_loss(D(x), D(G(z).detach())).backward()


def without_backward(G, D, d_optimizer, x, z):
    loss = d_loss(D(x), D(G(z).detach()))
    d_optimizer.step()
    return loss


def zeroed_too_late(G, D, d_optimizer, x, z):
    d_loss(D(x), D(G(z).detach())).backward()
    d_optimizer.zero_grad()
    d_optimizer.step()


def loss_only(G, D, d_optimizer, x, z):
    return d_loss(D(x), D(G(z).detach()))


def both_move(G, D, d_optimizer, x, z):
    both = torch.optim.SGD([*G.parameters(), *D.parameters()], lr=0.1)
    both.zero_grad()
    d_loss(D(x), D(G(z))).backward()
    both.step()


def share_of_points(points, centres, radius):
    return (torch.cdist(points, centres).min(1)[0] < radius).float().mean()


def clamped(logits):
    return torch.log(torch.sigmoid(logits).clamp(1e-7, 1))


def without_slope(a):  # the same values, but no gradient below -100
    return torch.where(a > -100, a, a.detach())


WRONG = [
    ("joint_from_conditionals", lambda p, q: q * p[0] / q[0], "it does not sum to 1"),
    ("joint_from_conditionals", lambda p, q: joint_by_rows(p, q).T, "it is transposed"),
    ("joint_from_conditionals", lambda p, q: p * q / (p * q).sum(), "it is the product of the two"),
    ("joint_from_conditionals", lambda p, q: (p + q) / (p + q).sum(), "it is the mean of the two"),
    ("joint_from_conditionals", lambda p, q: q / len(q.T), "all columns weigh the same"),
    ("joint_from_conditionals", lambda p, q: p / len(q), "all rows weigh the same"),
    ("joint_from_conditionals", lambda p, q: q * p[0] / (q * p[0]).sum(), "weighted by P(x | y0) alone"),
    ("joint_from_conditionals", lambda p, q: (w := q * q[0] / p[0]) / w.sum(), "upside down"),
    ("reconstruction_loss", lambda x, y: mse_loss(x, y), "averaged over the pixels too"),
    ("reconstruction_loss", lambda x, y: mse_loss(x, y, reduction="sum"), "summed over the batch"),
    ("reconstruction_loss", lambda x, y: (x - y).pow(2).sum(-1), "one value for each picture"),
    ("reconstruction_loss", lambda x, y: (x - y).pow(2).sum(0), "one value for each pixel"),
    ("reconstruction_loss", lambda x, y: (x - y).pow(2).sum(1).sqrt().mean(), "distance, not its square"),
    ("reconstruction_loss", lambda x, y: (x - y).abs().sum(1).mean(), "absolute error"),
    ("reconstruction_loss", lambda x, y: (x - y).sum(1).pow(2).mean(), "summed before they are squared"),
    ("reconstruction_loss", lambda x, y: (x - y).sum(1).mean(), "are not squared"),
    ("reconstruction_loss", lambda x, y: 0.5 * (x - y).pow(2).sum(1).mean(), "factor ½"),
    ("reconstruction_loss", lambda x, y: -(x - y).pow(2).sum(1).mean(), "sign is turned round"),
    ("reconstruction_loss", lambda x, y: (x - y.detach()).pow(2).sum(1).mean(), "no gradient passes"),
    ("pca_code", lambda x, m, c: x @ c.T, "mean is not subtracted"),
    ("pca_code", lambda x, m, c: (x + m) @ c.T, "mean is added"),
    ("pca_code", lambda x, m, c: (x - m) @ c, "components.T"),
    ("pca_code", lambda x, m, c: (x - x.mean(0)) @ c.T, "mean of this batch"),
    ("pca_code", lambda x, m, c: m + (x - m) @ c.T @ c, "reconstruction"),
    ("pca_code", lambda x, m, c: c @ (x - m).T, "transposed: one row for each picture"),
    ("pca_code", lambda x, m, c: (m - x) @ c.T, "sign is turned round"),
    ("kl", lambda m, v: kl_parts(m, v).mean(1), "averaged over the latent dimensions"),
    ("kl", kl_parts, "sum over the latent dimensions is missing"),
    ("kl", lambda m, v: kl_parts(m, v).sum(1).mean(), "averaged over the batch"),
    ("kl", lambda m, v: kl_parts(m, v).mean(), "averaged over everything"),
    ("kl", lambda m, v: kl_parts(m, v).sum(), "summed over the batch too"),
    ("kl", lambda m, v: kl_parts(m, v).sum(0), "axis 1"),
    ("kl", lambda m, v: 0.5 * (1 + v - m**2 - v.exp()).sum(1), "sign is turned round"),
    ("kl", lambda m, v: -(1 + v - m**2 - v.exp()).sum(1), "½ in front is missing"),
    ("kl", lambda m, v: -0.5 * (1 + v - m**2 - (v / 2).exp()).sum(1), "exp(logvar / 2) is σ"),
    ("kl", lambda m, v: -0.5 * (1 + v - m**2 - v).sum(1), "logvar itself stands for σ²"),
    ("kl", lambda m, v: -0.5 * (1 + (v**2).log() - m**2 - v**2).sum(1), "logvar is taken for σ"),
    ("kl", lambda m, v: -0.5 * (1 + v.log() - m**2 - v.exp()).sum(1), "take no log of it"),
    ("kl", lambda m, v: -0.5 * (1 + v / 2 - m**2 - v.exp()).sum(1), "logvar counts half"),
    ("kl", lambda m, v: -0.5 * (v - m**2 - v.exp()).sum(1), "−1 is missing"),
    ("kl", lambda m, v: -0.5 * (-1 + v - m**2 - v.exp()).sum(1), "1 has the wrong sign"),
    ("kl", lambda m, v: -0.5 * (1 - v - m**2 - v.exp()).sum(1), "log σ² is added"),
    ("kl", lambda m, v: -0.5 * (1 - m**2 - v.exp()).sum(1), "log σ² is missing"),
    ("kl", lambda m, v: -0.5 * (1 + v - v.exp()).sum(1), "μ² is missing"),
    ("kl", lambda m, v: -0.5 * (1 + v - m - v.exp()).sum(1), "μ is not squared"),
    ("kl", lambda m, v: kl_divergence(Normal(0, 1), Normal(m, (v / 2).exp())).sum(1), "other way round"),
    ("kl", lambda m, v: vae.kl_to_standard_normal(m, v).detach(), "no gradient passes"),
    ("kl", lambda m, v: vae.kl_to_standard_normal(m, v.clamp(-10, 10)), "[204.5] came, not [214.5]"),
    ("kl", lambda m, v: vae.kl_to_standard_normal(m.detach(), v), "gradient for mu is not"),
    ("reparameterize", drawn(lambda m, v, e: m + v.exp() * e), "exp(logvar) is the variance"),
    ("reparameterize", drawn(lambda m, v, e: m + v * e), "logvar itself is used as σ"),
    ("reparameterize", drawn(lambda m, v, e: m + v / 2 * e), "the exponential is missing"),
    ("reparameterize", drawn(lambda m, v, e: m + (-v / 2).exp() * e), "upside down"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp().sqrt() * e), "half is taken twice"),
    ("reparameterize", drawn(lambda m, v, e: m + v.sqrt() * e), "NaN where logvar is negative"),
    ("reparameterize", drawn(lambda m, v, e: m + e), "not multiplied by σ"),
    ("reparameterize", drawn(lambda m, v, e: (v / 2).exp() * e), "μ is missing"),
    ("reparameterize", drawn(lambda m, v, e: (v / 2).exp() * (m + e)), "σ multiplies μ as well"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp() * e, lambda m, g: torch.rand(m.shape, generator=g)),
     "rand is uniform"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp() * e,
                             lambda m, g: 12**0.5 * (torch.rand(m.shape, generator=g) - 0.5)), "noise is not normal"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp() * e, lambda m, g: torch.randn_like(m)),
     "outside the given generator"),
    ("reparameterize", lambda m, v, generator: m + (v / 2).exp() * noise_like(m, torch.Generator().manual_seed(1)),
     "another generator gives the same draw"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp() * e, lambda m, g: torch.randn(3, generator=g)),
     "all examples get the same noise"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp() * e, lambda m, g: torch.randn(len(m), 1, generator=g)),
     "all latent dimensions"),
    ("reparameterize", lambda m, v, generator: m + 0, "μ itself"),
    ("reparameterize", lambda m, v, generator: by_torch_normal(m, v, generator), "as torch.normal's is"),
    ("reparameterize", drawn(lambda m, v, e: m + (v / 2).exp().detach() * e), "no gradient reaches logvar"),
    ("reparameterize", drawn(lambda m, v, e: (m + (v / 2).exp() * e).detach()), "no gradient passes"),
    ("reparameterize", drawn(lambda m, v, e: m + 3 * (v / 2).exp() * e), "expected draws with means"),
    ("reparameterize", drawn(lambda m, v, e: (m + (v / 2).exp() * e).sum(1)), "expected shape (4000, 3)"),
    ("elbo", lambda x, a, m, v: -(softplus(a) - x * a).sum(1) - kl_parts(m, v).mean(1), "KL is averaged"),
    ("elbo", lambda x, a, m, v: -(softplus(a) - x * a).mean(1) - kl_parts(m, v).sum(1), "averaged over the pixels"),
    ("elbo", lambda x, a, m, v: -(softplus(a) - x * a).mean(1) - kl_parts(m, v).mean(1), "both terms are averaged"),
    ("elbo", lambda *args: -elbo_right(*args), "this is −ELBO"),
    ("elbo", lambda x, a, m, v: elbo_right(x, a, m, v) + 2 * kl_parts(m, v).sum(1), "KL is added"),
    ("elbo", lambda x, a, m, v: (softplus(a) - x * a).sum(1) - kl_parts(m, v).sum(1), "cross-entropy is −log p"),
    ("elbo", lambda x, a, m, v: Bernoulli(logits=a).log_prob(x).sum(1), "the KL is missing"),
    ("elbo", lambda x, a, m, v: -kl_parts(m, v).sum(1), "log p(x | z) is missing"),
    ("elbo", lambda x, a, m, v: elbo_right(x, a, m, v) - kl_parts(m, v).sum(1), "½ of the KL is missing"),
    ("elbo", lambda *args: elbo_right(*args).mean(), "it is averaged over the batch"),
    ("elbo", lambda *args: elbo_right(*args).sum(), "summed over the batch"),
    ("elbo", lambda x, a, m, v: -binary_cross_entropy_with_logits(a, x) - kl_parts(m, v).mean(), "over everything"),
    ("elbo", lambda x, a, m, v: Bernoulli(logits=a).log_prob(x).sum(1).mean() - kl_parts(m, v).sum(1),
     "spread over all examples"),
    ("elbo", lambda x, a, m, v: -(x - a.sigmoid()).pow(2).sum(1) - kl_parts(m, v).sum(1), "squared error"),
    ("elbo", lambda x, a, m, v: (x * a.sigmoid().log()).sum(1) - kl_parts(m, v).sum(1), "without ink are forgotten"),
    ("elbo", lambda x, a, m, v: elbo_right(x, a.sigmoid(), m, v), "sigmoid is taken twice"),
    ("elbo", lambda x, a, m, v: -binary_cross_entropy(a.sigmoid(), x, reduction="none").sum(1) - kl_parts(m, v).sum(1),
     "−120 of a pixel with ink [-100] came, not [-120]"),
    ("elbo", lambda x, a, m, v: elbo_right(x, a, m.detach(), v.detach()), "gradient for mu is not"),
    ("iwae_bound", lambda w: w.logsumexp(1), "log K is not subtracted"),
    ("iwae_bound", lambda w: w.logsumexp(1) + math.log(w.shape[1]), "log K is added"),
    ("iwae_bound", lambda w: w.logsumexp(1) / w.shape[1], "divided by K after the log"),
    ("iwae_bound", lambda w: w.mean(1), "the ELBO"),
    ("iwae_bound", lambda w: w.sum(1), "sum of the logs"),
    ("iwae_bound", lambda w: w.logsumexp(0) - math.log(len(w)), "average runs over the batch"),
    ("iwae_bound", lambda w: w.logsumexp(1) - math.log(len(w)), "taken for the number of examples"),
    ("iwae_bound", lambda w: w.exp().mean(1).log().mean(), "averaged over the batch"),
    ("iwae_bound", lambda w: w.exp().mean().log(), "all examples are in one sum"),
    ("iwae_bound", lambda w: w.amax(1), "largest weight"),
    ("iwae_bound", lambda w: w.exp().mean(1), "log is missing"),
    ("iwae_bound", lambda w: -w.exp().mean(1).log(), "sign is turned round"),
    ("iwae_bound", lambda w: w.exp().mean(1).log(), "use logsumexp"),
    ("discriminator_loss", lambda r, f: d_loss(-r, -f), "labels are exchanged"),
    ("discriminator_loss", lambda r, f: d_loss(r, -f), "fakes have the label 1"),
    ("discriminator_loss", lambda r, f: d_loss(-r, f), "real ones have the label 0"),
    ("discriminator_loss", lambda r, f: -d_loss(r, f), "sign is turned round"),
    ("discriminator_loss", lambda r, f: softplus(-r).mean() - softplus(f).mean(), "are subtracted"),
    ("discriminator_loss", lambda r, f: d_loss(r, f) / 2, "mean of the two halves"),
    ("discriminator_loss", lambda r, f: binary_cross_entropy_with_logits(
        torch.cat([r, f]), torch.cat([torch.ones_like(r), torch.zeros_like(f)])), "averaged in one go"),
    ("discriminator_loss", lambda r, f: softplus(-r).sum() + softplus(f).sum(), "summed over the batch"),
    ("discriminator_loss", lambda r, f: softplus(-r).mean(), "fakes are missing"),
    ("discriminator_loss", lambda r, f: softplus(f).mean(), "real ones are missing"),
    ("discriminator_loss", lambda r, f: d_loss(r.sigmoid(), f.sigmoid()), "sigmoid is taken twice"),
    ("discriminator_loss", lambda r, f: -(r.log().mean() + (1 - f).log().mean()), "a logit is not a probability"),
    ("discriminator_loss", lambda r, f: f.mean() - r.mean(), "critic's loss"),
    ("discriminator_loss", lambda r, f: -r.sigmoid().log().mean() - (-f).sigmoid().log().mean(), "inf came, not 240"),
    ("discriminator_loss", lambda r, f: -clamped(r).mean() - clamped(-f).mean(), "no clamp"),
    ("discriminator_loss", lambda r, f: torch.tensor(d_loss(r, f).item()), "no gradient passes"),
    ("generator_loss", lambda a: -softplus(a).mean(), "minimax loss"),
    ("generator_loss", lambda a: softplus(a).mean(), "discriminator's loss for fakes"),
    ("generator_loss", lambda a: a.sigmoid().log().mean(), "sign is turned round"),
    ("generator_loss", lambda a: softplus(-a).sum(), "summed over the batch"),
    ("generator_loss", lambda a: softplus(-a), "one value for each fake"),
    ("generator_loss", lambda a: -a.mean(), "Wasserstein generator"),
    ("generator_loss", lambda a: -a.sigmoid().mean(), "the log is missing"),
    ("generator_loss", lambda a: -a.sigmoid().mean().log(), "log is taken of the mean"),
    ("generator_loss", lambda a: softplus(-a.sigmoid()).mean(), "sigmoid is taken twice"),
    ("generator_loss", lambda a: -torch.log(a).mean(), "a logit is not a probability"),
    ("generator_loss", lambda a: -clamped(a).mean(), "16.12 came, not 120"),
    ("generator_loss", lambda a: softplus(-without_slope(a)).mean(), "the gradient is wrong: no log of a sigmoid"),
    ("generator_loss", lambda a: softplus(-a).mean().detach(), "no gradient passes"),
    ("d_step", not_detached, "fake batch is not detached"),
    ("d_step", without_zero_grad, "zero_grad() is missing"),
    ("d_step", without_step, "step() is missing"),
    ("d_step", without_backward, "backward is missing"),
    ("d_step", zeroed_too_late, "backward must come after zero_grad"),
    ("d_step", loss_only, "neither a gradient nor a step"),
    ("d_step", both_move, "the generator has moved"),
    ("d_step", d_step_with(lambda r, f: -d_loss(r, f)), "sign of the loss"),
    ("d_step", d_step_with(lambda r, f: d_loss(-r, -f)), "labels are exchanged"),
    ("d_step", d_step_with(lambda r, f: d_loss(r, -f)), "fakes have the label 1"),
    ("d_step", d_step_with(lambda r, f: d_loss(-r, f)), "real ones have the label 0"),
    ("d_step", d_step_with(lambda r, f: softplus(-r).mean()), "from the real ones only"),
    ("d_step", d_step_with(lambda r, f: d_loss(r.detach(), f)), "from the fakes only"),
    ("d_step", d_step_with(lambda r, f: softplus(-f).mean()), "the generator's step"),
    ("d_step", d_step_with(lambda r, f: softplus(-r).sum() + softplus(f).sum()), "summed over the batch"),
    ("d_step", d_step_with(lambda r, f: d_loss(r, f) / 2), "mean of the two halves"),
    ("d_step", d_step_with(lambda r, f: 3 * d_loss(r, f)), "3 times as much everywhere"),
    ("ring_centres", lambda n, r: circle(torch.linspace(0, 2 * math.pi, n), r), "both ends"),
    ("ring_centres", lambda n, r: circle(math.pi * torch.arange(n) / n, r), "half a circle"),
    ("ring_centres", lambda n, r: circle(360 / n * torch.arange(n), r), "degrees"),
    ("ring_centres", lambda n, r: ring_right(n, r)[:, [1, 0]], "x and y are exchanged"),
    ("ring_centres", lambda n, r: ring_right(n, 1), "radius is missing"),
    ("ring_centres", lambda n, r: ring_right(n, r * r), "radius is squared"),
    ("ring_centres", lambda n, r: circle(2 * math.pi * torch.arange(1, n + 1) / n, r), "begin with k = 0"),
    ("ring_centres", lambda n, r: ring_right(n, r) * torch.tensor([1, -1]), "wrong way round"),
    ("ring_centres", lambda n, r: ring_right(n, r).T, "rows and columns"),
    ("mode_coverage", lambda p, c, r: len(set(torch.cdist(p, c).argmin(1).tolist())), "far from it"),
    ("mode_coverage", lambda p, c, r: int((torch.cdist(p, c) < r).sum()), "points are counted, not modes"),
    ("mode_coverage", share_of_points, "share of high-quality points"),
    ("mode_coverage", lambda p, c, r: coverage_right(p, c, r) / len(c), "share of the modes"),
    ("mode_coverage", lambda p, c, r: len(c) - coverage_right(p, c, r), "number of missed modes"),
    ("mode_coverage", lambda p, c, r: int((torch.cdist(p, c) ** 2 < r).any(0).sum()), "squared distances"),
    ("mode_coverage", lambda p, c, r: int((torch.cdist(p, c) < r).all(0).sum()), "expected 2, got 0"),
    ("mode_coverage", lambda p, c, r: int(
        (one_hot(torch.cdist(p, c).argmin(1), len(c)) * (torch.cdist(p, c) - r)).gt(0).any(0).logical_not().logical_and(
            one_hot(torch.cdist(p, c).argmin(1), len(c)).any(0)).sum()), "all its points"),
]  # fmt: skip
NAMES = sorted(vars(check))


@cache  # each is asked for twice
def verdict(name, f):
    return getattr(exercises, name)(f)


@pytest.mark.parametrize("name, f", RIGHT)
def test_right_answers_pass(name, f):
    assert verdict(name, f).startswith(f"✓ {name}: ")


@pytest.mark.parametrize("name, f, diagnosis", WRONG)
def test_each_mistake_is_named(name, f, diagnosis):
    text = verdict(name, f)
    assert text.startswith(f"✗ {name}: ") and diagnosis in text and "\n" not in text and len(text) < 400


def test_the_lists_are_complete_and_no_two_mistakes_share_a_diagnosis():
    assert {name for name, _ in RIGHT} == set(NAMES)
    for name in NAMES:
        verdicts = [verdict(name, f) for n, f, _ in WRONG if n == name]
        assert len(verdicts) >= 3 and len(set(verdicts)) == len(verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_every_version_that_the_module_itself_calls_wrong_gets_its_diagnosis(name, monkeypatch):
    """No diagnosis is hidden by another one before it, or given to the right answer."""
    found = {}
    judge, problem = exercises._judge, exercises._problem
    monkeypatch.setattr(exercises, "_judge", lambda n, f, **kw: found.update(kw) or judge(n, f, **kw))
    monkeypatch.setattr(
        exercises,
        "_problem",
        lambda outcomes, right, mistakes, cases, *rest: (
            found.update(mistakes=mistakes, cases=cases) or problem(outcomes, right, mistakes, cases, *rest)
        ),
    )
    getattr(exercises, name)(next(f for n, f in RIGHT if n == name))
    monkeypatch.undo()
    for text, wrong in found.get("mistakes", []):
        assert text in verdict(name, wrong)
        # Where all is NaN or an error, any other function that fails would have this mistake.
        values = [exercises._attempt(wrong, case) for case in found["cases"]]
        assert any(isinstance(value, torch.Tensor) and value.isfinite().all() for value in values)
    assert len(found.get("mistakes", [])) >= 5 or name in ("reparameterize", "d_step")


def stub(*args, **kwargs): ...


def unfinished(*args, **kwargs):
    raise NotImplementedError


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("f", [stub, unfinished])
def test_a_stub_is_told_what_to_do_and_ends_in_no_error(name, f, capsys):
    assert getattr(check, name)(f) is None
    out, err = capsys.readouterr()
    assert out.startswith(f"… {name}: not done yet: ") and out.count("\n") <= 2 and len(out) > 60 and err == ""


@pytest.mark.parametrize("name", NAMES)
def test_check_prints_the_verdict_and_says_what_it_wants(name, capsys):
    f = next(f for n, f in RIGHT if n == name)
    assert getattr(check, name)(f) is None
    lines = capsys.readouterr().out.splitlines()
    assert " ".join(line.strip() for line in lines) == verdict(name, f)
    assert len(lines) <= 2 and max(map(len, lines)) <= 64  # fits the box of an exercise
    assert getattr(check, name).__doc__.startswith("f(")


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_fails_is_no_error(name):
    def broken(*args, **kwargs):
        raise RuntimeError("the size of tensor a\nmust match")

    text = verdict(name, broken)
    assert text.startswith(f"✗ {name}: your function ends in RuntimeError: the size of tensor a") and "\n" not in text
    assert "TypeError" in verdict(name, lambda: 0) and "argument" in verdict(name, lambda: 0)
    assert "without calling it" in verdict(name, 3.0)


@pytest.mark.parametrize(
    "name, wrong, complaint",
    [
        ("kl", lambda mu, logvar: vae.kl_to_standard_normal(mu, logvar).numpy(), "got a NumPy array of shape (1,)"),
        ("kl", lambda mu, logvar: 1.0, "got a value of type float; stay in PyTorch"),
        ("kl", lambda mu, logvar: (mu, logvar), "got a tuple of 2"),
        ("kl", lambda mu, logvar: torch.zeros(7), "expected shape (1,), one value per example, got (7,)"),
        ("kl", lambda mu, logvar: kl_parts(mu, logvar).sum(1).squeeze(), "expected shape (1,)"),
        ("kl", lambda mu, logvar: 3 * kl_parts(mu, logvar).sum(1), "3 times as much everywhere"),
        ("kl", lambda mu, logvar: kl_parts(mu, logvar).sum(1) + 7, "mu = [[0.6614]], logvar = [[0.2669]] expected"),
        ("kl", lambda mu, logvar: mu.mul_(2).sum(1), "it changes what it is given"),
        ("mode_coverage", lambda p, c, r: "two", "a value of type str"),
    ],
)
def test_what_is_no_known_mistake_is_shown(name, wrong, complaint):
    assert complaint in verdict(name, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_a_verdict_does_not_depend_on_seeds_and_leaves_the_random_states_alone(name, monkeypatch):
    functions = [next(f for n, f in RIGHT if n == name), next(f for n, f, _ in WRONG if n == name)]
    first = [verdict(name, f) for f in functions]
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    monkeypatch.setenv("GENBOOK_SEED", "7")

    def noisy(f):  # as a reader's function may be
        def g(*args, **kwargs):
            torch.rand(1), np.random.rand(1), random.random()  # noqa: NPY002
            return f(*args, **kwargs)

        return g

    assert [verdict(name, noisy(f)) for f in functions] == first
    assert torch.equal(states[0], torch.get_rng_state()) and states[2] == random.getstate()
    assert (states[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_gradients_are_looked_at_where_the_reader_has_switched_them_off():
    with torch.no_grad():
        assert verdict("kl", vae.kl_to_standard_normal).startswith("✓")


def test_a_partial_is_a_function_too():
    assert verdict("generator_loss", partial(gan.generator_loss, kind="minimax")).count("minimax") == 1
