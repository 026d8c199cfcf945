"""Restricted Boltzmann machines: block Gibbs sampling, training by persistent contrastive divergence, exact likelihood.

E(v, h) = -v·W·h - b·v - c·h over bits v and h; p(v, h) = exp(-E(v, h)) / Z. Given one layer, the units of the other
are independent, so a Gibbs sweep draws a whole layer at once.
"""

import math
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genbook import data
from genbook.train import progress

MOST_EXACT = 20  # units of the smaller layer: the exact sum runs over 2^20 states at most


class RBM(nn.Module):
    """Restricted Boltzmann machine of `visible` and `hidden` bits; E(v, h) = -v·W·h - b·v - c·h.

    Parameters: weights W (visible, hidden), visible_bias b (visible,), hidden_bias c (hidden,). The weights start as
    N(0, 0.01²), drawn from `generator` on its device (without one: from the global state, inside `seeded`).
    """

    def __init__(self, visible: int, hidden: int, *, generator: torch.Generator | None = None):
        if visible < 1 or hidden < 1:
            raise ValueError(f"an RBM needs at least one unit in each layer, got {visible} visible, {hidden} hidden")
        super().__init__()
        device = "cpu" if generator is None else generator.device
        # The gradients are written by hand (they are two averages), so autograd has nothing to record.
        start = 0.01 * torch.randn(visible, hidden, generator=generator, device=device)
        self.weights = nn.Parameter(start, requires_grad=False)
        self.visible_bias = nn.Parameter(torch.zeros(visible, device=device), requires_grad=False)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden, device=device), requires_grad=False)

    def hidden_probabilities(self, v: Tensor) -> Tensor:
        """P(h_j = 1 | v) for each hidden unit. v: (B, visible) -> (B, hidden)."""
        self._check_width(v, 0)
        return torch.addmm(self.hidden_bias, v, self.weights).sigmoid_()

    def visible_probabilities(self, h: Tensor) -> Tensor:
        """P(v_i = 1 | h) for each visible unit. h: (B, hidden) -> (B, visible)."""
        self._check_width(h, 1)
        return torch.addmm(self.visible_bias, h, self.weights.T).sigmoid_()

    def gibbs_sweep(self, v: Tensor, *, generator: torch.Generator) -> Tensor:
        """One sweep of block Gibbs: all hidden units given v, then all visible units. v: (B, visible) -> the same."""
        h = flip(self.hidden_probabilities(v), generator=generator)  # (B, hidden)
        return flip(self.visible_probabilities(h), generator=generator)

    @torch.no_grad()
    def sample(
        self, sweeps: int, *, chains: int = 1, start: Tensor | None = None, generator: torch.Generator
    ) -> Tensor:
        """Where `chains` independent chains are after `sweeps` sweeps -> (chains, visible), bits.

        start: (B, visible) bits, one chain each (`chains` is then not used); without it, fair coin flips.
        """
        if not (isinstance(sweeps, Integral) and isinstance(chains, Integral)) or sweeps < 1 or chains < 1:
            raise ValueError(f"expected at least one sweep and one chain, got {sweeps} sweeps, {chains} chains")
        if start is None:
            start = torch.full((chains, len(self.visible_bias)), 0.5, device=self.weights.device)
            start = flip(start, generator=generator)
        v = self._bits(start)
        for _ in range(sweeps):
            v = self.gibbs_sweep(v, generator=generator)
        return v

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -log Σ_h exp(-E(v, h)) = -b·v - Σ_j log(1 + exp(c_j + (v·W)_j)). v: (B, visible) -> (B,)."""
        self._check_precision()
        v = self._bits(v)
        hidden_input = torch.addmm(self.hidden_bias, v, self.weights)  # (B, hidden)
        return -(v @ self.visible_bias) - softplus(hidden_input).sum(1)

    def log_partition(self) -> Tensor:
        """log Z -> (), exactly: a sum over all states of the smaller layer (at most 20 units, else ValueError)."""
        self._check_precision()
        visible, hidden = self.weights.shape
        if min(visible, hidden) > MOST_EXACT:
            raise ValueError(
                f"the exact log Z sums over 2^n states of the smaller layer and n is at most {MOST_EXACT}, "
                f"got {visible} visible and {hidden} hidden units"
            )
        # Each state of the smaller layer is summed over the larger one in closed form, as in the free energy.
        w, small_bias, large_bias = self.weights.T, self.hidden_bias, self.visible_bias  # w: (small, large)
        if visible < hidden:
            w, small_bias, large_bias = self.weights, self.visible_bias, self.hidden_bias
        units = torch.arange(len(small_bias), device=w.device)
        parts = []
        for codes in torch.arange(2 ** len(units), device=w.device).split(4096):
            states = (codes[:, None] >> units & 1).to(w.dtype)  # (4096, small): the bits of the numbers 0, 1, 2, …
            log_weight = states @ small_bias + softplus(torch.addmm(large_bias, states, w)).sum(1)  # (4096,)
            parts.append(log_weight.logsumexp(0))
        return torch.stack(parts).logsumexp(0)

    def log_likelihood(self, v: Tensor) -> Tensor:
        """log p(v) = -F(v) - log Z, exactly (see `log_partition`). v: (B, visible) bits -> (B,), nats."""
        return -self.free_energy(v) - self.log_partition()

    def _check_width(self, layer: Tensor, axis: int) -> None:
        if layer.ndim != 2 or layer.shape[1] != self.weights.shape[axis]:
            name, width = ("v", "h")[axis], self.weights.shape[axis]
            raise ValueError(f"expected {name} of shape (B, {width}), got {tuple(layer.shape)}")

    def _check_precision(self) -> None:
        if self.weights.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"expected an RBM in float32 or float64, got {self.weights.dtype}, whose sums are wrong by whole nats: "
                "take rbm.float()"
            )

    def _bits(self, v: Tensor) -> Tensor:
        """`v` in the weights' dtype, after a check that it is (B, visible) and holds nothing but 0 and 1."""
        self._check_width(v, 0)
        if not ((v == 0) | (v == 1)).all():
            raise ValueError(
                f"an RBM's visible units are bits, got values from {v.min():g} to {v.max():g} that are not all 0 or 1; "
                "first threshold the images (images > 0.5) or use data.binarize"
            )
        return v.to(self.weights.dtype)


