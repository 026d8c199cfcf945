"""Exercises that check themselves: check.kl(f) looks at a reader's function and says which mistake it holds.

Each exercise is a function here that returns its verdict, one string; `check` holds the same functions, printing it.
A verdict begins with ✓ (right), ✗ (what is wrong) or … (not done yet). A mistake is found by comparing the function's
values with those of wrong versions; where values do not show it, its gradients and draws are looked at.
"""

import functools
import math
import textwrap
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import torch
from scipy.stats import kstest
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from genbook.train import seeded

NO_GRADIENT = "no gradient passes through the result: leave out detach, no_grad, item and numpy"


class _Stop(Exception):
    """Ends an exercise before its end: the text is the verdict."""


class _Raised:
    """In the place of a result: the error that the function ended in, in one line."""

    def __init__(self, error: Exception):
        self.kind, self.text = type(error), f"your function ends in {type(error).__name__}: {error}".splitlines()[0]


def _exercise(judge: Callable[[Callable], str]) -> Callable[[Callable], str]:
    """Make a function that looks at f and gives or raises the verdict one that gives it, without a trace in the
    global random states."""

    @functools.wraps(judge)
    def verdict(f: Callable) -> str:
        if not callable(f):
            return f"✗ {judge.__name__}: expected your function itself, without calling it, got {_kind(f)}"
        with seeded(0), torch.enable_grad():
            torch.manual_seed(0)  # whatever GENBOOK_SEED says: a verdict is always the same
            try:
                return judge(f)
            except _Stop as stop:
                return str(stop)

    return verdict


# Chapter 1.


@_exercise
def joint_from_conditionals(f: Callable) -> str:
    """f(p_x_given_y, p_y_given_x): the joint that both are slices of, no cell zero. Two (|Y|, |X|) -> (|Y|, |X|)."""
    tables = [torch.tensor([[0.1, 0.4], [0.3, 0.2]]), torch.tensor([[1.0, 3.0, 4.0], [6.0, 4.0, 2.0]])]

    def unscaled(p, q):  # P(y | x) P(x | y0) / P(y0 | x), with y0 the first row
        return q * p[0] / q[0]

    def scaled(version):
        return lambda p, q: version(p, q) / version(p, q).sum()

    mistakes = [
        ("it does not sum to 1: divide by the sum of all cells", unscaled),
        ("it is transposed: rows are Y and columns X", lambda p, q: scaled(unscaled)(p, q).T),
        ("it is the product of the two conditionals", scaled(lambda p, q: p * q)),
        ("it is the product of the two conditionals, and does not sum to 1", lambda p, q: p * q),
        ("it is the mean of the two conditionals", scaled(lambda p, q: p + q)),
        ("all columns weigh the same: P(X) need not be uniform", lambda p, q: q / q.shape[1]),
        ("all rows weigh the same: P(Y) need not be uniform", lambda p, q: p / p.shape[0]),
        ("the columns are weighted by P(x | y0) alone: divide by P(y0 | x)", scaled(lambda p, q: q * p[0])),
        ("the ratio is upside down: P(x | y0) / P(y0 | x)", scaled(lambda p, q: q * q[0] / p[0])),
        ("the ratio belongs to P(y | x), not to P(x | y)", scaled(lambda p, q: p * p[0] / q[0])),
    ]
    return _judge(
        "joint_from_conditionals",
        f,
        task="return the joint table; rows are Y, columns X, as in the chapter",
        good="both conditionals are slices of your table, and it sums to 1",
        names=("p_x_given_y", "p_y_given_x"),
        cases=[(_slices(table, 1), _slices(table, 0)) for table in tables],
        right=scaled(unscaled),
        mistakes=mistakes,
        differentiate=[],
    )


# Chapter 2.


@_exercise
def reconstruction_loss(f: Callable) -> str:
    """f(x, x_hat): the squared error of each picture, summed over its pixels; its mean over the batch. (B, D) -> ()."""

    def right(x, x_hat):
        return sum(((a - b) ** 2).sum() for a, b in zip(x, x_hat, strict=True)) / len(x)

    mistakes = [
        (
            "it is averaged over the pixels too, as mse_loss does by default: sum over the pixels, mean over the batch",
            lambda x, y: (x - y).square().mean(),
        ),
        ("it is summed over the batch: take the mean over the pictures", lambda x, y: (x - y).square().sum()),
        (
            "one value for each picture came: the mean over the batch is missing",
            lambda x, y: (x - y).square().sum(1),
        ),
        ("one value for each pixel came: sum over the axis of the pixels, 1", lambda x, y: (x - y).square().sum(0)),
        ("it is the distance, not its square: leave out the root", lambda x, y: (x - y).norm(dim=1).mean()),
        ("it is the absolute error: square the differences", lambda x, y: (x - y).abs().sum(1).mean()),
        ("the differences are summed before they are squared", lambda x, y: (x - y).sum(1).square().mean()),
        ("the differences are not squared", lambda x, y: (x - y).sum(1).mean()),
        ("there is a factor ½, which this loss has not", lambda x, y: (x - y).square().sum(1).mean() / 2),
        ("the sign is turned round: an error is not negative", lambda x, y: -(x - y).square().sum(1).mean()),
    ]
    return _judge(
        "reconstruction_loss",
        f,
        task="return the squared error, summed where it is to be summed: one number",
        good="summed over the pixels, mean over the batch, with its gradient",
        names=("x", "x_hat"),
        cases=[_uniform((1, 2), (1, 2)), _uniform((3, 4), (3, 4))],
        right=right,
        mistakes=mistakes,
        differentiate=["x_hat"],
    )


