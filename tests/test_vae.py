"""The VAE against torch.distributions, SymPy, quadrature and models whose log p(x) is known exactly."""

import math
import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest
import sympy
import torch
from stops import Waits
from torch import nn
from torch.distributions import Bernoulli, ContinuousBernoulli, MultivariateNormal, Normal, kl_divergence

from genbook import data
from genbook.autoencoders import ppca_log_likelihood, squared_error
from genbook.train import fit, seeded
from genbook.vae import (
    VAE,
    active_units,
    continuous_bernoulli_log_constant,
    elbo_terms,
    iwae_bound,
    kl_to_standard_normal,
    neg_elbo,
    neg_iwae,
    neg_iwae_dreg,
    networks,
    reparameterize,
)

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SIGMA = 0.6


def generator(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def bits(*shape, seed=0):
    return (normal(*shape, seed=seed) > 0).double()


def network(sizes=(6, 5, 2), seed=0, **options):
    """A VAE in float64 with weights large enough to matter."""
    with seeded(seed):
        model = VAE(*networks(list(sizes)), **options).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def linear(weight, bias):
    layer = nn.Linear(*weight.T.shape).double()
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def linear_gaussian(*, shift=0.0, widen=1.0, slope=1.0, condition=0):
    """x = W (z, c) + b + σ ε: the VAE, and log p(x | c) and p(z | x, c), both exact; W's columns are at right angles.

    With the defaults q(z | x) is the true posterior. Otherwise its mean moves by shift, and its log-variance by
    log(widen) and by something that depends on x, if slope is not 1.
    """
    d, k = 5, 2
    directions = torch.linalg.qr(normal(d, d, seed=3))[0]
    weight, bias = directions[:, :k] * torch.tensor([1.5, 0.4]), normal(d, seed=4)
    of_condition = normal(d, condition, seed=5)
    model = VAE(nn.Identity(), linear(torch.cat([weight, of_condition], 1), bias), likelihood="gaussian", sigma=SIGMA)
    model = model.double()
    sigma = model.log_sigma.exp()
    precision = weight.square().sum(0) / sigma**2 + 1  # (k,): Wᵀ W is diagonal
    to_mean = weight.T / sigma**2 / precision[:, None]  # (k, d)
    means = torch.cat([to_mean, -to_mean @ of_condition], 1)
    logvars = (slope - 1) * torch.ones(k, d + condition, dtype=torch.float64)
    offset = torch.cat([shift - to_mean @ bias, math.log(widen) - precision.log()])
    model.encoder = linear(torch.cat([means, logvars]), offset)

    def log_px(x, c=None):
        mean = bias if c is None else bias + c @ of_condition.T
        return MultivariateNormal(mean, weight @ weight.T + sigma**2 * torch.eye(d).double()).log_prob(x)

    def posterior(x):
        return Normal((x - bias) @ to_mean.T, precision.rsqrt())

    return model, log_px, posterior


def wrong_posterior():
    return linear_gaussian(shift=0.3, widen=1.4, slope=1.05)


def standard_error(values):
    return values.std(0) / math.sqrt(len(values))


# The KL divergence


def test_kl_is_that_of_torch_distributions():
    mu, logvar = 3 * normal(100, 4), 4 * normal(100, 4, seed=1)
    expected = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mu, logvar), expected)


def test_kl_is_the_integral_that_defines_it():
    z, mu = sympy.symbols("z mu", real=True)
    sigma = sympy.Symbol("sigma", positive=True)

    def log_normal(mean, std):
        return -((z - mean) ** 2) / (2 * std**2) - sympy.log(std * sympy.sqrt(2 * sympy.pi))

    log_q = log_normal(mu, sigma)
    integrand = sympy.expand(sympy.exp(log_q).simplify() * (log_q - log_normal(0, 1)))
    kl = sympy.integrate(integrand, (z, -sympy.oo, sympy.oo)).simplify()
    for a, b in [(0.0, 0.0), (0.0, 1.0), (-1.3, 0.7), (2.0, -3.0)]:
        exact = float(kl.subs({mu: a, sigma: sympy.exp(sympy.Float(b) / 2)}))
        got = kl_to_standard_normal(*torch.tensor([[[a]], [[b]]], dtype=torch.float64)).item()
        assert got == pytest.approx(exact, abs=1e-12)


def test_kl_keeps_its_digits_near_the_prior_and_its_sign():
    logvar = torch.linspace(-1e-2, 1e-2, 2001)[:, None]
    kl = kl_to_standard_normal(torch.zeros_like(logvar), logvar)
    exact = kl_to_standard_normal(torch.zeros_like(logvar).double(), logvar.double())
    torch.testing.assert_close(kl.double(), exact, rtol=1e-3, atol=1e-9)
    assert (kl >= 0).all() and kl[1000] == 0


# The draw of z


