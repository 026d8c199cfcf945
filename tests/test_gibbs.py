"""Gibbs samplers against exact fractions, matrix powers, enumeration and closed forms."""

from fractions import Fraction
from itertools import product

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from arviz_stats.base import array_stats
from scipy import stats

from genbook import gibbs

LECTURE = [[0.1, 0.4], [0.3, 0.2]]
REDUCIBLE = [[1, 2, 0, 0], [3, 1, 0, 0], [0, 0, 2, 5]]
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def rng(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def random_table(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1, shape)


CELLS = st.one_of(st.just(0.0), st.floats(1e-3, 10))
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))
TABLES = hypothesis.extra.numpy.arrays(np.float64, SHAPES, elements=CELLS).filter(np.any)


def exact_kernel(joint):
    """One sweep by the definition, in fractions and loops: x' ~ P(. | y), then y' ~ P(. | x')."""
    joint = [[Fraction(cell) for cell in row] for row in joint]
    rows, columns = len(joint), len(joint[0])
    row_sums, column_sums = [sum(row) for row in joint], [sum(column) for column in zip(*joint, strict=True)]
    kernel = [[Fraction(0)] * (rows * columns) for _ in range(rows * columns)]
    for y, x in product(range(rows), range(columns)):
        if row_sums[y] == 0:
            kernel[y * columns + x][y * columns + x] = Fraction(1)
            continue
        for y_new, x_new in product(range(rows), range(columns)):
            if joint[y][x_new]:
                p_x = joint[y][x_new] / row_sums[y]
                p_y = joint[y_new][x_new] / column_sums[x_new]
                kernel[y * columns + x][y_new * columns + x_new] = p_x * p_y
    return kernel


def assert_law(states, expected, least_p=1e-6):
    """Chi-square of independent draws against exact probabilities; what has probability 0 never occurs."""
    expected = np.asarray(expected, dtype=np.float64)
    counts = np.bincount(states, minlength=expected.size)
    possible = expected > 1e-15
    assert counts[~possible].sum() == 0
    if possible.sum() > 1:
        p_value = stats.chisquare(counts[possible], expected[possible] * counts.sum()).pvalue
        assert p_value > least_p


def state(path, columns):
    """(x, y) on the last axis -> y·|X| + x, as `transition_matrix` orders the states."""
    path = path.numpy().astype(np.int64)
    return path[..., 1] * columns + path[..., 0]


# Tables: the exact side


def test_conditionals_of_the_lecture():
    p_x, p_y = gibbs.conditionals(LECTURE)
    assert p_x.dtype == p_y.dtype == torch.float64
    torch.testing.assert_close(p_x, torch.tensor([[1 / 5, 4 / 5], [3 / 5, 2 / 5]], dtype=torch.float64))
    torch.testing.assert_close(p_y, torch.tensor([[1 / 4, 2 / 3], [3 / 4, 1 / 3]], dtype=torch.float64))


def test_conditionals_are_nan_where_the_condition_is_impossible():
    p_x, p_y = gibbs.conditionals([[1, 0, 3], [0, 0, 0]])
    np.testing.assert_array_equal(p_x, [[0.25, 0, 0.75], [np.nan] * 3])
    np.testing.assert_array_equal(p_y, [[1, np.nan, 1], [0, np.nan, 0]])


@pytest.mark.parametrize("convert", [list, np.array, lambda t: torch.tensor(t, dtype=torch.float64)])
@pytest.mark.parametrize("scale", [1, 1e-300, 1e307])
def test_any_array_and_any_scale(convert, scale):
    joint = [[1.0, 4.0], [3.0, 2.0]]
    given = convert((np.array(joint) * scale).tolist())
    for ours, expected in zip(gibbs.conditionals(given), gibbs.conditionals(LECTURE), strict=True):
        torch.testing.assert_close(ours, expected)


@hypothesis.given(TABLES)
@hypothesis.settings(deadline=None, derandomize=True)
def test_kernel_is_the_definition_and_keeps_the_table(table):
    kernel = gibbs.transition_matrix(table).numpy()
    np.testing.assert_allclose(kernel, np.array(exact_kernel(table), dtype=np.float64), rtol=1e-12, atol=0)
    np.testing.assert_allclose(kernel.sum(1), 1, rtol=1e-12)
    pi = (table / table.sum()).ravel()  # y-major
    np.testing.assert_allclose(pi @ kernel, pi, rtol=1e-12, atol=1e-15)