@_exercise
def pca_code(f: Callable) -> str:
    """f(x, mean, components): the codes of principal component analysis. (B, D), (D,), (k, D) -> (B, k)."""

    def right(x, mean, components):
        centred = [[a - m for a, m in zip(row, mean, strict=True)] for row in x]
        rows = [[sum(a * c for a, c in zip(row, part, strict=True)) for part in components] for row in centred]
        return torch.tensor(rows)

    # Directions of length 1 at right angles; the second case is square, so that a missing transpose runs.
    def directions(k, size):
        return torch.linalg.qr(torch.randn(size, size, generator=_generator(5)))[0].T[:k].contiguous()

    mistakes = [
        ("the mean is not subtracted: the code is that of x - mean", lambda x, m, c: x @ c.T),
        ("the mean is added: subtract it", lambda x, m, c: (x + m) @ c.T),
        (
            "components has one direction in each row: multiply by its transpose, components.T",
            lambda x, m, c: (x - m) @ c,
        ),
        (
            "the mean of this batch is subtracted, not the given one: all pictures need the same code",
            lambda x, m, c: (x - x.mean(0)) @ c.T,
        ),
        ("this is the reconstruction, of shape (B, D): stop at the code", lambda x, m, c: m + (x - m) @ c.T @ c),
        ("the code is transposed: one row for each picture", lambda x, m, c: c @ (x - m).T),
        (
            "the mean is subtracted from the code: subtract it from x, before the multiplication",
            lambda x, m, c: x @ c.T - m[: len(c)],
        ),
        ("the sign is turned round: x - mean, not mean - x", lambda x, m, c: (m - x) @ c.T),
    ]
    return _judge(
        "pca_code",
        f,
        task="return the codes of principal component analysis, k numbers for each picture",
        good="k numbers for each picture, the projections of x - mean",
        names=("x", "mean", "components"),
        cases=[
            (*_uniform((1, 2), (2,)), directions(1, 2)),
            (*_uniform((4, 3), (3,)), directions(3, 3)),
            (*_uniform((3, 4), (4,)), directions(2, 4)),
        ],
        right=right,
        mistakes=mistakes,
        differentiate=[],
    )


# Chapters 3 and 4.


@_exercise
def kl(f: Callable) -> str:
    """f(mu, logvar): KL(N(μ, diag σ²) ‖ N(0, I)) of each example, nats. Two (B, k) -> (B,)."""

    def parts(mu, logvar):
        return 0.5 * (mu**2 + logvar.exp() - 1 - logvar)

    mistakes = [
        ("your KL is averaged over the latent dimensions: sum over them", lambda m, v: parts(m, v).mean(1)),
        ("the sum over the latent dimensions is missing: one value per example expected", parts),
        ("it is averaged over the batch: one value per example expected", lambda m, v: parts(m, v).sum(1).mean()),
        (
            "it is averaged over everything: sum over the latent dimensions, and leave the batch",
            lambda m, v: parts(m, v).mean(),
        ),
        ("it is summed over the batch too: one value per example expected", lambda m, v: parts(m, v).sum()),
        ("it is summed over the batch: sum over the latent dimensions, axis 1", lambda m, v: parts(m, v).sum(0)),
        ("the sign is turned round: a KL is never negative", lambda m, v: -parts(m, v).sum(1)),
        ("the ½ in front is missing", lambda m, v: 2 * parts(m, v).sum(1)),
        (
            "exp(logvar / 2) is σ, and the formula has σ²: use exp(logvar)",
            lambda m, v: 0.5 * (m**2 + (v / 2).exp() - 1 - v).sum(1),
        ),
        ("logvar itself stands for σ²: use exp(logvar)", lambda m, v: 0.5 * (m**2 + v - 1 - v).sum(1)),
        (
            "logvar is taken for σ: σ² is exp(logvar), and log σ² is logvar",
            lambda m, v: 0.5 * (m**2 + v**2 - 1 - (v**2).log()).sum(1),
        ),
        ("logvar is log σ² already: take no log of it", lambda m, v: 0.5 * (m**2 + v.exp() - 1 - v.log()).sum(1)),
        ("logvar counts half: log σ² is logvar", lambda m, v: 0.5 * (m**2 + v.exp() - 1 - v / 2).sum(1)),
        ("the −1 is missing: at μ = 0, σ = 1 the KL is 0", lambda m, v: 0.5 * (m**2 + v.exp() - v).sum(1)),
        ("the 1 has the wrong sign: at μ = 0, σ = 1 the KL is 0", lambda m, v: 0.5 * (m**2 + v.exp() + 1 - v).sum(1)),
        ("log σ² is added: it is subtracted", lambda m, v: 0.5 * (m**2 + v.exp() - 1 + v).sum(1)),
        ("log σ² is missing", lambda m, v: 0.5 * (m**2 + v.exp() - 1).sum(1)),
        ("μ² is missing", lambda m, v: 0.5 * (v.exp() - 1 - v).sum(1)),
        ("μ is not squared", lambda m, v: 0.5 * (m + v.exp() - 1 - v).sum(1)),
        (
            "this is KL(N(0, I) ‖ q), the other way round: the average is over q",
            lambda m, v: 0.5 * (v + (1 + m**2) / v.exp() - 1).sum(1),
        ),
    ]
    return _judge(
        "kl",
        f,
        task="return the KL of N(μ, diag σ²) from N(0, I), one value per example, with logvar = log σ²",
        good="one value per example, as torch.distributions says, with its gradient",
        names=("mu", "logvar"),
        cases=[_normal((1, 1), (1, 1)), _normal((3, 2), (3, 2)), _normal((4, 5), (4, 5), shift=1.0)],
        right=_exact_kl,
        mistakes=mistakes,
        extreme=(torch.tensor([[20.0]]), torch.tensor([[-30.0]])),
        at_extreme=("at μ = 20, log σ² = −30", "do not clamp, the formula needs no help"),
    )


