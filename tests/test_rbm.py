"""The RBM against enumeration of every state of a tiny one, autograd, and scipy's chi-square test."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy import stats

from genbook import rbm as rbm_module
from genbook.rbm import RBM, ais_log_partition, centre, flip, gradient, reverse_ais_log_partition, train_pcd

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def rng(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def random_rbm(visible=4, hidden=3, seed=0, size=1.0, device="cpu"):
    """An RBM whose parameters are all of the order of `size`: no part of the energy is negligible."""
    generator = rng(seed, device)
    rbm = RBM(visible, hidden, generator=generator)
    for parameter in rbm.parameters():
        parameter.normal_(0, size, generator=generator)
    return rbm


def all_states(n):
    return np.array(list(product([0.0, 1.0], repeat=n)))


def exact_joint(rbm):
    """p(v, h) as a table (2^visible, 2^hidden) and log Z, by the definition: every state, loops, float64."""
    w, b, c = (parameter.cpu().double().numpy() for parameter in (rbm.weights, rbm.visible_bias, rbm.hidden_bias))
    vs, hs = all_states(len(b)), all_states(len(c))
    table = np.zeros((len(vs), len(hs)))
    for i, v in enumerate(vs):
        for j, h in enumerate(hs):
            energy = -sum(v[k] * w[k, m] * h[m] for k in range(len(b)) for m in range(len(c))) - b @ v - c @ h
            table[i, j] = math.exp(-energy)
    return table / table.sum(), math.log(table.sum())


def as_tensor(states, device="cpu"):
    return torch.tensor(states, dtype=torch.float32, device=device)


def assert_close(got, expected, atol=1e-6):
    """torch.testing.assert_close takes seconds to import torch.distributed at its first call; NumPy's does not."""
    np.testing.assert_allclose(got.detach().cpu().numpy(), expected.detach().cpu().numpy(), rtol=1e-5, atol=atol)


def index_of(v):
    """The row of all_states that each row of v is. (B, n) -> (B,)."""
    return (v.cpu() @ 2.0 ** torch.arange(v.shape[1] - 1, -1, -1)).long().numpy()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("visible", "hidden"), [(5, 3), (3, 5), (4, 4), (1, 1), (6, 1)])
def test_likelihood_free_energy_and_partition_match_enumeration(visible, hidden, device):
    rbm = random_rbm(visible, hidden, seed=visible, device=device)
    joint, log_z = exact_joint(rbm)
    v = as_tensor(all_states(visible), device)
    assert rbm.log_partition().item() == pytest.approx(log_z, abs=1e-5)
    np.testing.assert_allclose(rbm.log_likelihood(v).cpu(), np.log(joint.sum(1)), atol=2e-5)
    np.testing.assert_allclose(-rbm.free_energy(v).cpu(), np.log(joint.sum(1)) + log_z, atol=2e-5)


def test_both_ways_to_sum_the_partition_function_agree_over_several_blocks():
    rbm = random_rbm(15, 13, size=0.5).double()  # 2^13 hidden states are two blocks
    swapped = RBM(13, 15).double()  # the same machine, its layers exchanged: now the visible states are summed
    swapped.weights.copy_(rbm.weights.T)
    swapped.visible_bias.copy_(rbm.hidden_bias)
    swapped.hidden_bias.copy_(rbm.visible_bias)
    everything = torch.tensor(all_states(15))
    by_visible_states = (-rbm.free_energy(everything)).logsumexp(0)
    assert_close(rbm.log_partition(), by_visible_states)
    assert_close(swapped.log_partition(), by_visible_states)


@pytest.fixture(params=DEVICES)
def middling(request):
    """An RBM that anneals badly in a few steps, the bits to begin with, and 200 exact samples of it: h from the table
    of all its states, then v given h.
    """
    generator = rng(3, request.param)
    model = RBM(24, 9, generator=generator)
    for parameter, size in zip(model.parameters(), (0.6, 1.0, 1.0), strict=True):
        parameter.copy_(size * torch.randn(parameter.shape, generator=generator, device=request.param))
    base = 0.5 * torch.randn(24, generator=generator, device=request.param)
    states = as_tensor(all_states(9), request.param)  # (512, 9)
    log_p = states @ model.hidden_bias + torch.nn.functional.softplus(
        states @ model.weights.T + model.visible_bias
    ).sum(1)

    def exact_samples(n, generator):
        h = states[torch.multinomial(log_p.softmax(0), n, replacement=True, generator=generator)]
        return flip(model.visible_probabilities(h), generator=generator)

    return model, base, exact_samples, generator