def test_kernel_does_not_reverse():
    # A systematic scan keeps the table without detailed balance: a guard against a kernel that is symmetrised.
    kernel, pi = gibbs.transition_matrix(LECTURE).numpy(), np.ravel(LECTURE)
    assert abs(pi[:, None] * kernel - (pi[:, None] * kernel).T).max() > 0.01


@hypothesis.given(hypothesis.extra.numpy.arrays(np.float64, (2, 2), elements=st.floats(1e-2, 10)))
@hypothesis.settings(deadline=None, derandomize=True)
@hypothesis.example(np.array(LECTURE))
def test_second_eigenvalue_is_phi_squared(table):
    (a, b), (c, d) = table
    phi_squared = (a * d - b * c) ** 2 / ((a + b) * (c + d) * (a + c) * (b + d))
    if np.array_equal(table, LECTURE):
        assert phi_squared == pytest.approx(1 / 6)
    eigenvalues = np.linalg.eigvals(gibbs.transition_matrix(table).numpy())
    # The two zeros form a Jordan block, which rounding spreads to about 1e-8.
    np.testing.assert_allclose(np.sort_complex(eigenvalues)[::-1], [1, phi_squared, 0, 0], atol=1e-6)


# Tables: the sampler


@pytest.mark.parametrize("table", [LECTURE, random_table((3, 4)), random_table((5, 2)), REDUCIBLE])
@pytest.mark.parametrize("start", [(0, 1), (1, 0)])
def test_law_after_t_sweeps_is_a_power_of_the_kernel(table, start):
    columns = np.shape(table)[1]
    kernel = np.array(exact_kernel(table), dtype=np.float64)
    path = gibbs.sample_table(table, 4, chains=50_000, start=start, generator=rng())
    states = state(path, columns)
    for t in range(4):
        row = np.linalg.matrix_power(kernel, t + 1)[start[1] * columns + start[0]]
        assert_law(states[:, t], row)


def test_pairs_of_sweeps_follow_the_kernel():
    # (state at 3, state at 4) jointly: the marginals alone would not see chains that swap places.
    table = random_table((2, 3), seed=1)
    kernel = np.array(exact_kernel(table), dtype=np.float64)
    path = gibbs.sample_table(table, 4, chains=100_000, start=(0, 0), generator=rng(1))
    states = state(path, 3)
    law = np.linalg.matrix_power(kernel, 3)[0][:, None] * kernel
    assert_law(states[:, 2] * 6 + states[:, 3], law.ravel())


def test_frequencies_over_independent_chains():
    table = random_table((3, 4), seed=2)
    path = gibbs.sample_table(table, 40, chains=100_000, generator=rng(2))
    assert_law(state(path[:, -1], 4), (table / table.sum()).ravel())


def test_one_long_chain():
    path = gibbs.sample_table(LECTURE, 20_000, generator=rng(3))
    assert path.shape == (1, 20_000, 2)
    frequencies = np.bincount(state(path[0], 2), minlength=4) / 20_000
    # Variances are inflated by at most (1 + 1/6) / (1 - 1/6) = 1.4: five standard errors.
    np.testing.assert_allclose(frequencies, np.ravel(LECTURE), atol=5 * np.sqrt(0.25 * 1.4 / 20_000))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 8), (9, 7), (16, 17), (60, 33)])
def test_every_shape(shape):
    table = random_table(shape, seed=3)
    table[:, 1::5] *= 0.05  # very unequal pieces
    p_x = table[0] / table[0].sum()  # from y = 0
    p_y = (p_x * table / table.sum(0)).sum(1)
    path = gibbs.sample_table(table, 1, chains=200_000, start=(0, 0), generator=rng(4))
    assert_law(path[:, 0, 0].numpy(), p_x)
    assert_law(path[:, 0, 1].numpy(), p_y)


def test_default_start_is_uniform_over_the_possible_cells():
    table = np.array([[0, 0, 7, 1], [1, 0, 0, 0], [0, 0, 0, 0]])
    kernel = np.array(exact_kernel(table.tolist()), dtype=np.float64)
    path = gibbs.sample_table(table, 1, chains=30_000, generator=rng(5))
    assert_law(state(path[:, 0], 4), kernel[table.ravel() > 0].mean(0))