@_exercise
def reparameterize(f: Callable) -> str:
    """f(mu, logvar, generator=generator): z = μ + σ ε, a draw that gradients pass through. Two (B, k) -> (B, k)."""
    name = "reparameterize"
    task = "return a draw of N(μ, diag σ²), logvar being log σ², with noise from the generator"
    n = 4000
    at_mu, at_logvar = torch.tensor([0.5, -1.0, 2.0]), torch.tensor([-1.5, 0.8, 2.0])

    def draw(seed, global_seed, gradients=False):
        torch.manual_seed(global_seed)
        mu = at_mu.repeat(n, 1).requires_grad_(gradients)
        logvar = at_logvar.repeat(n, 1).requires_grad_(gradients)
        z = _call(name, f, (mu, logvar), task, copy=False, generator=torch.Generator().manual_seed(seed))
        if isinstance(z, _Raised):
            raise _Stop(f"✗ {name}: {z.text}, for mu and logvar of shape {tuple(mu.shape)}")
        if problem := _form(z, mu, "one draw for each number of mu"):
            raise _Stop(f"✗ {name}: {problem}")
        return z, mu, logvar

    z, mu, _ = draw(0, 1)
    if z.isnan().any():
        return f"✗ {name}: z is NaN where logvar is negative: σ is exp(logvar / 2), without a root or a log of logvar"
    if torch.allclose(z, mu):
        return f"✗ {name}: z is μ itself, there is no noise in it"
    if not torch.equal(z, draw(0, 2)[0]):
        return f"✗ {name}: it draws its noise outside the given generator: torch.randn(…, generator=generator)"
    if torch.equal(z, draw(1, 1)[0]):
        return f"✗ {name}: another generator gives the same draw: do not make or seed a generator inside the function"
    if (z.std(0) < 1e-6).all():
        return f"✗ {name}: all examples get the same noise: each needs its own, of the shape of mu"
    if torch.corrcoef(z.T).abs().min() > 0.9:
        return f"✗ {name}: all latent dimensions of an example get the same noise: each needs its own, as mu has shape"
    sigma = (at_logvar / 2).exp()
    moments = [  # mean and standard deviation of z
        (None, at_mu, sigma),
        ("exp(logvar) is the variance, not σ: use exp(logvar / 2)", at_mu, sigma**2),
        ("logvar itself is used as σ: use exp(logvar / 2)", at_mu, at_logvar.abs()),
        ("the exponential is missing: σ is exp(logvar / 2), not logvar / 2", at_mu, at_logvar.abs() / 2),
        ("σ is upside down: exp(logvar / 2), without a minus", at_mu, 1 / sigma),
        ("the half is taken twice: exp(logvar / 2) is σ, without a further root", at_mu, sigma.sqrt()),
        ("the noise is not multiplied by σ = exp(logvar / 2)", at_mu, torch.ones(3)),
        ("μ is missing: z = μ + σ ε", 0 * at_mu, sigma),
        ("σ multiplies μ as well: z = μ + σ ε, not σ (μ + ε)", sigma * at_mu, sigma),
        ("rand is uniform on [0, 1]: the noise is normal, randn", at_mu + sigma / 2, sigma / 12**0.5),
    ]
    mean, std = z.detach().mean(0), z.detach().std(0)
    found = [
        text
        for text, m, s in moments  # 4000 draws: the mean is 0.016 s off, the standard deviation 1 %
        if ((mean - m).abs() < 0.1 * s).all() and (std / s - 1).abs().max() < 0.08
    ]
    if not found:
        return (
            f"✗ {name}: for mu = {_show(at_mu)}, logvar = {_show(at_logvar)} expected draws with means {_show(at_mu)} "
            f"and standard deviations {_show(sigma)}, got {_show(mean)} and {_show(std)}"
        )
    if found != [None]:
        return f"✗ {name}: {found[0]}"
    if kstest(((z.detach() - mu) / sigma).flatten().numpy(), "norm").pvalue < 1e-6:
        return f"✗ {name}: mean and spread are right, but the noise is not normal: torch.randn"
    z, mu, logvar = draw(0, 1, gradients=True)
    if not z.requires_grad:
        return f"✗ {name}: {NO_GRADIENT}, and draw with randn, not with sample"
    by_mu, by_logvar = torch.autograd.grad(z.sum(), (mu, logvar), allow_unused=True)
    if by_mu is None or not by_mu.any():
        return f"✗ {name}: the gradient for μ is zero, as torch.normal's is: write mu + σ · ε, with ε from randn"
    if by_logvar is None or not by_logvar.any():
        return f"✗ {name}: no gradient reaches logvar: do not detach σ"
    if not torch.allclose(by_mu, torch.ones(n, 3)) or not torch.allclose(by_logvar, (z - mu) / 2, atol=1e-4):
        return f"✗ {name}: the draws are right, the gradients are not: ∂z/∂μ = 1 and ∂z/∂log σ² = σ ε / 2 expected"
    return f"✓ {name}: z = μ + σ ε, all noise from the generator, and gradients pass"