@pytest.mark.parametrize("device", DEVICES)
def test_draws_follow_the_normal_distribution_of_the_parameters(device):
    n = 200_000
    mu, logvar = torch.tensor([1.0, -2.0], device=device), torch.tensor([-3.0, 1.0], device=device)
    z = reparameterize(mu.expand(n, 2), logvar.expand(n, 2), generator=generator(0, device))
    standard = ((z - mu) / (logvar / 2).exp()).cpu()
    for moment, expected in [(1, 0), (2, 1), (3, 0), (4, 3)]:
        values = standard**moment
        assert ((values.mean(0) - expected).abs() < 5 * standard_error(values)).all()
    assert abs(np.corrcoef(standard.T.numpy())[0, 1]) < 5 / math.sqrt(n)


def test_draws_are_those_of_the_generator_alone():
    mu = logvar = torch.zeros(4, 3)
    state = torch.get_rng_state()
    first, again, other = (reparameterize(mu, logvar, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert len(first.unique()) == 12


def test_the_pathwise_gradient_is_unbiased_with_the_known_variance():
    """E[z²] = μ² + σ²: gradients 2μ for the mean and σ² for the log-variance; the first has variance 4σ²."""
    n = 200_000
    mu = torch.full((n, 1), 1.5, dtype=torch.float64, requires_grad=True)
    logvar = torch.full((n, 1), -0.8, dtype=torch.float64, requires_grad=True)
    reparameterize(mu, logvar, generator=generator()).square().sum().backward()
    for got, expected in [(mu.grad, 2 * 1.5), (logvar.grad, math.exp(-0.8))]:
        assert abs(got.mean() - expected) < 5 * standard_error(got)
    assert mu.grad.var().item() == pytest.approx(4 * math.exp(-0.8), rel=0.02)


# The likelihoods


@pytest.mark.parametrize("shape", [(4, 6), (4, 1, 2, 3)])
@pytest.mark.parametrize("draws", [(), (3,)])
def test_likelihoods_are_those_of_torch_distributions(shape, draws):
    z = normal(4, *draws, 2, seed=1)
    output = nn.Sequential(linear(3 * normal(6, 2), normal(6, seed=2)), nn.Unflatten(1, shape[1:]))
    means = output(z.reshape(-1, 2)).reshape(4, *draws, *shape[1:])

    def expected(distribution, x):
        x = x.reshape(4, *[1] * len(draws), *shape[1:])
        return distribution.log_prob(x).flatten(1 + len(draws)).sum(-1)

    x = bits(*shape)
    model = VAE(nn.Identity(), output)
    torch.testing.assert_close(model.log_px_given_z(x, z), expected(Bernoulli(logits=means), x))
    x = normal(*shape)
    for learned in (False, True):
        model = VAE(nn.Identity(), output, likelihood="gaussian", sigma=0.3, learn_sigma=learned).double()
        torch.testing.assert_close(model.log_px_given_z(x, z), expected(Normal(means, model.log_sigma.exp()), x))
        assert model.log_sigma.exp().item() == pytest.approx(0.3)


def test_logits_may_be_extreme():
    logits = torch.tensor([[1000.0, -1000.0, 1000.0]], requires_grad=True)
    model = VAE(nn.Identity(), lambda z: logits)
    right = model.log_px_given_z(torch.tensor([[1.0, 0.0, 1.0]]), torch.zeros(1, 1))
    wrong = model.log_px_given_z(torch.tensor([[1.0, 1.0, 0.0]]), torch.zeros(1, 1))
    assert (right.item(), wrong.item()) == (0.0, -2000.0)
    wrong.sum().backward()
    assert logits.grad.tolist() == [[0.0, 1.0, -1.0]]


def test_sigma_is_trained_only_if_it_is_to_be():
    def trained(learned):
        with seeded(0):
            model = VAE(*networks([6, 2]), likelihood="gaussian", sigma=0.5, learn_sigma=learned)
        fit(model, neg_elbo, normal(50, 6).float(), epochs=3, lr=0.01, batch_size=10, seed=0)
        return model.log_sigma.exp().item()

    assert trained(False) == pytest.approx(0.5)
    assert trained(True) > 0.55
    assert "log_sigma" in VAE(*networks([6, 2]), likelihood="gaussian", sigma=0.5).state_dict()


def test_decoder_mean_and_reconstruction():
    x, z = bits(4, 6), normal(4, 2)
    model = network()
    torch.testing.assert_close(model.decoder_mean(z), Bernoulli(logits=model.decoder(z)).mean)
    mu = model.encoder(x)[:, :2]
    torch.testing.assert_close(squared_error(model, x), (x - model.decoder_mean(mu)).square().sum(1))
    model = network(likelihood="gaussian", sigma=1.0)
    assert torch.equal(model.decoder_mean(z), model.decoder(z))


# The bound


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_elbo_is_log_px_less_the_divergence_from_the_true_posterior(seed):
    """By Gauss-Hermite quadrature, exact here: log p(x | z) is quadratic in z."""
    x = 2 * normal(7, 5, seed=seed)
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)
    weights = torch.tensor(np.outer(weights, weights).ravel() / weights.sum() ** 2)  # (9,)
    noise = torch.tensor(np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(9, 2))

    def elbo(model):
        mu, logvar = model.encode(x)
        z = mu[:, None] + (logvar / 2).exp()[:, None] * noise  # (7, 9, 2)
        return model.log_px_given_z(x, z) @ weights - kl_to_standard_normal(mu, logvar)

    model, log_px, posterior = wrong_posterior()
    mu, logvar = model.encode(x)
    gap = kl_divergence(Normal(mu, (logvar / 2).exp()), posterior(x)).sum(1)
    assert gap.min() > 0.05
    torch.testing.assert_close(elbo(model), log_px(x) - gap, rtol=0, atol=1e-9)
    torch.testing.assert_close(elbo(linear_gaussian()[0]), log_px(x), rtol=0, atol=1e-9)


def test_the_loss_is_minus_the_elbo_in_expectation():
    model, log_px, posterior = wrong_posterior()
    x = 2 * normal(3, 5)
    mu, logvar = model.encode(x)
    elbo = log_px(x) - kl_divergence(Normal(mu, (logvar / 2).exp()), posterior(x)).sum(1)
    with torch.no_grad():
        losses = neg_elbo(model, x.repeat(20_000, 1), generator=generator()).reshape(-1, 3)
    assert ((losses.mean(0) + elbo).abs() < 5 * standard_error(losses)).all()


def test_the_terms_are_the_two_of_the_loss():
    model, x = network(), bits(50, 6)
    log_px_given_z, kl = elbo_terms(model, x, generator=generator())
    mu, logvar = model.encode(x)
    z = reparameterize(mu, logvar, generator=generator())
    torch.testing.assert_close(log_px_given_z, Bernoulli(logits=model.decoder(z)).log_prob(x).sum(1))
    torch.testing.assert_close(kl, kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1))
    for weights in ({}, {"alpha": 3.0}, {"beta": 0.25}, {"alpha": 0.5, "beta": 2.0}):
        expected = weights.get("beta", 1) * kl - weights.get("alpha", 1) * log_px_given_z
        torch.testing.assert_close(neg_elbo(model, x, generator=generator(), **weights), expected)