def test_impossible_cells_are_never_visited():
    table = [[0, 0.1, 0, 0.3, 0], [0, 0, 0, 0, 0], [0, 0.7, 1e-3, 0, 0], [0, 0, 0.1, 0, 0]]
    path = gibbs.sample_table(table, 2000, chains=300, generator=rng(6))
    visits = np.bincount(state(path, 5).ravel(), minlength=20)
    np.testing.assert_array_equal(visits > 0, np.ravel(table) > 0)


def test_reducible_table_never_leaves_its_block():
    starts = torch.tensor([[0, 1], [2, 2]]).repeat(500, 1)  # x, y
    path = gibbs.sample_table(REDUCIBLE, 300, chains=1000, start=starts, generator=rng(7))
    assert (path[0::2, :, 0] <= 1).all() and (path[0::2, :, 1] <= 1).all()
    assert (path[1::2, :, 0] >= 2).all() and (path[1::2, :, 1] == 2).all()


@pytest.mark.parametrize("device", DEVICES)
def test_same_seed_same_chain_on_any_device(device):
    def draw(seed, generator_device):
        return gibbs.sample_table(LECTURE, 50, chains=7, generator=rng(seed, generator_device), device=device)

    for generator_device in {"cpu", device}:
        path = draw(0, generator_device)
        assert path.shape == (7, 50, 2) and path.dtype == torch.int32 and path.device.type == device
        assert torch.equal(path, draw(0, generator_device))
        assert not torch.equal(path, draw(1, generator_device))


def test_each_chain_has_its_own_start():
    starts = torch.tensor([[0, 0], [1, 1], [0, 2]])
    table = np.eye(3)[:, :2] + [[0, 0], [0, 0], [1, 0]]  # x = 1 stays with y = 1, the rest stays with x = 0
    path = gibbs.sample_table(table, 5, chains=3, start=starts, generator=rng())
    assert path[:, :, 0].tolist() == [[0] * 5, [1] * 5, [0] * 5]


@pytest.mark.parametrize(
    ("joint", "message"),
    [
        ([[0.5, -0.1], [0.3, 0.3]], "negative"),
        ([[0, 0], [0, 0]], "every cell of the table is zero"),
        ([[0.5, float("nan")], [0.3, 0.3]], "NaN"),
        ([[0.5, float("inf")], [0.3, 0.3]], "infinity"),
        ([0.5, 0.5], r"2-D table .* got shape \(2,\)"),
        (np.ones((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.ones((0, 3)), r"got shape \(0, 3\)"),
        (0.5, r"got shape \(\)"),
        ([[0.5, 0.5], [1.0]], "inhomogeneous"),
    ],
)
def test_bad_tables(joint, message):
    for use in (
        gibbs.conditionals,
        gibbs.transition_matrix,
        lambda table: gibbs.sample_table(table, 3, generator=rng()),
    ):
        with pytest.raises(ValueError, match=message):
            use(joint)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ((2, 0), "probability zero"),  # possible row, impossible cell
        ((0, 1), "probability zero"),  # impossible row
        ((3, 0), "outside the table of 2 rows"),
        ((0, 2), "outside"),
        ((-1, 0), "outside"),
        ((0.5, 0), "whole numbers"),
        ((float("nan"), 0), "whole numbers"),
        ((float("inf"), 0), "whole numbers|outside"),
        ((0,), r"got shape \(1,\)"),
        ([[0, 0]] * 3, r"shape \(4, 2\), got shape \(3, 2\)"),
        ([(0, 0), (0, 0), (1, 0), (2, 0)], r"\(2, 0\) has probability zero"),
        ("up", "could not convert"),
    ],
)
def test_bad_starts(start, message):
    with pytest.raises(ValueError, match=message):
        gibbs.sample_table([[1, 1, 0], [0, 0, 0]], 3, chains=4, start=start, generator=rng())