@_exercise
def elbo(f: Callable) -> str:
    """f(x, logits, mu, logvar): log p(x | z) - KL of each example, nats; bits x. Two (B, D), two (B, k) -> (B,).

    logits: what the decoder says at one z ~ q(z | x). Higher is better.
    """

    def parts(x, logits, mu, logvar):  # (B, D), (B, k)
        return x * logits - softplus(logits), 0.5 * (mu**2 + logvar.exp() - 1 - logvar)

    def version(combine):
        return lambda *args: combine(*parts(*args))

    def right(x, logits, mu, logvar):
        return Bernoulli(logits=logits.double()).log_prob(x.double()).sum(1) - _exact_kl(mu, logvar)

    def squared(x, logits, mu, logvar):
        return -(x - logits.sigmoid()).square().sum(1) - parts(x, logits, mu, logvar)[1].sum(1)

    def only_ink(x, logits, mu, logvar):
        return (x * logsigmoid(logits)).sum(1) - parts(x, logits, mu, logvar)[1].sum(1)

    def twice(x, logits, mu, logvar):
        return right(x, logits.sigmoid(), mu, logvar)

    per_example = "one value per example expected"
    mistakes = [
        ("the KL is averaged over the latent dimensions: sum over them", version(lambda a, b: a.sum(1) - b.mean(1))),
        ("log p(x | z) is averaged over the pixels: sum over them", version(lambda a, b: a.mean(1) - b.sum(1))),
        ("both terms are averaged over their dimensions: sum over them", version(lambda a, b: a.mean(1) - b.mean(1))),
        ("the sign is turned round: this is −ELBO, a loss", version(lambda a, b: b.sum(1) - a.sum(1))),
        ("the KL is added: it is subtracted", version(lambda a, b: a.sum(1) + b.sum(1))),
        (
            "log p(x | z) has the wrong sign: cross-entropy is −log p",
            version(lambda a, b: -a.sum(1) - b.sum(1)),
        ),
        ("the KL is missing", version(lambda a, b: a.sum(1))),
        ("log p(x | z) is missing: this is −KL alone", version(lambda a, b: -b.sum(1))),
        ("the ½ of the KL is missing", version(lambda a, b: a.sum(1) - 2 * b.sum(1))),
        (f"it is averaged over the batch: {per_example}", version(lambda a, b: (a.sum(1) - b.sum(1)).mean())),
        (f"it is summed over the batch: {per_example}", version(lambda a, b: a.sum() - b.sum())),
        (
            f"it is averaged over everything, pixels and batch: sum over the dimensions; {per_example}",
            version(lambda a, b: a.mean() - b.mean()),
        ),
        (
            f"log p(x | z) is averaged over the batch, and spread over all examples: {per_example}",
            version(lambda a, b: a.sum(1).mean() - b.sum(1)),
        ),
        ("this is the squared error, a Gaussian's: pixels are bits, use x·ℓ − softplus(ℓ)", squared),
        ("the pixels without ink are forgotten: add (1 − x) log(1 − p)", only_ink),
        ("sigmoid is taken twice: the function that you call takes logits", twice),
    ]
    shapes = [((1, 1), (1, 1)), ((3, 4), (3, 2))]
    cases = []
    for pixels, code in shapes:
        logits, mu, logvar = _normal(pixels, code, code)
        cases.append(((torch.rand(pixels, generator=_generator(3)) < 0.5).float(), logits, mu, logvar))
    zero = torch.zeros(1, 1)
    return _judge(
        "elbo",
        f,
        task="return log p(x | z) less the KL, one value per example",
        good="one value per example, as torch.distributions says, with its gradient",
        names=("x", "logits", "mu", "logvar"),
        cases=cases,
        right=right,
        mistakes=mistakes,
        differentiate=["logits", "mu", "logvar"],
        extreme=(torch.ones(1, 1), torch.tensor([[-120.0]]), zero, zero),
        at_extreme=(
            "at the logit −120 of a pixel with ink",
            "no log of a sigmoid, and no clamp; x·ℓ − softplus(ℓ) needs neither",
        ),
    )


@_exercise
def iwae_bound(f: Callable) -> str:
    """f(log_w): the importance-weighted bound from the log-weights of K draws of each example. (B, K) -> (B,)."""

    def right(log_w):  # in float64 the weights themselves can be averaged
        return log_w.double().exp().mean(1).log()

    mistakes = [
        ("log K is not subtracted: it is the mean of the weights, not their sum", lambda w: w.logsumexp(1)),
        ("log K is added: subtract it", lambda w: w.logsumexp(1) + math.log(w.shape[1])),
        ("the sum is divided by K after the log: subtract log K", lambda w: w.logsumexp(1) / w.shape[1]),
        ("this is the mean of the logs, the ELBO: take the log of the mean", lambda w: w.mean(1)),
        ("this is the sum of the logs: take the log of the mean of the weights", lambda w: w.sum(1)),
        (
            "the average runs over the batch: average over the draws, axis 1",
            lambda w: w.logsumexp(0) - math.log(len(w)),
        ),
        (
            "K is taken for the number of examples: log_w is (B, K)",
            lambda w: w.logsumexp(1) - math.log(len(w)),
        ),
        (
            "it is averaged over the batch: one value per example expected",
            lambda w: (w.logsumexp(1) - math.log(w.shape[1])).mean(),
        ),
        (
            "all examples are in one sum: one value per example expected",
            lambda w: w.flatten().logsumexp(0) - math.log(w.numel()),
        ),
        ("only the largest weight is used: average over all", lambda w: w.max(1).values),
        ("the log is missing: this is the mean weight", lambda w: w.exp().mean(1)),
        ("the sign is turned round: this is a loss", lambda w: math.log(w.shape[1]) - w.logsumexp(1)),
    ]
    return _judge(
        "iwae_bound",
        f,
        task="return the logarithm of the mean weight, one value per example",
        good="the log of the mean weight of each example, also where exp(log_w) is too small for a float",
        names=("log_w",),
        cases=[_normal((1, 2)), _normal((3, 5))],
        right=right,
        mistakes=mistakes,
        extreme=(torch.tensor([[-200.0, -201.0]]),),
        at_extreme=("at log-weights near −200", "exp(−200) is 0 in float32, use logsumexp"),
    )


# Chapter 5.