def test_annealed_importance_sampling_finds_the_exact_partition_function(middling):
    model, base, exact_samples, generator = middling
    exact = float(model.log_partition())
    start = exact_samples(200, generator)
    slow = {"steps": 2000, "generator": generator}
    for estimate, error in (
        ais_log_partition(model, base, chains=200, **slow),
        reverse_ais_log_partition(model, base, start, **slow),
    ):
        assert abs(estimate - exact) < 5 * error and error < 0.02


def test_a_hasty_annealing_is_too_small_forwards_and_too_large_backwards(middling):
    """On average over repetitions, as Jensen's inequality has it; the inverse of both has the right mean."""
    model, base, exact_samples, generator = middling
    exact = float(model.log_partition())
    hasty = {"steps": 5, "generator": generator}
    forwards = torch.tensor([ais_log_partition(model, base, chains=5, **hasty) for _ in range(200)]).double()
    backwards = [reverse_ais_log_partition(model, base, exact_samples(5, generator), **hasty) for _ in range(200)]
    backwards = torch.tensor(backwards).double()
    for estimates, sign in ((forwards[:, 0] - exact, 1), (backwards[:, 0] - exact, -1)):
        noise = estimates.std() / math.sqrt(200)
        assert sign * estimates.mean() < -5 * noise, "no bias to see"
        weights = (sign * estimates).exp()  # Ẑ / Z forwards, Z / Ẑ backwards: of mean 1
        assert abs(weights.mean() - 1) < 5 * weights.std() / math.sqrt(200)
    rough = ais_log_partition(model, base, chains=200, **hasty)
    assert rough[1] > 0.05 and abs(rough[0] - exact) < 2


def test_annealed_importance_sampling_of_independent_bits_is_exact():
    """From the model itself nothing has to be annealed: all weights are equal, and the error is 0."""
    model = RBM(6, 3)
    model.weights.zero_()
    model.visible_bias.copy_(torch.linspace(-2, 2, 6))
    exact = float(model.log_partition())
    start = flip(torch.full((5, 6), 0.5), generator=rng())
    for estimate, error in (
        ais_log_partition(model, model.visible_bias, steps=3, chains=5, generator=rng()),
        reverse_ais_log_partition(model, model.visible_bias, start, steps=3, generator=rng()),
    ):
        assert estimate == pytest.approx(exact, abs=1e-5) and error < 1e-6


def test_an_rbm_without_weights_is_independent_coins():
    rbm = random_rbm(30, 4)
    rbm.weights.zero_()
    v = flip(torch.full((7, 30), 0.5), generator=rng())
    expected = torch.distributions.Bernoulli(logits=rbm.visible_bias).log_prob(v).sum(1)
    assert_close(rbm.log_likelihood(v), expected, atol=1e-4)