@torch.no_grad()
def ais_log_partition(
    rbm: RBM, base_bias: Tensor, *, steps: int = 5000, chains: int = 100, generator: torch.Generator
) -> tuple[float, float]:
    """log Z by annealed importance sampling, for any number of hidden units -> (estimate, its standard error), nats.

    The chains begin at independent bits with the log-odds base_bias (visible,), whose Z is known, and reach the RBM in
    `steps` Gibbs sweeps, over which its power β rises to 1. The mean of the weights has the expectation Z, so its
    logarithm is too small on average, and a log-likelihood computed with it too large: an estimate, not a bound.
    Raises ValueError for a base_bias of another shape, NaN or infinity, and for less than one step or two chains.
    Neal 2001; Salakhutdinov & Murray 2008.
    """
    _check_annealing(rbm, base_bias, steps, chains)
    v = flip(base_bias.sigmoid().expand(chains, -1), generator=generator)  # (chains, visible)
    mean, error = _log_mean(_anneal(rbm, base_bias, v, steps, generator=generator))
    return _base_log_partition(rbm, base_bias) + mean, error


@torch.no_grad()
def reverse_ais_log_partition(
    rbm: RBM, base_bias: Tensor, start: Tensor, *, steps: int = 5000, generator: torch.Generator
) -> tuple[float, float]:
    """log Z by the same path walked backwards, from the RBM's own samples -> (estimate, its standard error), nats.

    start: (chains, visible) bits, each drawn from the RBM. Then the mean of the inverse weights has the expectation of
    1 / Z, so the estimate is too large on average, and a log-likelihood computed with it too small: with
    `ais_log_partition` it brackets the truth, on average. Samples that are not quite the RBM's, as those of a long
    chain, make it an estimate only. base_bias, steps and ValueError as there. Grosse et al. 2015.
    """
    v = rbm._bits(start)
    _check_annealing(rbm, base_bias, steps, len(v))
    mean, error = _log_mean(-_anneal(rbm, base_bias, v, steps, backwards=True, generator=generator))
    return _base_log_partition(rbm, base_bias) - mean, error