@_exercise
def discriminator_loss(f: Callable) -> str:
    """f(real_logits, fake_logits): −[mean log D(x) + mean log(1 − D(G(z)))], nats. (B,), (B',) -> ()."""

    def right(real, fake):
        ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
        by_torch = binary_cross_entropy_with_logits
        return by_torch(real.double(), ones.double()) + by_torch(fake.double(), zeros.double())

    def halves(real, fake):
        return softplus(-real), softplus(fake)

    mistakes = [
        (
            "the labels are exchanged: real is 1, fake is 0",
            lambda r, f: softplus(r).mean() + softplus(-f).mean(),
        ),
        ("the fakes have the label 1: for D they are 0", lambda r, f: softplus(-r).mean() + softplus(-f).mean()),
        ("the real ones have the label 0: they are 1", lambda r, f: softplus(r).mean() + softplus(f).mean()),
        (
            "the sign is turned round: this is the value that D raises, and a loss is lowered",
            lambda r, f: -sum(h.mean() for h in halves(r, f)),
        ),
        ("the two halves are subtracted: add them", lambda r, f: softplus(-r).mean() - softplus(f).mean()),
        (
            "this is the mean of the two halves: the book's loss is their sum, log 4 at D = ½",
            lambda r, f: sum(h.mean() for h in halves(r, f)) / 2,
        ),
        (
            "real and fake are averaged in one go: take the mean of each, and add them",
            lambda r, f: torch.cat(halves(r, f)).mean(),
        ),
        ("it is summed over the batch: take the mean", lambda r, f: sum(h.sum() for h in halves(r, f))),
        ("the fakes are missing", lambda r, f: softplus(-r).mean()),
        ("the real ones are missing", lambda r, f: softplus(f).mean()),
        (
            "sigmoid is taken twice: the function that you call takes logits",
            lambda r, f: softplus(-r.sigmoid()).mean() + softplus(f.sigmoid()).mean(),
        ),
        (
            "a logit is not a probability: log D is −softplus(−a)",
            lambda r, f: -r.log().mean() - (1 - f).log().mean(),
        ),
        (
            "this is the critic's loss of a Wasserstein GAN: use log D, −softplus(−a)",
            lambda r, f: f.mean() - r.mean(),
        ),
    ]
    return _judge(
        "discriminator_loss",
        f,
        task="return the loss that D minimises, one number, from logits",
        good="cross-entropy with label 1 for real and 0 for fake, the sum of both means, with its gradient",
        names=("real_logits", "fake_logits"),
        cases=[(torch.tensor([0.7]), torch.tensor([0.4])), _normal((3,), (3,)), _normal((4,), (2,))],
        right=right,
        mistakes=mistakes,
        extreme=(torch.tensor([-120.0]), torch.tensor([120.0])),
        at_extreme=(
            "at the logits −120 (real) and 120 (fake)",
            "no log of a sigmoid, and no clamp; softplus needs neither",
        ),
    )


@_exercise
def generator_loss(f: Callable) -> str:
    """f(fake_logits): −mean log D(G(z)), the non-saturating loss, nats. (B,) -> ()."""

    def right(fake):
        return binary_cross_entropy_with_logits(fake.double(), torch.ones_like(fake).double())

    mistakes = [
        (
            "this is the minimax loss, whose gradient goes to 0 where a fake is recognised: −mean log D",
            lambda a: -softplus(a).mean(),
        ),
        (
            "this is the discriminator's loss for fakes, label 0: the generator wants the label 1",
            lambda a: softplus(a).mean(),
        ),
        ("the sign is turned round: log D is to be raised, and a loss is lowered", lambda a: -softplus(-a).mean()),
        ("it is summed over the batch: take the mean", lambda a: softplus(-a).sum()),
        ("one value for each fake came: the mean over the batch is missing", lambda a: softplus(-a)),
        ("this is the loss of a Wasserstein generator: −mean log D", lambda a: -a.mean()),
        ("the log is missing: −log D, not −D", lambda a: -a.sigmoid().mean()),
        ("the log is taken of the mean: take the mean of the logs", lambda a: -a.sigmoid().mean().log()),
        (
            "sigmoid is taken twice: the function that you call takes logits",
            lambda a: softplus(-a.sigmoid()).mean(),
        ),
        ("a logit is not a probability: log D is −softplus(−a)", lambda a: -a.log().mean()),
    ]
    return _judge(
        "generator_loss",
        f,
        task="return the non-saturating loss, one number, from logits",
        good="−mean log D(G(z)), large and steep where the fakes are recognised",
        names=("fake_logits",),
        cases=[(torch.tensor([0.6]),), _normal((4,))],
        right=right,
        mistakes=mistakes,
        extreme=(torch.tensor([-120.0]),),
        at_extreme=("at the logit −120", "no log of a sigmoid, and no clamp; softplus(−a) needs neither"),
    )