@pytest.mark.parametrize("bad", [0, -1, 2.5, "3", None])
@pytest.mark.parametrize(
    ("name", "sample"),
    [
        ("steps", lambda n: gibbs.sample_table(LECTURE, n, generator=rng())),
        ("chains", lambda n: gibbs.sample_table(LECTURE, 2, chains=n, generator=rng())),
        ("steps", lambda n: gibbs.sample_gaussian(0.5, n, generator=rng())),
        ("chains", lambda n: gibbs.sample_gaussian(0.5, 2, chains=n, generator=rng())),
        ("sweeps", lambda n: gibbs.sample_ising(4, 2.0, n, generator=rng())),
        ("chains", lambda n: gibbs.sample_ising(4, 2.0, 1, chains=n, generator=rng())),
        ("size", lambda n: gibbs.sample_ising(n, 2.0, 1, generator=rng())),
    ],
)
def test_bad_counts(name, sample, bad):
    with pytest.raises(ValueError, match=f"{name} must be a whole number >= 1, got"):
        sample(bad)


# The bivariate normal


@pytest.mark.parametrize("rho", [-0.7, 0.0, 0.9])
def test_gaussian_law_after_t_sweeps(rho):
    n, start = 100_000, (5.0, -2.0)
    path = gibbs.sample_gaussian(rho, 3, chains=n, start=start, generator=rng()).double().numpy()
    assert path.shape == (n, 3, 2)
    for t in (1, 2, 3):
        # x_t forgets x_0: mean rho^(2t-1) y_0, variance 1 - rho^(2(2t-1)); y_t: one more factor rho
        for axis, power in ((0, 2 * t - 1), (1, 2 * t)):
            draws = path[:, t - 1, axis]
            mean, variance = rho**power * start[1], 1 - rho ** (2 * power)
            assert abs(draws.mean() - mean) < 5 * np.sqrt(variance / n)
            assert abs(draws.var() - variance) < 5 * variance * np.sqrt(2 / n)
            assert stats.kstest(draws, stats.norm(mean, variance**0.5).cdf).pvalue > 1e-6


def test_gaussian_x_is_autoregressive():
    # x_{t+1} given x_t: mean rho² x_t, variance 1 - rho^4, residual free of x_t
    rho, n = 0.8, 100_000
    x = gibbs.sample_gaussian(rho, 6, chains=n, start=(0, 1.0), generator=rng(1))[:, 4:, 0].double().numpy()
    fit = stats.linregress(x[:, 0], x[:, 1])
    assert abs(fit.slope - rho**2) < 5 * fit.stderr
    assert abs(fit.intercept) < 5 * fit.intercept_stderr
    assert (x[:, 1] - fit.slope * x[:, 0]).var() == pytest.approx(1 - rho**4, rel=5 * np.sqrt(2 / n))


@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_gaussian_stationary_moments_and_autocorrelation_time(rho):
    chains, steps = 10_000, 300
    generator = rng(2)
    y = torch.randn(chains, generator=generator)  # exactly stationary start; the x of a start is not used
    start = torch.stack([y, y], 1)
    path = gibbs.sample_gaussian(rho, steps, chains=chains, start=start, generator=generator).double().numpy()
    x, y = path[:, :, 0], path[:, :, 1]

    def check(per_chain, expected):  # one independent value per chain
        assert abs(per_chain.mean() - expected) < 5 * per_chain.std() / np.sqrt(chains)

    check((x**2).mean(1), 1)
    check((y**2).mean(1), 1)
    check((x * y).mean(1), rho)
    check((x[:, 1:] * x[:, :-1]).mean(1), rho**2)
    # Variance of a chain's mean: (1/n) [1 + 2 sum (1 - k/n) rho^2k], which tends to IACT / n
    k = np.arange(1, steps)
    exact = (1 + 2 * ((1 - k / steps) * rho ** (2 * k)).sum()) / steps
    assert exact * steps == pytest.approx((1 + rho**2) / (1 - rho**2), rel=0.04)
    assert x.mean(1).var() == pytest.approx(exact, rel=5 * np.sqrt(2 / chains))


def test_gaussian_default_start_is_over_dispersed():
    path = gibbs.sample_gaussian(0.99, 1, chains=20_000, generator=rng(3)).double().numpy()
    variance = 0.99**2 * 9 + 1 - 0.99**2  # y_0 ~ N(0, 3²)
    assert path[:, 0, 0].var() == pytest.approx(variance, rel=5 * np.sqrt(2 / 20_000))