def test_the_weighted_squared_error_is_a_gaussian_likelihood():
    """α · (squared error) + KL and the Gaussian -ELBO with σ² = 1 / 2α have the same gradients."""
    alpha, x = 7.0, normal(20, 6)
    model = network(likelihood="gaussian", sigma=(2 * alpha) ** -0.5)
    neg_elbo(model, x, generator=generator()).mean().backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    mu, logvar = model.encode(x)
    reconstruction = model.decode(reparameterize(mu, logvar, generator=generator()))
    loss = alpha * (x - reconstruction).square().sum(1) + kl_to_standard_normal(mu, logvar)
    loss.mean().backward()
    for got, expected in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(got, expected.grad, rtol=1e-6, atol=1e-6)  # log σ is kept in float32


def test_the_linear_vae_finds_probabilistic_pca():
    with seeded(0):
        x = (normal(400, 6) * torch.arange(1, 7) @ normal(6, 6, seed=1) / 5).float()
        model = VAE(*networks([6, 2]), likelihood="gaussian", sigma=1.0, learn_sigma=True)
    fit(model, neg_elbo, x, epochs=300, lr=0.03, batch_size=100, seed=0, decay="cosine")
    exact = ppca_log_likelihood(x, 2).mean().item()
    elbo = -neg_elbo(model, x.repeat(50, 1), generator=generator()).mean().item()
    assert exact - 0.05 < elbo < exact + 0.01


def test_training_learns_a_known_distribution_of_bits():
    """Two fair bits, each of them twice: log p(x) = -2 log 2 at best, -4 log 2 for four independent bits."""
    x = bits(400, 2).float().repeat_interleave(2, dim=1)
    with seeded(0):
        model = VAE(*networks([4, 16, 2]))
    fit(model, neg_elbo, x, epochs=60, lr=0.02, batch_size=50, seed=0, decay="linear")
    bound = iwae_bound(model, x, 200, generator=generator()).mean().item()
    assert -2 * math.log(2) - 0.35 < bound < -2 * math.log(2) + 0.05


# Importance weights


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("k", "chunk"), [(1, None), (3, None), (1000, None), (7, 1), (7, 3), (7, 7), (7, 20)])
def test_with_the_true_posterior_each_draw_gives_log_px(k, chunk, device):
    model, log_px, _ = linear_gaussian()
    x = 2 * normal(5, 5)
    bound = iwae_bound(model.to(device), x.to(device), k, generator=generator(0, device), chunk=chunk)
    torch.testing.assert_close(bound.cpu(), log_px(x), rtol=0, atol=1e-9)