@_exercise
def d_step(f: Callable) -> str:
    """f(G, D, d_optimizer, x, z): one step of the discriminator, with label 1 for x and 0 for G(z). Returns anything.

    G: z -> fakes, D: points -> logits (B,); d_optimizer holds D's weights. x: (B, 2), z: (B, 1).
    """
    name = "d_step"
    task = "let D take one step on the real batch x and on fakes made from z, and leave G alone"
    draw = _generator(7)
    x, z = torch.randn(8, 2, generator=draw) + 1, torch.randn(8, 1, generator=draw)
    start = [torch.randn(shape, generator=draw) for shape in [(2, 1), (2,), (1, 2), (1,)]]
    left = [torch.randn(shape, generator=draw) for shape in [(1, 2), (1,)]]  # at D's weights, from an earlier step
    rate = 0.1

    def players():
        G, D = nn.Linear(1, 2), nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))  # (B, 1) -> (B, 2), (B, 2) -> (B,)
        for p, value in zip([*G.parameters(), *D.parameters()], start, strict=True):
            p.data = value.clone()
        for p, value in zip(D.parameters(), left, strict=True):
            p.grad = value.clone()
        return G, D

    def flat(tensors):
        return torch.cat([t.detach().flatten() for t in tensors])

    def gradient(loss):  # loss(real, fake logits), at D's first weights
        G, D = players()
        return flat(torch.autograd.grad(loss(D(x), D(G(z).detach())), [*D.parameters()]))

    G, D = players()
    optimizer = torch.optim.SGD(D.parameters(), lr=rate)
    try:
        result = f(G, D, optimizer, x.clone(), z.clone())
    except NotImplementedError:
        return f"… {name}: not done yet: {task}"
    except Exception as error:
        return f"✗ {name}: {_Raised(error).text}"
    old = flat(start[2:])
    moved = (old - flat(D.parameters())) / rate  # the gradient that the step used
    left_at_d = [torch.zeros_like(p) if p.grad is None else p.grad for p in D.parameters()]
    if not torch.equal(flat(G.parameters()), flat(start[:2])):
        return f"✗ {name}: the generator has moved: in this step only D does"
    if any(p.grad is not None and p.grad.any() for p in G.parameters()):
        return f"✗ {name}: the fake batch is not detached, and gradients arrived at the generator: G(z).detach()"
    if not moved.any():
        if torch.equal(flat(left_at_d), flat(left)):
            if result is None:
                return f"… {name}: not done yet: {task}"
            return f"✗ {name}: neither a gradient nor a step: zero_grad, backward, step"
        if flat(left_at_d).any():
            return f"✗ {name}: D has a gradient and has not moved: d_optimizer.step() is missing"
        return f"✗ {name}: D has not moved: backward must come after zero_grad, and before step"

    def right(real, fake):
        return softplus(-real).mean() + softplus(fake).mean()

    versions = [
        (None, gradient(right)),
        ("old gradients are in the step: d_optimizer.zero_grad() is missing", gradient(right) + flat(left)),
        ("backward is missing: the step used the gradient that was left over", flat(left)),
        ("the sign of the loss is turned round: D learns to be wrong", -gradient(right)),
        ("the labels are exchanged: real is 1, fake is 0", gradient(lambda r, f: right(-r, -f))),
        ("the fakes have the label 1: for D they are 0", gradient(lambda r, f: right(r, -f))),
        ("the real ones have the label 0: they are 1", gradient(lambda r, f: right(-r, f))),
        ("D has learnt from the real ones only: the fakes are missing", gradient(lambda r, f: softplus(-r).mean())),
        ("D has learnt from the fakes only: the real ones are missing", gradient(lambda r, f: softplus(f).mean())),
        ("this is the generator's step: D learns that fakes are real", gradient(lambda r, f: softplus(-f).mean())),
        ("the loss is summed over the batch: take the means", 8 * gradient(right)),
        ("this is the mean of the two halves: the book's loss is their sum", gradient(right) / 2),
    ]
    for text, expected in versions:
        if torch.allclose(moved, expected, rtol=1e-3, atol=1e-5):
            if text:
                return f"✗ {name}: {text}"
            return f"✓ {name}: D has taken one step, with the right labels, and the generator felt nothing"
    return (
        f"✗ {name}: D took a step along another gradient: expected {_show(gradient(right))} at its weights and bias, "
        f"got {_show(moved)}{_ratio([moved], [gradient(right)])}"
    )


# Chapter 6.


@_exercise
def ring_centres(f: Callable) -> str:
    """f(modes, radius): the centres of a ring of Gaussians, number k at the angle 2πk / modes. -> (modes, 2)."""

    def at(angles, radius):
        return torch.stack([radius * angles.cos(), radius * angles.sin()], dim=1)

    def right(modes, radius):
        roots = [radius * complex(math.cos(a), math.sin(a)) for a in (2 * math.pi * k / modes for k in range(modes))]
        return torch.tensor([[root.real, root.imag] for root in roots])

    def turn(modes):
        return 2 * math.pi * torch.arange(modes) / modes

    mistakes = [
        (
            "the angles run from 0 to 2π with both ends, so that the first and the last mode are one: use 2πk / modes",
            lambda n, r: at(torch.linspace(0, 2 * math.pi, n), r),
        ),
        ("the ring is half a circle: 2π, not π", lambda n, r: at(turn(n) / 2, r)),
        ("the angles are in degrees: cos and sin take radians", lambda n, r: at(360 * torch.arange(n) / n, r)),
        ("x and y are exchanged: cos comes first", lambda n, r: at(turn(n), r).flip(1)),
        ("the radius is missing: it multiplies cos and sin", lambda n, r: at(turn(n), 1.0)),
        ("the radius is squared", lambda n, r: at(turn(n), r**2)),
        ("the first centre is at k = 1: begin with k = 0, at the angle 0", lambda n, r: at(turn(n), r).roll(-1, 0)),
        ("the ring runs the wrong way round: angles grow from x to y", lambda n, r: at(-turn(n), r)),
        ("rows and columns are exchanged: one row for each centre, stack(…, dim=1)", lambda n, r: at(turn(n), r).T),
    ]
    return _judge(
        "ring_centres",
        f,
        task="return the centres, number k at the angle 2πk / modes, of shape (modes, 2)",
        good="as many different centres as modes, evenly on the circle",
        names=("modes", "radius"),
        cases=[(3, 1.5), (8, 2.0)],
        right=right,
        mistakes=mistakes,
        differentiate=[],
    )


