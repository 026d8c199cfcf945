"""Variational autoencoders: the model, the evidence lower bound and its two terms, and tighter bounds by sampling."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from genbook import data
from genbook.autoencoders import _layers

LOG_2PI = math.log(2 * math.pi)


class VAE(nn.Module):
    """z ~ N(0, I), x ~ p(x | z), and q(z | x) = N(μ(x), diag σ²(x)) in the place of the unknown p(z | x).

    encoder: x (B, ...) -> (B, 2k): the k means, then the k log-variances of q(z | x).
    decoder: z (B, k) -> (B, ...), of the shape of x: with likelihood="bernoulli" the logits of the pixels, which are
    bits; with "gaussian" their means, around which all have the standard deviation `sigma`, fixed or, with
    learn_sigma=True, trained from there on. α · (squared error) + KL means sigma = (2α)^-½.
    condition: (B, C) floats, such as one-hot labels: the encoder then gets x and it side by side (x is flat), the
    decoder z and it. Raises ValueError for settings that cannot be, and its methods for shapes that do not fit.
    Kingma & Welling 2014; Rezende et al. 2014; with a condition, Sohn et al. 2015.
    """

    def __init__(
        self,
        encoder: Callable[[Tensor], Tensor],
        decoder: Callable[[Tensor], Tensor],
        *,
        likelihood: str = "bernoulli",
        sigma: float | None = None,
        learn_sigma: bool = False,
    ):
        super().__init__()
        if likelihood not in ("bernoulli", "gaussian"):
            raise ValueError(f"expected likelihood to be 'bernoulli' or 'gaussian', got {likelihood!r}")
        if likelihood == "bernoulli" and (sigma is not None or learn_sigma):
            raise ValueError(
                f"sigma belongs to likelihood='gaussian', got sigma={sigma}, learn_sigma={learn_sigma} for 'bernoulli'"
            )
        if likelihood == "gaussian" and (sigma is None or not 0 < sigma < math.inf):
            raise ValueError(f"likelihood='gaussian' needs a finite sigma > 0, got {sigma}")
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        if likelihood == "gaussian":
            log_sigma = torch.tensor(math.log(sigma))
            if learn_sigma:
                self.log_sigma = nn.Parameter(log_sigma)
            else:
                self.register_buffer("log_sigma", log_sigma)

    def encode(self, x: Tensor, condition: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """μ and log σ² of q(z | x). x: (B, ...) -> two (B, k)."""
        parameters = _apply(self.encoder, "encoder", "x", x, condition)
        if parameters.ndim != 2 or len(parameters) != len(x) or parameters.shape[1] % 2:
            raise ValueError(
                f"expected the encoder to turn x of shape {tuple(x.shape)} into shape ({len(x)}, 2k), k means and k "
                f"log-variances, got {tuple(parameters.shape)}"
            )
        return parameters.chunk(2, dim=1)  # (B, 2k) -> two (B, k)

    def decode(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """What the decoder says: logits of the pixels (bernoulli) or their means. z: (B, k) -> (B, ...)."""
        return _apply(self.decoder, "decoder", "z", z, condition)

    def decoder_mean(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """E[x | z], in [0, 1] for bernoulli: not a draw of x. z: (B, k) -> (B, ...)."""
        output = self.decode(z, condition)
        return output.sigmoid() if self.likelihood == "bernoulli" else output

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """The reconstruction: the decoder mean at z = μ(x). x: (B, ...) -> (B, ...)."""
        return self.decoder_mean(self.encode(x, condition)[0], condition)

    def log_px_given_z(self, x: Tensor, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """log p(x | z), nats. x: (B, ...), z: (B, k) -> (B,), or z: (B, S, k), S for each x -> (B, S).

        Raises ValueError for NaN, for grey pixels under bernoulli, and for shapes that do not fit.
        """
        x = self._checked(x, condition)
        if z.ndim not in (2, 3) or len(z) != len(x):
            raise ValueError(f"expected z of shape ({len(x)}, k) or ({len(x)}, S, k), got {tuple(z.shape)}")
        if z.ndim == 2:
            return self._log_px_given_z(x, z[:, None], condition).squeeze(1)  # (B, 1) -> (B,)
        return self._log_px_given_z(x, z, condition)

    def _log_px_given_z(self, x: Tensor, z: Tensor, condition: Tensor | None) -> Tensor:
        """The same for z (B, S, k) -> (B, S), without the checks of x."""
        draws = z.shape[1]
        if condition is not None:
            condition = condition.repeat_interleave(draws, dim=0)  # (B, C) -> (B * S, C)
        output = self.decode(z.flatten(0, 1), condition)  # (B * S, ...)
        if output.shape != (len(x) * draws, *x.shape[1:]):  # or broadcasting would compare what does not belong
            raise ValueError(
                f"expected the decoder to give shape {(len(x) * draws, *x.shape[1:])} for x of shape "
                f"{tuple(x.shape)} and {draws} z each, got {tuple(output.shape)}"
            )
        output, x = output.reshape(len(x), draws, -1), x.flatten(1)[:, None]  # (B, S, D), (B, 1, D)
        if self.likelihood == "bernoulli":
            return logsigmoid((2 * x - 1) * output).sum(2)  # log σ(l) where x = 1, log σ(-l) = log(1 - σ(l)) where 0
        squares = (x - output).square().sum(2) * (-2 * self.log_sigma).exp()  # ‖x - mean‖² / σ²
        return -0.5 * (x.shape[2] * (LOG_2PI + 2 * self.log_sigma) + squares)

    def _checked(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """x, if it is what the likelihood is for: one pass over the data, little beside a training step."""
        if x.ndim < 2 or x.numel() == 0 or not x.is_floating_point():
            raise ValueError(f"expected x, floats of shape (B, ...), got {x.dtype} of shape {tuple(x.shape)}")
        if condition is not None:
            _check_condition("x", x, condition)
        if not data.may_look(x):  # NaN, then, makes the loss NaN
            return x if self.likelihood == "gaussian" else x.masked_fill((x != 0) & (x != 1), math.nan)
        if self.likelihood == "gaussian":
            low, high = (edge.item() for edge in x.detach().aminmax())  # NaN where x holds one
            if not (math.isfinite(low) and math.isfinite(high)):
                raise ValueError(f"expected x without NaN or infinity, got values from {low} to {high}")
            return x
        low, high = (edge.item() for edge in (x.detach() - 0.5).abs_().aminmax())
        if not low == high == 0.5:  # written so that NaN fails too
            raise ValueError(
                f"the Bernoulli likelihood is for bits, got values from {x.min():g} to {x.max():g} that are not all 0 "
                "or 1; first draw bits with data.binarize, or use likelihood='gaussian'"
            )
        return x


def networks(
    sizes: Sequence[int], *, nonlinearity: Callable[[], nn.Module] = nn.ReLU, condition: int = 0
) -> tuple[nn.Sequential, nn.Sequential]:
    """Encoder and mirrored decoder of linear layers: [784, 400, 20] means 784 → 400 → 2·20 and 20 → 400 → 784.

    `nonlinearity` follows every hidden layer. condition: the width C of the condition, if there is one. The weights are
    drawn from the global state: make them inside `seeded`. Raises ValueError for sizes that cannot be.
    """
    sizes = list(sizes)
    if len(sizes) < 2 or not all(isinstance(size, Integral) and size >= 1 for size in sizes):
        raise ValueError(f"sizes must be two or more whole numbers >= 1, from input to code, got {sizes}")
    *outer, code = sizes
    encoder = _layers([outer[0] + condition, *outer[1:], 2 * code], nonlinearity)
    return encoder, _layers([code + condition, *outer[::-1]], nonlinearity)


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² - 1 - log σ²) >= 0, nats; logvar: log σ². Two (B, k) -> (B,)."""
    _check_parameters(mu, logvar)
    return 0.5 * (mu.square() + logvar.expm1() - logvar).sum(1)  # expm1: exact near σ = 1 too