def test_the_bound_rises_to_log_px_from_below_and_its_exponential_is_unbiased():
    model, log_px, posterior = wrong_posterior()
    x = 2 * normal(3, 5)
    mu, logvar = model.encode(x)
    below = kl_divergence(Normal(mu, (logvar / 2).exp()), posterior(x)).sum(1)  # of the ELBO
    gaps = []
    for k, repeats in [(1, 20_000), (4, 20_000), (32, 5000), (256, 1000)]:
        bound = iwae_bound(model, x.repeat(repeats, 1), k, generator=generator(k)).reshape(-1, 3)
        ratio = (bound - log_px(x)).exp()  # (repeats, 3), of mean 1
        assert ((ratio.mean(0) - 1).abs() < 5 * standard_error(ratio)).all()
        gap, error = log_px(x) - bound.mean(0), standard_error(bound)
        assert (gap > -3 * error).all()
        if k == 1:
            assert ((gap - below).abs() < 5 * error).all()
        gaps.append(gap)
    assert all((later < 0.6 * earlier).all() for earlier, later in pairwise(gaps))
    assert (gaps[-1] < 0.01).all()


def test_the_bound_finds_the_likelihood_of_bits():
    """log p(x) by Gauss-Hermite quadrature over the one latent coordinate; all 64 x, whose p(x) sum to 1."""
    model = network((6, 5, 1))
    with torch.no_grad():
        model.encoder[-1].bias[1] += 2  # a wide q, or a few draws would carry most of the weight
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).double()
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    logits = model.decoder(torch.tensor(nodes)[:, None]).detach()  # (100, 6)
    log_px_given_z = Bernoulli(logits=logits).log_prob(x[:, None]).sum(2)  # (64, 100)
    log_px = (log_px_given_z + torch.tensor(np.log(weights / weights.sum()))).logsumexp(1)
    assert log_px.exp().sum().item() == pytest.approx(1, abs=1e-4)
    ratio = (iwae_bound(model, x.repeat(30, 1), 3000, generator=generator()).reshape(30, 64) - log_px).exp()
    assert ((ratio.mean(0) - 1).abs() < 6 * standard_error(ratio)).all()
    assert standard_error(ratio).max() < 0.02  # so that the line above can fail


@pytest.mark.parametrize("likelihood", [{}, {"likelihood": "gaussian", "sigma": 0.5}])
def test_neither_chunks_of_draws_nor_of_images_change_the_result(likelihood):
    model, x = network((6, 32, 16), **likelihood), bits(10, 6)  # with 16 latent coordinates torch's draws are the same
    whole = iwae_bound(model, x, 32, generator=generator(), chunk=320)
    log_px_given_z, z, (mu, logvar) = *draws_of(model, x, 32), model.encode(x)
    log_p_over_q = Normal(0.0, 1.0).log_prob(z) - Normal(mu[:, None], (logvar / 2).exp()[:, None]).log_prob(z)
    expected = (log_px_given_z + log_p_over_q.sum(2)).logsumexp(1) - math.log(32)
    torch.testing.assert_close(whole, expected)
    for chunk in (1, 5, 31, 32, 33, 64, 100, 1000, None):
        torch.testing.assert_close(iwae_bound(model, x, 32, generator=generator(), chunk=chunk), whole)


def draws_of(model, x, k):
    """log p(x | z) and the z that a generator of seed 0 draws, k for each x, straight from the definition."""
    mu, logvar = model.encode(x)
    z = mu[:, None] + (logvar / 2).exp()[:, None] * normal(len(x), k, mu.shape[1])
    if model.likelihood == "bernoulli":
        p_x_given_z = Bernoulli(logits=model.decoder(z))
    else:
        p_x_given_z = Normal(model.decoder(z), model.log_sigma.exp())
    return p_x_given_z.log_prob(x[:, None]).sum(2), z


def test_the_training_loss_has_the_bound_and_the_gradient_of_its_definition():
    model, x = network(), bits(10, 6)
    loss = neg_iwae(model, x, generator=generator(), k=8)
    torch.testing.assert_close(-loss, iwae_bound(model, x, 8, generator=generator()))
    loss.mean().backward()
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    model.zero_grad()
    log_px_given_z, z = draws_of(model, x, 8)
    mu, logvar = model.encode(x)
    q = Normal(mu[:, None], (logvar / 2).exp()[:, None])
    w = (log_px_given_z + (Normal(0.0, 1.0).log_prob(z) - q.log_prob(z)).sum(2)).exp()
    (-w.mean(1).log()).mean().backward()
    for got, parameter in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(got, parameter.grad)


@pytest.mark.parametrize("k", [1, 8])
def test_the_doubly_reparameterised_loss_has_the_same_value_and_gradient_of_the_decoder(k):
    model, x = network(), bits(10, 6)
    with torch.no_grad():
        value = neg_iwae_dreg(model, x, generator=generator(), k=k)
    gradients = {}
    for loss in (neg_iwae, neg_iwae_dreg):
        losses = loss(model, x, generator=generator(), k=k)
        torch.testing.assert_close(losses, value)
        of_decoder = torch.autograd.grad(losses.mean(), [*model.decoder.parameters()], retain_graph=True)
        gradients[loss] = of_decoder, torch.autograd.grad(losses.mean(), [*model.encoder.parameters()])
    for got, expected in zip(gradients[neg_iwae_dreg][0], gradients[neg_iwae][0], strict=True):
        torch.testing.assert_close(got, expected)
    for got, other in zip(gradients[neg_iwae_dreg][1], gradients[neg_iwae][1], strict=True):
        assert (got - other).abs().max() > 1e-3