@_exercise
def mode_coverage(f: Callable) -> str:
    """f(points, centres, radius): how many centres have a point within the radius. (n, 2), (m, 2), float -> a number.

    Some modes have several points within the radius, some only points that are just outside, some none.
    """

    def right(points, centres, radius):
        return torch.tensor(sum(any(math.dist(p, c) < radius for p in points.tolist()) for c in centres.tolist()))

    def nearest(points, centres):  # distance to the nearest centre, and its number
        return torch.cdist(points, centres).min(1)

    def near(points, centres, radius):
        return (nearest(points, centres).values < radius).sum()

    mistakes = [
        (
            "a mode is counted for points that are far from it: a point counts only within the radius",
            lambda p, c, r: torch.tensor(len(nearest(p, c).indices.unique())),
        ),
        ("points are counted, not modes: many points of one mode are one", near),
        (
            "the share of high-quality points came: count the modes that have one",
            lambda p, c, r: near(p, c, r) / len(p),
        ),
        ("the share of the modes came: return their number", lambda p, c, r: right(p, c, r) / len(c)),
        (
            "the number of missed modes came: count those that are covered",
            lambda p, c, r: len(c) - right(p, c, r),
        ),
        (
            "squared distances are compared with the radius: take the root, or square the radius",
            lambda p, c, r: right(p, c, math.sqrt(r)),
        ),
        (
            "a mode counts only if all its points are within the radius: one is enough",
            lambda p, c, r: torch.tensor(
                sum(
                    bool((d := nearest(p, c)).values[d.indices == k].lt(r).all()) and bool((d.indices == k).any())
                    for k in range(len(c))
                )
            ),
        ),
    ]
    angles = 2 * math.pi * torch.arange(8) / 8
    eight = 2 * torch.stack([angles.cos(), angles.sin()], dim=1)  # (8, 2)
    # Mode 0 has five close points and a far one, mode 1 one, mode 2 three, mode 3 a point at 1.3 radii, mode 4 only
    # a point that a squared distance would let pass, mode 5 a far one; modes 6 and 7 have none.
    offsets = [
        (0, 0.1, 5), (0, 0.7, 1), (1, 0.2, 1), (2, 0.05, 3), (3, 0.39, 1), (4, 0.45, 2), (5, 0.6, 1),
    ]  # fmt: skip
    points = torch.stack([eight[k] * (1 + d / 2.0) for k, d, times in offsets for _ in range(times)])
    one = (torch.tensor([[0.0, 0.1], [2.0, 0.1]]), torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]), 0.3)
    return _judge(
        "mode_coverage",
        f,
        task="count the centres that have at least one point within the radius",
        good="a mode counts if at least one point is within the radius, however many there are",
        names=("points", "centres", "radius"),
        cases=[one, (points, eight, 0.3)],
        right=right,
        mistakes=mistakes,
        differentiate=[],
        numbers=True,
    )


# How they are judged.


def _judge(
    name: str,
    f: Callable,
    *,
    task: str,
    good: str,
    names: Sequence[str],
    cases: Sequence[tuple],
    right: Callable,
    mistakes: Sequence[tuple[str, Callable]],
    differentiate: Sequence[str] | None = None,
    extreme: tuple | None = None,
    at_extreme: tuple[str, str] = ("", ""),
    numbers: bool = False,
) -> str:
    """The verdict on a function without chance: its values on `cases` (small ones first), then its gradients.

    names: of its arguments. right, mistakes: the right function, and (diagnosis, function with this mistake).
    differentiate: the arguments whose gradients count, None for all. extreme: one more case, which shows clamps and
    overflow, with at_extreme, where it is and what to do. numbers: a Python number is as good as a tensor.
    """
    outcomes = [_call(name, f, case, task) for case in cases]
    if numbers:
        outcomes = [torch.tensor(v) if isinstance(v, (bool, int, float, np.number)) else v for v in outcomes]
    if problem := _problem(outcomes, right, mistakes, cases, names):
        return f"✗ {name}: {problem}"
    if differentiate != []:
        wrt = [i for i, argument in enumerate(names) if differentiate is None or argument in differentiate]
        got, expected = _gradients(f, cases[-1], wrt), _gradients(right, cases[-1], wrt)
        if got is None:
            return f"✗ {name}: {NO_GRADIENT}"
        for i, a, b in zip(wrt, got, expected, strict=True):
            if not _same(a, b):
                return f"✗ {name}: the values are right, but the gradient for {names[i]} is not{_ratio([a], [b])}"
        if extreme:
            value, expected = _attempt(f, extreme), right(*extreme)
            if not _same(value, expected):
                got = value.text if isinstance(value, _Raised) else f"{_show(value)} came, not {_show(expected)}"
                return f"✗ {name}: {at_extreme[0]} {got}: {at_extreme[1]}"
            if not all(map(_same, _gradients(f, extreme, wrt) or [], _gradients(right, extreme, wrt))):
                return f"✗ {name}: {at_extreme[0]} the gradient is wrong: {at_extreme[1]}"
    return f"✓ {name}: {good}"


def _call(name: str, f: Callable, arguments: tuple, task: str, *, copy: bool = True, **more):
    """f's result, or _Raised. Stops with a verdict where the function is still a stub, or changes its arguments."""
    given = _copies(arguments) if copy else arguments
    result = _attempt(f, given, **more)
    if result is None or (isinstance(result, _Raised) and result.kind is NotImplementedError):
        raise _Stop(f"… {name}: not done yet: {task}")
    for mine, theirs in zip(arguments, given, strict=True):
        if isinstance(mine, Tensor) and not torch.equal(mine, theirs):
            raise _Stop(f"✗ {name}: it changes what it is given: make a new tensor, without += and functions with _")
    return result


def _attempt(f: Callable, arguments: tuple, **more):
    """f(*arguments), or _Raised."""
    try:
        return f(*arguments, **more)
    except Exception as error:  # whatever a reader's function may do
        return _Raised(error)