@pytest.mark.parametrize("device", DEVICES)
def test_gaussian_same_seed_same_chain(device):
    def draw(seed):
        return gibbs.sample_gaussian(0.5, 40, chains=3, generator=rng(seed), device=device)

    assert draw(0).shape == (3, 40, 2) and draw(0).dtype == torch.float32 and draw(0).device.type == device
    assert torch.equal(draw(0), draw(0)) and not torch.equal(draw(0), draw(1))


@pytest.mark.parametrize("rho", [1, -1, 1.5, float("nan"), float("inf")])
def test_gaussian_bad_rho(rho):
    with pytest.raises(ValueError, match=r"\|rho\| < 1, got"):
        gibbs.sample_gaussian(rho, 3, generator=rng())


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ((0, float("nan")), "finite"),
        ((0, float("inf")), "finite"),
        ((0, 1, 2), r"got shape \(3,\)"),
        (torch.zeros(3, 2), r"got shape \(3, 2\)"),
    ],
)
def test_gaussian_bad_start(start, message):
    with pytest.raises(ValueError, match=message):
        gibbs.sample_gaussian(0.5, 3, chains=2, start=start, generator=rng())


# The Ising model


def neighbour_sum(spins):
    """Sum of the four neighbours on the torus; spins (..., size, size)."""
    return sum(np.roll(spins, step, axis) for step in (1, -1) for axis in (-1, -2))


def numpy_spins(size, temperature, sweeps, **kwargs):
    return gibbs.sample_ising(size, temperature, sweeps, **kwargs)[0].numpy().astype(np.int64)


WHITE = np.indices((64, 64)).sum(0) % 2 == 0


@pytest.fixture(scope="module")
def ising_4x4():
    """Energy and |mean spin|, per spin, of all 2^16 states of the 4 × 4 torus."""
    states = 2 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1).reshape(-1, 4, 4) - 1
    return -(states * neighbour_sum(states)).sum((1, 2)) / 32, abs(states.mean((1, 2)))


@pytest.mark.parametrize(
    ("temperature", "energy", "magnetisation"),
    [
        (1.5, -1.950643, 0.986173),
        (2.0, -1.755380, 0.918943),
        (2.2691853142, -1.565624, 0.843860),
        (2.5, -1.379116, 0.764712),
        (3.0, -1.017070, 0.601291),
    ],
)
def test_ising_4x4_against_enumeration(ising_4x4, temperature, energy, magnetisation):
    energies, sizes = ising_4x4
    weights = np.exp(-16 * (energies + 2) / temperature)
    exact_energy, exact_size = (weights @ values / weights.sum() for values in (energies, sizes))
    assert (exact_energy, exact_size) == pytest.approx((energy, magnetisation), abs=1e-6)
    # From the ordered start: at low temperature a random one can freeze into stripes for long.
    chains = 4000
    _, u, m = gibbs.sample_ising(4, temperature, 150, chains=chains, start="up", generator=rng(1))
    for path, exact in ((u, exact_energy), (m.abs(), exact_size)):
        means = path[:, 50:].double().numpy().mean(1)  # one per chain, and the chains are independent
        assert abs(means.mean() - exact) < 5 * means.std() / np.sqrt(chains)


def test_ising_energy_and_magnetisation_are_those_of_the_spins():
    for sweeps in (1, 4):
        spins, energy, magnetisation = gibbs.sample_ising(6, 2.5, sweeps, chains=50, generator=rng(2))
        assert spins.shape == (50, 6, 6) and spins.dtype == torch.int8
        assert energy.shape == magnetisation.shape == (50, sweeps)
        spins = spins.numpy().astype(np.int64)
        assert set(np.unique(spins)) == {-1, 1}
        np.testing.assert_allclose(energy[:, -1], -(spins * neighbour_sum(spins)).sum((1, 2)) / 72, atol=1e-6)
        np.testing.assert_allclose(magnetisation[:, -1], spins.mean((1, 2)), atol=1e-6)