def test_conditionals_match_the_joint():
    rbm = random_rbm()
    joint, _ = exact_joint(rbm)
    vs, hs = all_states(4), all_states(3)
    hidden = (joint / joint.sum(1, keepdims=True)) @ hs  # (16, 3): the mean of h given each v
    visible = (joint / joint.sum(0)).T @ vs  # (8, 4)
    np.testing.assert_allclose(rbm.hidden_probabilities(as_tensor(vs)), hidden, atol=1e-6)
    np.testing.assert_allclose(rbm.visible_probabilities(as_tensor(hs)), visible, atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_one_sweep_follows_the_exact_kernel(device):
    rbm = random_rbm(3, 2, size=1.5, device=device)
    joint, _ = exact_joint(rbm)
    kernel = (joint / joint.sum(1, keepdims=True)) @ (joint / joint.sum(0)).T  # (8, 8): P(v' | v) through h
    n = 40_000
    for row, start in enumerate(all_states(3)):
        v = rbm.gibbs_sweep(as_tensor(start, device).expand(n, -1), generator=rng(row, device))
        counts = np.bincount(index_of(v), minlength=8)
        assert stats.chisquare(counts, n * kernel[row]).pvalue > 1e-6


@pytest.mark.parametrize("device", DEVICES)
def test_many_chains_end_up_distributed_as_the_model(device):
    rbm = random_rbm(4, 3, seed=3, device=device)
    joint, _ = exact_joint(rbm)
    v = rbm.sample(60, chains=20_000, generator=rng(1, device))
    assert v.shape == (20_000, 4) and v.device.type == device
    counts = np.bincount(index_of(v), minlength=16)
    assert stats.chisquare(counts, len(v) * joint.sum(1)).pvalue > 1e-6


def test_sample_starts_where_it_is_told_or_at_fair_coins():
    rbm = random_rbm(5, 2)
    start = as_tensor(all_states(5))
    one_by_one = rng(4)
    expected = rbm.gibbs_sweep(rbm.gibbs_sweep(start, generator=one_by_one), generator=one_by_one)
    assert torch.equal(rbm.sample(2, start=start, generator=rng(4)), expected)
    # One hidden unit that switches every visible one on or off hardly moves: the start is still seen after a sweep.
    stuck = RBM(1, 1)
    stuck.weights.fill_(40)
    stuck.visible_bias.fill_(-20)
    stuck.hidden_bias.fill_(-20)
    assert stuck.sample(1, chains=40_000, generator=rng()).mean().item() == pytest.approx(0.5, abs=5 * 0.5 / 200)


def test_flip_is_a_coin_of_each_probability():
    p = torch.tensor([0.0, 1e-3, 0.3, 0.999, 1.0]).expand(200_000, -1)
    bits = flip(p, generator=rng())
    assert set(bits.unique().tolist()) == {0.0, 1.0} and bits.dtype == p.dtype
    standard_error = (p[0] * (1 - p[0]) / len(p)).sqrt()
    assert ((bits.mean(0) - p[0]).abs() <= 5 * standard_error).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_flip_has_the_law_of_its_probabilities_in_every_dtype(dtype):
    """Of the uniforms in bfloat16 one in 512 is 0, in float16 one in 4096: p = 0.0001 would come up far too often."""
    p = torch.tensor([0.0, 1e-4, 1e-3, 0.01, 0.5, 0.99, 1.0], dtype=dtype)
    bits = flip(p.expand(500_000, -1), generator=rng())
    assert bits.dtype == dtype and set(bits.unique().tolist()) == {0.0, 1.0}
    exact = p.double()
    standard_error = (exact * (1 - exact) / len(bits)).sqrt()
    assert ((bits.double().mean(0) - exact).abs() <= 5 * standard_error).all()
    assert torch.equal(flip(torch.tensor([0, 1, 1]), generator=rng()), torch.tensor([0, 1, 1]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_an_rbm_in_half_precision_samples_but_measures_nothing(dtype):
    rbm = RBM(4, 2).to(dtype)
    assert rbm.sample(3, chains=5, generator=rng()).dtype == dtype
    for measure in (
        rbm.log_partition,
        lambda: rbm.free_energy(BITS),
        lambda: rbm.log_likelihood(BITS),
        lambda: ais_log_partition(rbm, torch.zeros(4), generator=rng()),
        lambda: reverse_ais_log_partition(rbm, torch.zeros(4), BITS, generator=rng()),
        lambda: train_pcd(rbm, BITS, epochs=1, lr=0.1, generator=rng()),
    ):
        with pytest.raises(ValueError, match=rf"float32 or float64, got {dtype}.*rbm.float"):
            measure()


def exact_gradient(rbm, batch, step=lambda g: g):
    """gradient() with the exact average over the model: it is linear in p(v), so average over every v."""
    joint, _ = exact_joint(rbm)
    parts = [step(gradient(rbm, batch, as_tensor(v)[None])) for v in all_states(len(rbm.visible_bias))]
    return [sum(p * g for p, g in zip(joint.sum(1), piece, strict=True)) for piece in zip(*parts, strict=True)]


def test_gradient_is_that_of_the_exact_likelihood():
    rbm = random_rbm()
    batch = flip(torch.full((6, 4), 0.4), generator=rng())
    ours = exact_gradient(rbm, batch)
    rbm.requires_grad_()
    autograd = torch.autograd.grad(rbm.log_likelihood(batch).mean(), list(rbm.parameters()))
    for mine, theirs in zip(ours, autograd, strict=True):
        assert_close(mine.float(), theirs, atol=1e-5)


def test_centring_is_the_gradient_step_of_the_centred_energy():
    """E = -(v - μ)·W·(h - λ) - b'·v - c'·h is the same machine with b = b' - W·λ and c = c' - Wᵀ·μ."""
    rbm = random_rbm()
    batch = flip(torch.full((6, 4), 0.4), generator=rng())
    mu, lam = torch.tensor([0.1, 0.9, 0.5, 0.3]), torch.tensor([0.8, 0.2, 0.6])
    w, b, c = (parameter.clone() for parameter in rbm.parameters())
    centred = [w.requires_grad_(), (b + w @ lam).detach().requires_grad_(), (c + mu @ w).detach().requires_grad_()]

    def log_likelihood(w, b, c):
        v, h = as_tensor(all_states(4)), as_tensor(all_states(3))
        energy = -(v - mu) @ w @ (h - lam).T - (v @ b)[:, None] - (h @ c)  # (16, 8)
        return ((-energy).logsumexp(1) - (-energy).logsumexp((0, 1)))[index_of(batch)].mean()

    assert_close(log_likelihood(*centred), rbm.log_likelihood(batch).mean())  # the same model
    up_w, up_b, up_c = torch.autograd.grad(log_likelihood(*centred), centred)
    # A step in the centred parameters, seen in the plain ones.
    expected = (up_w, up_b - up_w @ lam, up_c - mu @ up_w)
    ours = exact_gradient(rbm, batch, step=lambda g: centre(g, mu, lam))
    for mine, theirs in zip(ours, expected, strict=True):
        assert_close(mine.float(), theirs, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_training_learns_a_small_known_distribution(device):
    teacher = RBM(4, 2)  # an RBM can learn what another one says: the best divergence is 0
    teacher.weights.copy_(torch.tensor([[4.0, 0.0], [4.0, 1.0], [0.0, 4.0], [-1.0, 4.0]]))
    teacher.visible_bias.fill_(-2)
    teacher.hidden_bias.copy_(torch.tensor([-3.0, -4.0]))
    target = exact_joint(teacher)[0].sum(1)  # (16,)
    v = as_tensor(np.repeat(all_states(4), np.round(target * 4000).astype(int), axis=0), device)
    rbm = RBM(4, 4, generator=rng(0, device))
    chains, history = train_pcd(
        rbm, v, epochs=40, lr=1.0, batch_size=100, chains=500, validation=v, generator=rng(1, device)
    )
    log_p = rbm.log_likelihood(as_tensor(all_states(4), device)).cpu().double().numpy()
    ink = v.mean(0).cpu().numpy()
    coins = np.prod(np.where(all_states(4) == 1, ink, 1 - ink), axis=1)
    assert np.sum(target * np.log(target / coins)) > 0.25  # what the best independent coins lose, in nats
    assert np.sum(target * (np.log(target) - log_p)) < 0.02
    assert len(history) == 40
    assert history[-1] == pytest.approx(np.sum(target * log_p), abs=1e-2)
    # The persistent chains have followed the model to where it is now.
    share = np.bincount(index_of(chains), minlength=16) / len(chains)
    assert np.abs(share - np.exp(log_p)).max() < 5 * math.sqrt(0.25 / len(chains))


def test_training_is_the_same_for_the_same_generator_and_starts_at_the_data_s_log_odds():
    v = flip(torch.tensor([0.1, 0.5, 0.9, 0.0]).expand(500, -1), generator=rng())
    twins = [RBM(4, 2, generator=rng(3)) for _ in range(2)]
    runs = [train_pcd(r, v, epochs=2, lr=0.1, batch_size=64, chains=20, generator=rng(5)) for r in twins]
    assert torch.equal(runs[0][0], runs[1][0]) and runs[0][1] == []
    assert all(torch.equal(a, b) for a, b in zip(twins[0].parameters(), twins[1].parameters(), strict=True))
    still = RBM(4, 2, generator=rng(3))
    train_pcd(still, v, epochs=1, lr=1e-9, generator=rng(5))
    ink = torch.special.expit(still.visible_bias)
    assert_close(ink, v.mean(0), atol=2e-3)
    assert still.visible_bias.isfinite().all()  # the last pixel is never on
    # Training goes on from where it was: biases that are there are kept.
    before = still.visible_bias.fill_(0.7).clone()
    train_pcd(still, v, epochs=1, lr=1e-9, generator=rng(5))
    assert_close(still.visible_bias, before)


def test_the_chains_persist_and_forget_the_data():
    rbm = random_rbm(4, 3, seed=3)
    joint, _ = exact_joint(rbm)
    v = torch.eye(4)[:1].expand(60, -1)  # nothing but 1000
    chains, _ = train_pcd(rbm, v, epochs=1, lr=1e-9, batch_size=1, chains=20_000, generator=rng())  # 60 sweeps
    assert chains.shape == (20_000, 4)
    counts = np.bincount(index_of(chains), minlength=16)
    assert stats.chisquare(counts, len(chains) * joint.sum(1)).pvalue > 1e-6


def test_the_step_falls_linearly_to_zero(monkeypatch):
    one = torch.ones(())
    monkeypatch.setattr(rbm_module, "gradient", lambda rbm, *_: [torch.ones_like(p) for p in rbm.parameters()])
    monkeypatch.setattr(rbm_module, "centre", lambda gradients, *_: gradients)
    rbm = RBM(3, 2)
    start = rbm.weights.clone()
    train_pcd(rbm, torch.eye(3).repeat(4, 1), epochs=2, lr=0.4, batch_size=5, generator=rng())  # 2 epochs of 3 steps
    assert_close(rbm.weights - start, (0.4 * (6 + 5 + 4 + 3 + 2 + 1) / 6 * one).expand(3, 2))


def test_weights_start_small_from_the_generator_or_the_global_state():
    rbm = RBM(200, 100, generator=rng(1))
    assert rbm.weights.std().item() == pytest.approx(0.01, rel=0.05)
    assert torch.equal(rbm.weights, RBM(200, 100, generator=rng(1)).weights)
    assert not rbm.visible_bias.any() and not rbm.hidden_bias.any()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        assert torch.equal(rbm.weights, RBM(200, 100).weights)


def test_bool_and_integer_bits_are_welcome():
    rbm = random_rbm()
    v = as_tensor(all_states(4))
    assert torch.equal(rbm.log_likelihood(v.bool()), rbm.log_likelihood(v))
    assert torch.equal(rbm.free_energy(v.to(torch.uint8)), rbm.free_energy(v))


GREY = torch.full((3, 4), 0.5)
BITS = torch.ones(3, 4)


def train(v=BITS, **changes):
    return train_pcd(RBM(4, 2), v, **{"epochs": 1, "lr": 0.1, "generator": rng()} | changes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RBM(4, 0), "at least one unit in each layer, got 4 visible, 0 hidden"),
        (lambda: RBM(0, 4), "at least one unit in each layer"),
        (lambda: RBM(784, 21).log_partition(), "at most 20, got 784 visible and 21 hidden"),
        (lambda: RBM(784, 21).log_likelihood(torch.zeros(1, 784)), "at most 20, got 784 visible and 21 hidden"),
        (lambda: ais_log_partition(RBM(4, 2), torch.zeros(3), generator=rng()), r"shape \(4,\), got shape \(3,\)"),
        (
            lambda: ais_log_partition(RBM(4, 2), torch.zeros(4) * math.nan, generator=rng()),
            "NaN or infinity in 4 of 4",
        ),
        (
            lambda: ais_log_partition(RBM(4, 2), torch.tensor([0.0, 0.5, 1.0, 0.0]).logit(), generator=rng()),
            r"NaN or infinity in 3 of 4 places, values from -inf to inf: of pixels .* 0 or 1 .*clamp\(0.001",
        ),
        (lambda: ais_log_partition(RBM(4, 2), torch.zeros(4), steps=5.0, generator=rng()), "whole numbers, got 5.0"),
        (
            lambda: ais_log_partition(RBM(4, 2), torch.zeros(4), chains=1, generator=rng()),
            "chains, .*got 5000 and 1",
        ),
        (
            lambda: reverse_ais_log_partition(RBM(4, 2), torch.zeros(3), BITS, generator=rng()),
            r"\(4,\), got shape \(3,\)",
        ),
        (lambda: reverse_ais_log_partition(RBM(4, 2), torch.zeros(4), GREY, generator=rng()), "bits"),
        (lambda: reverse_ais_log_partition(RBM(4, 2), torch.zeros(4), BITS[:1], generator=rng()), "got 5000 and 1"),
        (lambda: RBM(4, 2).log_likelihood(GREY), "bits, got values from 0.5 to 0.5 .* threshold"),
        (lambda: RBM(4, 2).free_energy(BITS * math.nan), "bits, got values from nan"),
        (lambda: RBM(4, 2).free_energy(torch.ones(3, 5)), r"v of shape \(B, 4\), got \(3, 5\)"),
        (lambda: RBM(4, 2).log_likelihood(torch.ones(4)), r"v of shape \(B, 4\), got \(4,\)"),
        (lambda: RBM(4, 2).log_likelihood(torch.ones(3, 2, 2)), r"v of shape \(B, 4\), got \(3, 2, 2\)"),
        (lambda: RBM(4, 2).gibbs_sweep(torch.ones(3, 2), generator=rng()), r"v of shape \(B, 4\), got \(3, 2\)"),
        (lambda: RBM(4, 2).visible_probabilities(torch.ones(3, 4)), r"h of shape \(B, 2\), got \(3, 4\)"),
        (lambda: RBM(4, 2).sample(0, generator=rng()), "got 0 sweeps, 1 chains"),
        (lambda: RBM(4, 2).sample(5, chains=0, generator=rng()), "got 5 sweeps, 0 chains"),
        (lambda: RBM(4, 2).sample(5, start=GREY, generator=rng()), "bits"),
        (lambda: train(GREY), "bits"),
        (lambda: train(torch.ones(3, 5)), r"\(B, 4\), got \(3, 5\)"),
        (lambda: train(torch.ones(0, 4)), "at least one example"),
        (lambda: train(validation=torch.ones(0, 4)), "at least one example"),
        (lambda: train(validation=GREY), "bits"),
        (lambda: RBM(4, 2).sample(1.0, generator=rng()), "got 1.0 sweeps"),
        (lambda: train(epochs=5.0), "whole numbers, and a finite lr > 0, got 5.0, 500"),
        (lambda: train(epochs=0), "epochs, batch_size and chains of at least 1"),
        (lambda: train(chains=0), "epochs, batch_size and chains of at least 1"),
        (lambda: train(lr=0.0), "finite lr > 0"),
        (lambda: train(lr=-1.0), "finite lr > 0"),
        (lambda: train(lr=math.nan), "finite lr > 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_bad_validation_set_is_refused_before_the_first_step():
    bits = torch.zeros(10, 21)
    rbm = RBM(21, 21, generator=torch.Generator().manual_seed(0))
    before = rbm.weights.clone()
    with pytest.raises(ValueError, match="exact log Z"):
        train_pcd(rbm, bits, epochs=1, lr=0.1, validation=bits, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rbm.weights, before)


def test_a_diverging_training_stops_with_the_step_and_the_cause():
    v = flip(torch.full((50, 20), 0.5), generator=rng())  # with four pixels it depends on the processor's rounding
    with pytest.raises(FloatingPointError, match=r"after step \d+ of 250: lr=3e\+38 is most likely too large"):
        train_pcd(RBM(20, 2, generator=rng()), v, epochs=50, lr=3e38, batch_size=10, generator=rng())