def continuous_bernoulli_log_constant(logits: Tensor) -> Tensor:
    """log C, nats, with which C p^x (1 - p)^(1 - x) is a density of x in [0, 1]; p: σ(logits). (...) -> the same.

    log(l / tanh(l / 2)), l the logit: log 2 at 0, about log |l| far out. Exact, with its gradient, for every finite
    logit; torch's ContinuousBernoulli stays at 2.8 beyond |l| = 16 (in float64: at 3.6 beyond 36).
    Loaiza-Ganem & Cunningham 2019.
    """
    near = logits.abs() < 0.05  # where l / tanh(l / 2) is 0 / 0, or its gradient a difference of large numbers
    far = logits.masked_fill(near, 1.0)
    squared = logits.masked_fill(~near, 0.0).square()
    series = math.log(2) + squared * (1 / 12 - squared * (7 / 1440 - squared * (31 / 90720)))
    return torch.where(near, series, (far / (far / 2).tanh()).log())


def reparameterize(mu: Tensor, logvar: Tensor, *, generator: torch.Generator) -> Tensor:
    """z = μ + σ · ε, ε ~ N(0, I): a draw of N(μ, diag σ²) that gradients pass through. Two (B, k) -> (B, k)."""
    _check_parameters(mu, logvar)
    return mu + (logvar / 2).exp() * _noise(mu.shape, mu, generator)