def _anneal(
    rbm: RBM, base_bias: Tensor, v: Tensor, steps: int, *, backwards: bool = False, generator: torch.Generator
) -> Tensor:
    """The log-weight of each chain's way from independent bits to the RBM, or from the RBM to them. -> (chains,)"""
    # At β: log p(v) = (base + β (b - base))·v + Σ_j log(1 + exp(β (c + v·W)_j)), but for its Z.
    change = rbm.visible_bias - base_bias  # (visible,)

    def sweep(hidden_input: Tensor, beta: float) -> Tensor:
        """A Gibbs sweep at β. It is reversible, so it is its own way back."""
        h = flip((beta * hidden_input).sigmoid_(), generator=generator)
        return flip(
            torch.addmm(base_bias + beta * change, h, rbm.weights.T, alpha=beta).sigmoid_(), generator=generator
        )

    log_weight = torch.zeros(len(v), dtype=torch.float64, device=v.device)
    hidden_input = torch.addmm(rbm.hidden_bias, v, rbm.weights)  # (chains, hidden)
    for step in progress(range(steps, 0, -1) if backwards else range(1, steps + 1), desc="AIS", unit="step"):
        before, beta = (step - 1) / steps, step / steps
        if backwards:
            v = sweep(hidden_input, beta)
            hidden_input = torch.addmm(rbm.hidden_bias, v, rbm.weights)
        log_weight += v @ change / steps + (softplus(beta * hidden_input) - softplus(before * hidden_input)).sum(1)
        if not backwards:
            v = sweep(hidden_input, beta)
            hidden_input = torch.addmm(rbm.hidden_bias, v, rbm.weights)
    return log_weight


def _check_annealing(rbm: RBM, base_bias: Tensor, steps: int, chains: int) -> None:
    visible = len(rbm.visible_bias)
    if base_bias.shape != (visible,):
        raise ValueError(f"expected base_bias of shape ({visible},), got shape {tuple(base_bias.shape)}")
    if not base_bias.isfinite().all():
        bad = int((~base_bias.isfinite()).sum())
        raise ValueError(
            f"expected a finite base_bias, got NaN or infinity in {bad} of {visible} places, values from "
            f"{base_bias.min():g} to {base_bias.max():g}: of pixels that are always 0 or 1 take the log-odds of "
            "mean.clamp(0.001, 0.999)"
        )
    if not (isinstance(steps, Integral) and isinstance(chains, Integral)) or steps < 1 or chains < 2:
        raise ValueError(f"expected at least one step and two chains, whole numbers, got {steps} and {chains}")
    rbm._check_precision()


def _base_log_partition(rbm: RBM, base_bias: Tensor) -> float:
    """log Z of the independent bits, with the hidden units of the RBM as fair coins."""
    return float(softplus(base_bias.double()).sum()) + len(rbm.hidden_bias) * math.log(2)


def _log_mean(log_weight: Tensor) -> tuple[float, float]:
    """log of the mean of the weights, and its standard error. (chains,) float64."""
    relative = (log_weight - log_weight.max()).exp()  # (chains,): the weights, but for a factor
    mean = log_weight.logsumexp(0) - math.log(len(log_weight))
    return float(mean), float(relative.std() / relative.mean() / math.sqrt(len(log_weight)))


def flip(p: Tensor, *, generator: torch.Generator) -> Tensor:
    """One biased coin per entry: 1 with probability p, else 0, in the shape and dtype of p.

    The same law as torch.bernoulli, to within 2^-24, in half its time on a CPU.
    """
    # In float32 at least: of the uniforms in bfloat16 one in 512 is 0, and would turn up what has p = 0.001, or less.
    dtype = torch.promote_types(p.dtype, torch.float32)
    u = torch.rand(p.shape, dtype=dtype, device=p.device, generator=generator)
    return u.lt_(p).to(p.dtype)