def _copies(arguments: tuple) -> tuple:
    return tuple(a.clone() if isinstance(a, Tensor) else a for a in arguments)


def _problem(
    outcomes: Sequence, right: Callable, mistakes: Sequence, cases: Sequence[tuple], names: Sequence[str], result=""
) -> str | None:
    """What is wrong with the outcomes of the cases; None if nothing is. result: what the values are, if not all."""
    if _agree(outcomes, right, cases):
        return None
    for diagnosis, wrong in mistakes:
        if _agree(outcomes, wrong, cases):
            return diagnosis
    for case, outcome in zip(cases, outcomes, strict=True):
        expected, given = right(*case), ", ".join(map(_argument, names, case))
        if isinstance(outcome, _Raised):
            return f"{outcome.text}, for {given}"
        what = "one value per example" if expected.shape == (len(case[0]),) else ""
        if problem := _form(outcome, expected, what):
            return f"{result}{problem}, for {given}"
        if not _same(outcome, expected):
            ratio = _ratio(outcomes, [right(*case) for case in cases])
            return f"{result}for {given} expected {_show(expected)}, got {_show(outcome)}{ratio}"


def _agree(outcomes: Sequence, version: Callable, cases: Sequence[tuple]) -> bool:
    """Whether the outcomes are those of this version, which may fail in some of the cases."""
    return all(map(_same, outcomes, [_attempt(version, _copies(case)) for case in cases]))


def _same(a, b) -> bool:
    """Equal up to rounding, NaN being NaN; or two errors of one kind."""
    if isinstance(a, _Raised) and isinstance(b, _Raised):
        return a.kind is b.kind
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != b.shape:
        return False
    return torch.allclose(a.detach().double(), b.detach().double(), rtol=1e-4, atol=1e-5, equal_nan=True)


def _gradients(f: Callable, arguments: tuple, wrt: Sequence[int]) -> list[Tensor] | None:
    """The gradients of the sum of f's values for the arguments with these numbers; None if no gradient passes."""
    given = list(_copies(arguments))
    for i in wrt:
        given[i].requires_grad_()
    value = _attempt(f, given)
    if isinstance(value, _Raised) or not value.requires_grad:
        return None
    found = torch.autograd.grad(value.sum(), [given[i] for i in wrt], allow_unused=True)
    return [torch.zeros_like(given[i]) if g is None else g for i, g in zip(wrt, found, strict=True)]


def _form(got, expected: Tensor, what: str = "") -> str | None:
    """What is wrong with the type or the shape of a result."""
    if not isinstance(got, Tensor):
        tip = "; stay in PyTorch, or no gradient passes" if isinstance(got, (np.ndarray, np.number, float)) else ""
        return f"expected a tensor, got {_kind(got)}{tip}"
    if got.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}{what and f', {what}'}, got {tuple(got.shape)}"


def _kind(value) -> str:
    """What a value is, for the reader."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a value of type {type(value).__name__}"


def _show(value) -> str:
    """Numbers with four digits."""
    if isinstance(value, Tensor):
        value = value.detach().tolist()
    return f"[{', '.join(map(_show, value))}]" if isinstance(value, list) else f"{value:.4g}"


def _argument(name: str, value) -> str:
    """'mu = [[0.5]]', or for many numbers 'mu of shape (4000, 3)'."""
    if isinstance(value, Tensor) and value.numel() > 12:
        return f"{name} of shape {tuple(value.shape)}"
    return f"{name} = {_show(value)}"


def _ratio(got: Sequence[Tensor], expected: Sequence[Tensor]) -> str:
    """', 0.5 times as much' if all numbers are off by one factor, else ''."""
    if not all(isinstance(g, Tensor) and g.shape == e.shape for g, e in zip(got, expected, strict=True)):
        return ""
    ratios = torch.cat([(g.detach() / e.detach()).double().flatten() for g, e in zip(got, expected, strict=True)])
    if len(ratios) > 1 and torch.allclose(ratios, ratios[0].clone(), rtol=1e-3):
        return f", {ratios[0]:.4g} times as much everywhere"
    return ""


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _normal(*shapes: tuple[int, ...], shift: float = 0.0) -> tuple[Tensor, ...]:
    """Normal numbers, always the same for the same shapes."""
    generator = _generator(1)
    return tuple(torch.randn(shape, generator=generator) + shift for shape in shapes)


def _uniform(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Numbers in [0, 1], always the same for the same shapes."""
    generator = _generator(2)
    return tuple(torch.rand(shape, generator=generator) for shape in shapes)


def _slices(joint: Tensor, axis: int) -> Tensor:
    """Each row (axis 1) or column (axis 0) of a table, divided by its sum, cell by cell."""
    lines = joint if axis else joint.T
    scaled = torch.tensor([[cell / sum(line) for cell in line] for line in lines.tolist()])
    return scaled if axis else scaled.T


def _exact_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return kl_divergence(Normal(mu.double(), (logvar.double() / 2).exp()), Normal(0.0, 1.0)).sum(1)


def _printing(exercise: Callable[[Callable], str]) -> Callable[[Callable], None]:
    @functools.wraps(exercise)
    def check_it(f: Callable) -> None:
        print(textwrap.fill(exercise(f), 64, subsequent_indent="  ", break_long_words=False))

    return check_it


check = SimpleNamespace(
    **{
        exercise.__name__: _printing(exercise)
        for exercise in [
            joint_from_conditionals,
            reconstruction_loss,
            pca_code,
            kl,
            reparameterize,
            elbo,
            iwae_bound,
            discriminator_loss,
            generator_loss,
            d_step,
            ring_centres,
            mode_coverage,
        ]
    }
)