def encoder_gradients(loss, model, x, k, n=20_000):
    """Of n times k draws for one x: the gradient for μ and log σ², of each. x: (1, d) -> (n, 2 · latent)."""
    parameters = torch.cat(model.encode(x), 1).detach().expand(n, -1).clone().requires_grad_()
    given = VAE(lambda x: parameters, model.decoder, likelihood="gaussian", sigma=SIGMA).double()
    values = loss(given, x.expand(n, -1), generator=generator(1), k=k)
    return torch.autograd.grad(values.sum(), parameters)[0]


def test_the_doubly_reparameterised_gradient_of_the_encoder_is_that_of_the_bound_with_less_noise():
    model, _, posterior = wrong_posterior()
    x = normal(1, 5, seed=8)
    parameters = torch.cat(model.encode(x), 1).detach().requires_grad_()
    mu, logvar = parameters.chunk(2, 1)
    kl = kl_divergence(Normal(mu, (logvar / 2).exp()), posterior(x)).sum()
    (of_elbo,) = torch.autograd.grad(kl, parameters)  # exact, for k = 1: log p(x) does not depend on the encoder
    for k in (1, 6):
        plain, dreg = (encoder_gradients(loss, model, x, k) for loss in (neg_iwae, neg_iwae_dreg))
        expected = of_elbo[0] if k == 1 else plain.mean(0)
        noise = (plain.var(0) * (k > 1) + dreg.var(0)).div(len(dreg)).sqrt()
        assert ((dreg.mean(0) - expected).abs() < 5 * noise).all() and noise.max() < dreg.mean(0).abs().max() / 10
        assert (dreg.var(0) < plain.var(0) / 2).all()


@pytest.mark.parametrize("k", [1, 6])
def test_with_the_true_posterior_no_draw_moves_the_encoder(k):
    model, *_ = linear_gaussian()
    x = normal(1, 5, seed=8)
    assert encoder_gradients(neg_iwae_dreg, model, x, k, n=50).abs().max() < 1e-12
    assert encoder_gradients(neg_iwae, model, x, k, n=50).abs().mean() > 0.1


def test_no_more_than_a_chunk_is_decoded_at_once_and_nothing_twice():
    model, x = network(), bits(23, 6)
    seen = []
    model.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    for k, chunk in [(50, 20), (50, 120), (3, 10), (1, 1), (4, None)]:
        seen.clear()
        iwae_bound(model, x, k, generator=generator(), chunk=chunk)
        assert sum(seen) == 23 * k
        assert max(seen) <= (chunk or math.inf)