def test_ising_updates_follow_the_conditional():
    # The same seed for one sweep more goes on from where it was: white saw the old black spins, black the new white.
    temperature = 2.0
    before, after = (numpy_spins(64, temperature, n, chains=16, generator=rng(3)) for n in (2, 3))
    for colour, seen in ((WHITE, before), (~WHITE, after)):
        field, up = neighbour_sum(seen)[:, colour], after[:, colour] == 1
        for h in (-4, -2, 0, 2, 4):
            p, n = 1 / (1 + np.exp(-2 * h / temperature)), (field == h).sum()
            assert n > 300
            assert abs(up[field == h].mean() - p) < 5 * np.sqrt(p * (1 - p) / n)


def test_ising_near_zero_temperature_follows_the_majority():
    # No noise: a single wrong neighbour, at an edge of the lattice say, shows at once.
    before, after = (numpy_spins(8, 0.01, n, chains=500, generator=rng(4)) for n in (1, 2))
    white = WHITE[:8, :8]
    for colour, seen in ((white, before), (~white, after)):
        field = neighbour_sum(seen)
        decided = colour & (field != 0)
        assert decided.any(0).sum() == 32  # every square of the colour, edges too
        assert (after[decided] == np.sign(field[decided])).all()


def test_ising_first_sweep_from_up():
    temperature, chains = 2.5, 40_000
    spins = numpy_spins(4, temperature, 1, chains=chains, start="up", generator=rng(5))
    white, p = WHITE[:4, :4], 1 / (1 + np.exp(-8 / temperature))
    assert_law((spins[:, white] == 1).sum(1), stats.binom(8, p).pmf(range(9)))
    k = np.arange(5)  # a black spin's white neighbours that are up
    p_black = (stats.binom(4, p).pmf(k) / (1 + np.exp(-2 * (2 * k - 4) / temperature))).sum()
    up = (spins[:, ~white] == 1).mean(1)
    assert abs(up.mean() - p_black) < 5 * up.std() / np.sqrt(chains)


def test_ising_random_start_is_fair():
    # At a temperature near infinity nothing moves the mean; from "up" at 0.01 nothing moves at all.
    _, _, hot = gibbs.sample_ising(8, 1e6, 1, chains=2000, generator=rng(6))
    assert abs(hot.mean()) < 5 / np.sqrt(2000 * 64)
    _, energy, cold = gibbs.sample_ising(8, 0.01, 5, chains=10, start="up", generator=rng(6))
    assert (cold == 1).all() and (energy == -2).all()
    _, _, quench = gibbs.sample_ising(4, 0.01, 30, chains=2000, generator=rng(7))
    assert abs(quench[:, -1].mean()) < 5 / np.sqrt(2000)  # both orders are found equally often


@pytest.mark.parametrize("device", DEVICES)
def test_ising_same_seed_same_lattice(device):
    def draw(seed):
        return gibbs.sample_ising(6, 2.0, 3, chains=2, generator=rng(seed), device=device)

    assert all(part.device.type == device for part in draw(0))
    assert all(torch.equal(a, b) for a, b in zip(draw(0), draw(0), strict=True))
    assert not torch.equal(draw(0)[0], draw(1)[0])


@pytest.mark.parametrize(
    ("size", "temperature", "start", "message"),
    [
        (5, 2.0, "up", "even and >= 4"),
        (2, 2.0, "up", "even and >= 4"),
        (4, 0, "up", "temperature must be positive"),
        (4, -1.0, "up", "temperature must be positive"),
        (4, float("nan"), "up", "temperature must be positive"),
        (4, float("inf"), "up", "temperature must be positive"),
        (4, 2.0, "down", "start must be"),
        (4, 2.0, None, "start must be"),
    ],
)
def test_ising_bad_input(size, temperature, start, message):
    with pytest.raises(ValueError, match=message):
        gibbs.sample_ising(size, temperature, 1, start=start, generator=rng())


def test_effective_sample_size_is_the_exact_one():
    """ArviZ's estimate for the mean of x against n (1 - ρ²) / (1 + ρ²)."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(40, 2, generator=generator)
    chains = gibbs.sample_gaussian(0.9, 5000, chains=40, start=start, generator=generator)
    ess = array_stats.ess(chains[:, 100:, 0].double().numpy(), chain_axis=0, draw_axis=1, method="mean")
    assert ess / (40 * 4900) == pytest.approx((1 - 0.81) / (1 + 0.81), rel=0.15)