def elbo_terms(
    model: VAE, x: Tensor, condition: Tensor | None = None, *, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The two terms of the bound: log p(x | z) at one z ~ q(z | x), and KL(q(z | x) ‖ p(z)). x: (B, ...) -> two (B,).

    Nats. ELBO = log_px_given_z - kl, in expectation over z. The KL is exact. Raises ValueError as `log_px_given_z`.
    """
    x = model._checked(x, condition)
    mu, logvar = model.encode(x, condition)
    z = reparameterize(mu, logvar, generator=generator)  # (B, k)
    return model._log_px_given_z(x, z[:, None], condition).squeeze(1), kl_to_standard_normal(mu, logvar)


def neg_elbo(
    model: VAE,
    x: Tensor,
    condition: Tensor | None = None,
    *,
    generator: torch.Generator,
    alpha: float = 1.0,
    beta: float = 1.0,
) -> Tensor:
    """-ELBO with one z for each x, nats: a loss for `fit`. x: (B, ...) -> (B,). Raises ValueError as `elbo_terms`.

    alpha weights -log p(x | z) and beta the KL (Higgins et al. 2017): to train with another than 1,
    functools.partial(neg_elbo, beta=4.0). The value is then not this model's -ELBO.
    """
    log_px_given_z, kl = elbo_terms(model, x, condition, generator=generator)
    return beta * kl - alpha * log_px_given_z


def neg_iwae(model: VAE, x: Tensor, condition: Tensor | None = None, *, generator: torch.Generator, k: int) -> Tensor:
    """-log of the mean of k importance weights, with its gradient: a loss for `fit`. x: (B, ...) -> (B,), nats.

    For `fit`: functools.partial(neg_iwae, k=50). It holds k decoded z for each x in memory: to evaluate, see
    `iwae_bound`. Raises ValueError as `elbo_terms` and for k < 1. Burda et al. 2015.
    """
    _check_count("k", k)
    x = model._checked(x, condition)
    log_w = _log_weights(model, x, *model.encode(x, condition), condition, k, generator)  # (B, k)
    return math.log(k) - log_w.logsumexp(1)


def neg_iwae_dreg(
    model: VAE, x: Tensor, condition: Tensor | None = None, *, generator: torch.Generator, k: int
) -> Tensor:
    """The value of `neg_iwae` with a less noisy gradient for the encoder: a loss for `fit`. x: (B, ...) -> (B,), nats.

    The doubly reparameterised gradient: with w the k normalised weights, the decoder gets Σ w ∇ log w as ever, the
    encoder Σ w² ∂log w/∂z ∇z instead of Σ w ∇ log w. Both have one expectation, and where q(z | x) is the posterior
    the encoder's is 0 for any draws. Raises ValueError as `neg_iwae`. Tucker et al. 2019; for k = 1 Roeder et al. 2017.
    """
    _check_count("k", k)
    x = model._checked(x, condition)
    mu, logvar = model.encode(x, condition)
    z = mu[:, None] + (logvar / 2).exp()[:, None] * _noise((len(mu), k, mu.shape[1]), mu, generator)  # (B, k, latent)
    mu, logvar = mu.detach()[:, None], logvar.detach()[:, None]  # log q moves with z only
    log_prior_over_q = 0.5 * ((z - mu).square() * (-logvar).exp() - z.square() + logvar).sum(2)  # (B, k); 2π cancels
    log_w = model._log_px_given_z(x, z, condition) + log_prior_over_q
    weights = log_w.detach().softmax(1)  # (B, k)
    if z.requires_grad:  # the second factor w, on what reaches the encoder
        z.register_hook(lambda gradient: weights[:, :, None] * gradient)
    gradient_of = (weights * log_w).sum(1)  # (B,)
    return math.log(k) - log_w.detach().logsumexp(1) - (gradient_of - gradient_of.detach())


def iwae_bound(
    model: VAE,
    x: Tensor,
    k: int,
    condition: Tensor | None = None,
    *,
    generator: torch.Generator,
    chunk: int | None = None,
) -> Tensor:
    """log 1/k Σ_i p(x, z_i) / q(z_i | x), z_i ~ q(z | x): at most log p(x) in expectation. x: (B, ...) -> (B,), nats.

    It grows with k in expectation; k = 1 is the ELBO, k → ∞ gives log p(x). In eval mode and without gradients (see
    `neg_iwae`). chunk: how many z are decoded at once, for however many x; None: as many as give 2^20 numbers, on a GPU
    2^22, so that networks of linear layers stay far below 2 GB. Raises ValueError as `elbo_terms` and for k or
    chunk < 1, FloatingPointError where the model gives NaN.
    Burda et al. 2015, equation 8.
    """
    _check_count("k", k)
    if chunk is None:  # a tile that stays in a CPU's cache; a GPU wants more work at once
        chunk = max(1, 2 ** (22 if x.is_cuda else 20) // max(1, x[:1].numel()))
    _check_count("chunk", chunk)
    x = model._checked(x, condition)
    images = max(1, chunk // k)  # whole images at once if there is room, else a part of the draws of one
    bounds = []
    with _evaluating(model):
        posteriors = _encode_in_parts(model, x, condition)  # two (B, latent)
        given = (x, *posteriors) if condition is None else (x, *posteriors, condition)
        for x_part, mu, logvar, *c in zip(*(t.split(images) for t in given), strict=True):
            total = mu.new_full((len(mu),), -math.inf)  # log Σ w so far
            for start in range(0, k, chunk):
                draws = min(chunk, k - start)
                log_w = _log_weights(model, x_part, mu, logvar, *(c or [None]), draws, generator)  # (images, draws)
                total = torch.logaddexp(total, log_w.logsumexp(1))
            bounds.append(total - math.log(k))
    bound = torch.cat(bounds)
    if not (bound < math.inf).all():  # written so that NaN fails too
        raise FloatingPointError("the bound is not finite for some x: most likely the model's weights are not")
    return bound


def active_units(model: VAE, x: Tensor, condition: Tensor | None = None, *, threshold: float = 0.01) -> Tensor:
    """Which latent coordinates the model uses: those with Var_x(E[z | x]) > threshold. x: (B, ...) -> (k,) bool.

    `.sum()` counts them. In eval mode. Raises ValueError for fewer than two x. Burda et al. 2015.
    """
    x = model._checked(x, condition)
    if len(x) < 2:
        raise ValueError(f"expected at least two x, got shape {tuple(x.shape)}")
    with _evaluating(model):
        return _encode_in_parts(model, x, condition)[0].var(0) > threshold  # (B, k) -> (k,)


def _log_weights(
    model: VAE, x: Tensor, mu: Tensor, logvar: Tensor, condition: Tensor | None, draws: int, generator: torch.Generator
) -> Tensor:
    """log p(x, z) - log q(z | x) of `draws` z ~ q(z | x) for each x. mu, logvar: (B, k) -> (B, draws)."""
    noise = _noise((len(mu), draws, mu.shape[1]), mu, generator)
    z = mu[:, None] + (logvar / 2).exp()[:, None] * noise  # (B, draws, k)
    # The 2π of the two normal densities cancel, and (z - μ) / σ is the noise.
    log_prior_over_q = 0.5 * (noise.square() - z.square() + logvar[:, None]).sum(2)  # (B, draws)
    return model._log_px_given_z(x, z, condition) + log_prior_over_q


def _encode_in_parts(model: VAE, x: Tensor, condition: Tensor | None, size: int = 2000) -> tuple[Tensor, Tensor]:
    conditions = [None] * math.ceil(len(x) / size) if condition is None else condition.split(size)
    parts = [model.encode(*part) for part in zip(x.split(size), conditions, strict=True)]
    return tuple(torch.cat(halves) for halves in zip(*parts, strict=True))


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Eval mode, no gradients; the model is in its own mode again afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _noise(shape: Sequence[int], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=generator.device).to(like.device)


def _apply(network: Callable[[Tensor], Tensor], role: str, name: str, x: Tensor, condition: Tensor | None) -> Tensor:
    """network(x), with the condition beside x if there is one, in float32 at least: bfloat16 sums have 3 digits."""
    if condition is not None:
        _check_condition(name, x, condition)
        name, x = f"{name} and condition", torch.cat([x, condition.to(x.dtype)], dim=1)  # (B, D), (B, C) -> (B, D + C)
    first = network
    while isinstance(first, nn.Sequential) and len(first):
        first = first[0]
    if isinstance(first, nn.Linear) and (x.ndim != 2 or x.shape[1] != first.in_features):
        raise ValueError(f"expected {name} of shape (B, {first.in_features}) for the {role}, got {tuple(x.shape)}")
    output = network(x)
    return output.to(torch.promote_types(output.dtype, torch.float32))


def _check_condition(name: str, x: Tensor, condition: Tensor) -> None:
    fits = x.ndim == condition.ndim == 2 and len(x) == len(condition)
    if not fits or not condition.is_floating_point():
        raise ValueError(
            f"expected {name} of shape (B, D) and a condition of floats (B, C), such as one-hot labels, got "
            f"{tuple(x.shape)} and {condition.dtype} of shape {tuple(condition.shape)}"
        )


def _check_parameters(mu: Tensor, logvar: Tensor) -> None:
    if mu.ndim != 2 or mu.shape != logvar.shape:  # or broadcasting would hide the mistake
        raise ValueError(f"expected mu and logvar of one shape (B, k), got {tuple(mu.shape)} and {tuple(logvar.shape)}")


def _check_count(name: str, count: int) -> None:
    if not isinstance(count, Integral) or count < 1:
        raise ValueError(f"expected {name}, a whole number of at least 1, got {count!r}")