def test_memory_stays_small_for_thousands_of_draws():
    """784 logits for each of 16 · 5000 draws would be 250 MB, a few times over; a part of them is held at a time."""
    script = f"""if True:
        import resource, torch
        from genbook.vae import VAE, iwae_bound, networks
        torch.set_num_threads(1)
        model, x, generator = VAE(*networks([784, 20])), torch.zeros(16, 784), torch.Generator()
        def peak(k):
            iwae_bound(model, x, k, generator=generator)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / {1e6 if sys.platform == "darwin" else 1e3}
        print(peak(1), peak(5000))"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    before, after = map(float, done.stdout.split())
    assert after - before < 100  # MB


def test_evaluation_is_in_eval_mode_without_gradients_and_leaves_the_mode_as_it_was():
    seen = []

    class Watch(nn.Linear):
        def forward(self, x):
            seen.append((self.training, torch.is_grad_enabled()))
            return super().forward(x)

    model = VAE(Watch(6, 4), Watch(2, 6))
    x = bits(5, 6).float()
    for training in (True, False):
        model.train(training)
        assert not iwae_bound(model, x, 2, generator=generator()).requires_grad
        active_units(model, x)
        assert model.training == model.encoder.training == training
    assert set(seen) == {(False, False)}


def test_active_units_are_those_whose_mean_varies_with_x():
    x = normal(3000, 3, seed=1).float()
    x = x / x.std(0)
    scales = torch.tensor([[0.15, 0, 0], [0, 0.08, 0], [0, 0, 1.0], [9.0, 0, 0], [0, 9, 0], [0, 0, 9]]).double()
    model = VAE(linear(scales, torch.full((6,), 5.0)).float(), nn.Identity(), likelihood="gaussian", sigma=1.0)
    assert active_units(model, x).tolist() == [True, False, True]
    assert active_units(model, x, threshold=0.005).tolist() == [True, True, True]
    assert active_units(model, x, threshold=0.5).tolist() == [False, False, True]


# Conditions


def test_with_a_condition_the_bound_is_that_on_log_px_given_it():
    model, log_px, _ = linear_gaussian(condition=3)
    x, c = 2 * normal(60, 5), torch.eye(3).double()[torch.arange(60) % 3]
    for chunk in (None, 2, 30):
        bound = iwae_bound(model, x, 4, c, generator=generator(), chunk=chunk)
        torch.testing.assert_close(bound, log_px(x, c), rtol=0, atol=1e-9)
    for loss in (neg_iwae, neg_iwae_dreg):
        torch.testing.assert_close(-loss(model, x, c, generator=generator(), k=4), log_px(x, c), rtol=0, atol=1e-9)
    losses = torch.stack([neg_elbo(model, x, c, generator=generator(seed)) for seed in range(400)]).detach()
    assert ((losses.mean(0) + log_px(x, c)).abs() < 5 * standard_error(losses)).all()
    torch.testing.assert_close(model(x, c), model.decoder_mean(model.encode(x, c)[0], c))
    assert active_units(model, x, c).shape == (2,)


def test_a_conditional_vae_draws_what_is_asked_for():
    """Two classes of bit patterns: after training, the decoder mean follows the condition, whatever z."""
    labels = torch.arange(200) % 2
    c = nn.functional.one_hot(labels, 2).float()
    x = torch.where(labels[:, None] == 1, torch.tensor([1.0, 1, 0, 0]), torch.tensor([0.0, 0, 1, 1]))
    with seeded(0):
        model = VAE(*networks([4, 8, 1], condition=2))
    history = fit(model, neg_elbo, (x, c), test=(x, c), epochs=30, lr=0.05, batch_size=50, seed=0)
    assert history["test"][-1] < 0.2
    z = normal(50, 1).float()
    for label, expected in [(0, [0, 0, 1, 1]), (1, [1, 1, 0, 0])]:
        means = model.decoder_mean(z, torch.eye(2)[[label]].expand(50, 2))
        assert means.round().tolist() == [expected] * 50


# Networks


def test_networks_have_the_sizes_asked_for():
    def layers(network):
        return [(m.in_features, m.out_features) if isinstance(m, nn.Linear) else type(m) for m in network]

    encoder, decoder = networks([784, 400, 300, 20], nonlinearity=nn.Tanh)
    assert layers(encoder) == [(784, 400), nn.Tanh, (400, 300), nn.Tanh, (300, 40)]
    assert layers(decoder) == [(20, 300), nn.Tanh, (300, 400), nn.Tanh, (400, 784)]
    encoder, decoder = networks([784, 400, 20], condition=10)
    assert layers(encoder) == [(794, 400), nn.ReLU, (400, 40)]
    assert layers(decoder) == [(30, 400), nn.ReLU, (400, 784)]
    with pytest.raises(ValueError, match=r"two or more whole numbers >= 1, from input to code, got \[784\]"):
        networks([784])


def test_images_need_not_be_flat():
    with seeded(0):
        encoder = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2), nn.Flatten(), nn.LazyLinear(4))
        decoder = nn.Sequential(nn.Linear(2, 3 * 9), nn.Unflatten(1, (3, 3, 3)), nn.ConvTranspose2d(3, 1, 4, stride=2))
    x = bits(5, 1, 8, 8).float()
    model = VAE(encoder, decoder)
    assert model(x).shape == x.shape
    assert neg_elbo(model, x, generator=generator()).shape == (5,)
    bound = iwae_bound(model, x, 3, generator=generator(), chunk=2)
    assert bound.shape == (5,)


def test_in_bfloat16_the_sums_stay_in_float32():
    with seeded(0):
        model = VAE(*networks([784, 50, 20]))
    x = bits(30, 784).float()
    exact = neg_elbo(model, x, generator=generator())
    with torch.autocast("cpu", torch.bfloat16):
        low = neg_elbo(model, x, generator=generator())
    assert low.dtype == torch.float32
    assert (low - exact).abs().max() < 0.2 and not torch.equal(low, exact)  # bfloat16's steps are 4 at 543 nats


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"likelihood": "normal"}, "'bernoulli' or 'gaussian', got 'normal'"),
        ({"sigma": 1.0}, "sigma belongs to likelihood='gaussian', got sigma=1.0, learn_sigma=False"),
        ({"learn_sigma": True}, "got sigma=None, learn_sigma=True for 'bernoulli'"),
        ({"likelihood": "gaussian"}, "needs a finite sigma > 0, got None"),
        ({"likelihood": "gaussian", "sigma": 0.0}, "needs a finite sigma > 0, got 0.0"),
        ({"likelihood": "gaussian", "sigma": -1.0}, "got -1.0"),
        ({"likelihood": "gaussian", "sigma": math.nan}, "got nan"),
        ({"likelihood": "gaussian", "sigma": math.inf}, "got inf"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        VAE(*networks([6, 2]), **options)


FUNCTIONS = {
    "neg_elbo": neg_elbo,
    "elbo_terms": elbo_terms,
    "neg_iwae": lambda *args, generator: neg_iwae(*args, generator=generator, k=3),
    "neg_iwae_dreg": lambda *args, generator: neg_iwae_dreg(*args, generator=generator, k=3),
    "iwae_bound": lambda model, x, *c, generator: iwae_bound(model, x, 3, *c, generator=generator),
    "active_units": lambda *args, generator: active_units(*args),
    "log_px_given_z": lambda model, x, *c, generator: model.log_px_given_z(x, torch.zeros(len(x), 2), *c),
}


def test_values_are_looked_at_but_in_a_training_on_a_gpu():
    on_gpu, on_cpu = SimpleNamespace(is_cuda=True), torch.zeros(1)
    assert data.may_look(on_cpu) and not data.may_look(on_gpu)
    with torch.no_grad():
        assert data.may_look(on_gpu)


@pytest.mark.parametrize("options", [{}, {"likelihood": "gaussian", "sigma": 0.5}])
def test_in_a_training_on_a_gpu_no_step_waits_and_bad_pixels_give_a_loss_of_nan(options, monkeypatch):
    model, x = VAE(*networks([6, 2]), **options), bits(5, 6).float()
    wanted = neg_elbo(model, x, generator=generator())
    monkeypatch.setattr(data, "may_look", lambda x: False)
    with Waits() as waits:
        losses = neg_elbo(model, x, generator=generator())
        losses.sum().backward()
    assert waits.count == 0 and torch.equal(losses, wanted)
    for bad in (torch.nan, torch.inf, *([0.5] if not options else [])):
        x = bits(5, 6).float()
        x[2, 1] = bad
        finite = neg_elbo(model, x, generator=generator()).isfinite()
        assert finite.tolist() == [True, True, False, True, True]


def test_in_a_training_on_a_gpu_bits_are_drawn_without_waiting(monkeypatch):
    grey = torch.rand(5, 6, generator=generator())
    wanted = data.binarize(grey, generator=generator())
    monkeypatch.setattr(data, "may_look", lambda x: False)
    grey[2, 1], grey[3, 0], grey[4, 5] = torch.nan, 1.5, -0.1
    with Waits() as waits:
        drawn = data.binarize(grey, generator=generator())
    bad = drawn.isnan()
    assert waits.count == 0 and bad.nonzero().tolist() == [[2, 1], [3, 0], [4, 5]]
    assert torch.equal(drawn[:2], wanted[:2])  # the draws before the first bad one are the same


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_is_not_for_the_likelihood_is_refused(function):
    model = VAE(*networks([6, 2]))
    x = bits(5, 6).float()
    for value, message in [
        (0.5, r"is for bits, got values from 0 to 1 that are not all 0 or 1; first draw bits with data.binarize"),
        (1 / 255, "is for bits, got values from 0 to 1 that"),
        (2.0, "is for bits, got values from 0 to 2 that"),
        (-1.0, "is for bits, got values from -1 to 1 that"),
        (math.nan, "is for bits, got values from nan to nan that"),
        (math.inf, "is for bits, got values from 0 to inf that"),
    ]:
        spoilt = x.clone()
        spoilt[4, 3] = value
        with pytest.raises(ValueError, match=message):
            function(model, spoilt, generator=generator())
        model.likelihood, model.log_sigma = "gaussian", torch.zeros(())
        if math.isfinite(value):
            function(model, spoilt, generator=generator())
        else:
            with pytest.raises(ValueError, match="without NaN or infinity, got values from"):
                function(model, spoilt, generator=generator())
        model.likelihood = "bernoulli"
    function(model, x, generator=generator())


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_wrong_shapes_of_x_and_conditions_are_refused(function):
    model = VAE(*networks([6, 2]))
    for x, message in [
        (torch.zeros(6), r"floats of shape \(B, ...\), got torch.float32 of shape \(6,\)"),
        (torch.zeros(0, 6), r"floats of shape \(B, ...\), got torch.float32 of shape \(0, 6\)"),
        (torch.zeros(4, 6, dtype=torch.int64), r"floats of shape \(B, ...\), got torch.int64"),
    ]:
        with pytest.raises(ValueError, match=message):
            function(model, x, generator=generator())
    conditional, x = VAE(*networks([6, 2], condition=3)), torch.zeros(4, 6)
    for c, message in [
        (torch.zeros(3, 3), r"condition of floats \(B, C\).*got \(4, 6\) and torch.float32 of shape \(3, 3\)"),
        (torch.zeros(4), r"got \(4, 6\) and torch.float32 of shape \(4,\)"),
        (torch.zeros(4, 3, dtype=torch.int64), r"got \(4, 6\) and torch.int64 of shape \(4, 3\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            function(conditional, x, c, generator=generator())
    with pytest.raises(ValueError, match=r"of shape \(B, D\) and a condition"):
        function(conditional, torch.zeros(4, 2, 3), torch.zeros(4, 3), generator=generator())


def test_shapes_that_do_not_fit_the_networks_are_refused():
    model, x, z = VAE(*networks([6, 2])), torch.zeros(4, 6), torch.zeros(4, 2)
    with pytest.raises(ValueError, match=r"x of shape \(B, 6\) for the encoder, got \(4, 2, 3\)"):
        neg_elbo(model, torch.zeros(4, 2, 3), generator=generator())
    with pytest.raises(ValueError, match=r"z of shape \(B, 2\) for the decoder, got \(4, 3\)"):
        model.decode(torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"x and condition of shape \(B, 6\) for the encoder, got \(4, 7\)"):
        model.encode(x, torch.zeros(4, 1))
    for wrong, got in [(z[0], r"\(2,\)"), (z[:3], r"\(3, 2\)"), (z[:, None, None], r"\(4, 1, 1, 2\)")]:
        with pytest.raises(ValueError, match=rf"z of shape \(4, k\) or \(4, S, k\), got {got}"):
            model.log_px_given_z(x, wrong)
    for encoder in (nn.Linear(6, 3), nn.Unflatten(1, (2, 3)), lambda x: x[:2]):
        with pytest.raises(ValueError, match=r"encoder to turn x of shape \(4, 6\) into shape \(4, 2k\), k means"):
            VAE(encoder, model.decoder).encode(x)
    for decoder in (nn.Linear(2, 1), nn.Linear(2, 5), lambda z: torch.zeros(1, 6)):
        with pytest.raises(ValueError, match=r"decoder to give shape \(8, 6\) for x of shape \(4, 6\) and 2 z each"):
            neg_iwae(VAE(model.encoder, decoder), x, generator=generator(), k=2)
    with pytest.raises(ValueError, match=r"at least two x, got shape \(1, 6\)"):
        active_units(model, x[:1])


@pytest.mark.parametrize("function", [kl_to_standard_normal, lambda *a: reparameterize(*a, generator=generator())])
@pytest.mark.parametrize(("a", "b"), [((4, 2), (4, 1)), ((4, 2), (2,)), ((4,), (4,)), ((4, 2), (3, 2))])
def test_parameters_of_different_shapes_are_refused(function, a, b):
    with pytest.raises(ValueError, match=r"mu and logvar of one shape \(B, k\), got \(4.*\) and \("):
        function(torch.zeros(a), torch.zeros(b))


@pytest.mark.parametrize("count", [0, -1, 2.0, None, "5"])
def test_counts_below_one_are_refused(count):
    model, x = VAE(*networks([6, 2])), torch.zeros(4, 6)
    for function in (iwae_bound, neg_iwae, neg_iwae_dreg):
        with pytest.raises(ValueError, match=f"expected k, a whole number of at least 1, got {count!r}"):
            function(model, x, k=count, generator=generator())
    if count is not None:
        with pytest.raises(ValueError, match=f"expected chunk, a whole number of at least 1, got {count!r}"):
            iwae_bound(model, x, 2, generator=generator(), chunk=count)
    iwae_bound(model, x, np.int64(2), generator=generator(), chunk=np.int64(3))


def test_a_model_that_gives_nan_is_named():
    model = VAE(*networks([6, 2]))
    with torch.no_grad():
        model.decoder[0].bias[0] = math.nan
    with pytest.raises(FloatingPointError, match="bound is not finite for some x: most likely the model's weights"):
        iwae_bound(model, torch.zeros(4, 6), 5, generator=generator())


LOGITS = [0.0, 1e-30, 1e-8, 1e-3, 0.0499, 0.0501, 0.3, 2.0, 15.0, 15.9, 16.1, 20.0, 36.0, 37.0, 60.0, 88.0, 89.0, 100.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_constant_of_the_continuous_bernoulli_is_exact_for_every_logit(dtype):
    """Against -log of ∫ p^x (1 - p)^(1 - x), by quadrature; and its derivative, p less the mean of x."""

    def integral(logit, moment=0):  # p^x (1 - p)^(1 - x) = (1 - p) exp(logit · x)
        return mpmath.quad(lambda x: x**moment * mpmath.exp(logit * x), [0, 0.1, 0.9, 1]) / (1 + mpmath.exp(logit))

    logits = torch.tensor([*LOGITS, *(-logit for logit in LOGITS)], dtype=dtype, requires_grad=True)
    values = continuous_bernoulli_log_constant(logits)
    (slopes,) = torch.autograd.grad(values.sum(), logits)
    assert values.dtype == dtype and values.shape == logits.shape
    with mpmath.workdps(25):
        points = [mpmath.mpf(logit) for logit in logits.tolist()]
        exact = [float(-mpmath.log(integral(point))) for point in points]
        slope = [float(1 / (1 + mpmath.exp(-point)) - integral(point, 1) / integral(point)) for point in points]
    tolerance = {torch.float32: 3e-6, torch.float64: 1e-12}[dtype]
    np.testing.assert_allclose(values.detach().numpy(), exact, rtol=tolerance)
    np.testing.assert_allclose(slopes.numpy(), slope, atol=tolerance)


def test_where_torch_knows_the_continuous_bernoulli_the_densities_agree():
    logits = torch.linspace(-30, 30, 121, dtype=torch.float64)
    x = torch.linspace(0, 1, 121, dtype=torch.float64)
    log_bernoulli = -nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    density = ContinuousBernoulli(logits=logits, validate_args=False).log_prob(x)
    torch.testing.assert_close(log_bernoulli + continuous_bernoulli_log_constant(logits), density, rtol=0, atol=1e-3)