def gradient(rbm: RBM, batch: Tensor, model: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient of the mean log p(v) over a batch, to climb: for weights, visible_bias, hidden_bias.

    ⟨v h⟩, ⟨v⟩ and ⟨h⟩ under the batch less the same under `model`, samples of the RBM's own p(v). h enters by its
    probabilities: they have the mean of drawn bits and less noise. batch: (B, visible), model: (C, visible), bits.
    """
    h_batch, h_model = rbm.hidden_probabilities(batch), rbm.hidden_probabilities(model)  # (B, hidden), (C, hidden)
    weights = torch.addmm(batch.T @ h_batch, model.T, h_model, beta=1 / len(batch), alpha=-1 / len(model))
    return weights, batch.mean(0) - model.mean(0), h_batch.mean(0) - h_model.mean(0)


def centre(gradients: tuple[Tensor, Tensor, Tensor], v_mean: Tensor, h_mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The step that the same gradients give where the energy is written with v - v_mean and h - h_mean.

    The model stays what it is; only the direction of the step changes: a weight no longer pushes the biases about,
    so units that are nearly always on or off do not slow the rest down. v_mean: (visible,), h_mean: (hidden,).
    Montavon & Müller 2012; Melchior, Fischer & Wiskott 2016.
    """
    weights, visible, hidden = gradients
    weights = weights - torch.outer(visible, h_mean) - torch.outer(v_mean, hidden)  # (visible, hidden)
    return weights, visible - weights @ h_mean, hidden - v_mean @ weights


@torch.no_grad()
def train_pcd(
    rbm: RBM,
    v: Tensor,
    *,
    epochs: int,
    lr: float,
    batch_size: int = 500,
    chains: int = 500,
    validation: Tensor | None = None,
    generator: torch.Generator,
) -> tuple[Tensor, list[float]]:
    """Train in place by persistent contrastive divergence (Tieleman 2008) with centred gradients.

    v: (N, visible), bits. The step size falls linearly from lr to 0. An RBM whose visible biases are all zero starts at
    the data's log-odds. Returns the persistent chains (chains, visible) and, if `validation` is given (only for
    few hidden units), its exact mean log-likelihood after each epoch. Raises ValueError for data that are not bits,
    FloatingPointError when a weight is no longer finite.
    """
    counts = (epochs, batch_size, chains)
    if not all(isinstance(n, Integral) for n in counts) or min(counts) < 1 or not 0 < lr < math.inf:
        raise ValueError(
            f"expected epochs, batch_size and chains of at least 1, whole numbers, and a finite lr > 0, "
            f"got {epochs}, {batch_size}, {chains} and {lr}"
        )
    rbm._check_precision()
    v = rbm._bits(v)
    if len(v) == 0 or (validation is not None and len(validation) == 0):
        raise ValueError("expected at least one example in v, and in validation where it is given; got none")
    if validation is not None:
        rbm.log_likelihood(validation[:1])  # too many hidden units or a wrong width: said now, not after an epoch
        validation = rbm._bits(validation)
    v_mean = v.mean(0)  # (visible,)
    if not rbm.visible_bias.any():
        ink = (v.sum(0) + 0.5) / (len(v) + 1)  # half a count more: a pixel that is always 0 would get -inf
        rbm.visible_bias.copy_(ink.logit())
    h_mean = rbm.hidden_probabilities(v[:batch_size]).mean(0)  # (hidden,), follows the training
    fantasies = flip(v_mean.expand(chains, -1), generator=generator)  # (chains, visible)
    history, step, steps = [], 0, epochs * math.ceil(len(v) / batch_size)
    for _ in progress(range(epochs), desc="PCD", unit="epoch"):
        for (batch,) in data.batches(v, size=batch_size, generator=generator):
            fantasies = rbm.gibbs_sweep(fantasies, generator=generator)
            h_mean.lerp_(rbm.hidden_probabilities(batch).mean(0), 0.01)
            directions = centre(gradient(rbm, batch, fantasies), v_mean, h_mean)
            for parameter, direction in zip(rbm.parameters(), directions, strict=True):
                parameter.add_(direction, alpha=lr * (1 - step / steps))
            step += 1
        if not math.isfinite(sum(parameter.sum() for parameter in rbm.parameters())):  # a look makes a GPU wait
            raise FloatingPointError(
                f"a weight is not finite after step {step} of {steps}: lr={lr:g} is most likely too large"
            )
        if validation is not None:
            history.append(float(rbm.log_likelihood(validation).mean()))
    return fantasies, history
