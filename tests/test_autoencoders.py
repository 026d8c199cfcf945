"""Autoencoders by hand; PCA and its likelihood against NumPy, scikit-learn, torch.distributions; angles by turning."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from sklearn.decomposition import PCA
from torch import nn

from genbook import data
from genbook.autoencoders import Autoencoder, pca, ppca, ppca_log_likelihood, squared_error, subspace_gap
from genbook.train import seeded

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
FUNCTIONS = {
    nn.Identity: lambda a: a,
    nn.ReLU: lambda a: np.maximum(a, 0),
    nn.Tanh: np.tanh,
    nn.Sigmoid: lambda a: 1 / (1 + np.exp(-a)),
}


def correlated(n, d, seed=0, mean=3.0):
    """n points in d dimensions whose variances differ and whose axes are not the coordinates', float64."""
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(size=(n, d)) * np.arange(1, d + 1) @ rng.normal(size=(d, d)) + mean)


def spectrum(x):
    """Variances, the largest first, and directions (columns) by NumPy alone; divides by N."""
    values, vectors = np.linalg.eigh(np.cov(x.numpy().T, bias=True))
    return values[::-1], vectors[:, ::-1]


def normal_by_definition(x, k):
    """The density of probabilistic PCA with its D × D covariance written out."""
    values, vectors = spectrum(x)
    covariance = (vectors * np.r_[values[:k], np.full(len(values) - k, values[k:].mean())]) @ vectors.T
    return torch.distributions.MultivariateNormal(x.mean(0), torch.tensor(covariance))


@pytest.fixture(scope="module")
def digits():
    both = torch.cat([data.mnist("train")[0], data.mnist("test")[0]]).flatten(1)
    return {"train": both[:60_000], "test": both[60_000:], "both": both}


# The autoencoder


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ([7, 3], {}),
        ([7, 5, 3], {}),
        ([7, 5, 3], {"nonlinearity": nn.Tanh, "output": nn.Sigmoid}),
        ([7, 6, 5, 4, 2], {"nonlinearity": nn.Sigmoid, "output": nn.Sigmoid}),
        ([7, 5, 3], {"nonlinearity": nn.Identity}),
    ],
)
def test_code_and_reconstruction_are_those_of_layers_multiplied_out_by_hand(sizes, options, device):
    with seeded(0) as generator:
        model = Autoencoder(sizes, **options).to(device)
        x = torch.randn(4, 7, generator=generator)
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert [layer.in_features for layer in linear] + [7] == sizes + sizes[-2::-1]
    depth = len(sizes) - 1
    hidden = FUNCTIONS[options.get("nonlinearity", nn.ReLU)]
    after = [hidden] * (depth - 1) + [FUNCTIONS[nn.Identity]]  # what follows each layer of a half
    value, values = x.double().numpy(), []
    for layer, function in zip(linear, [*after, *after], strict=True):
        weight, bias = (parameter.detach().cpu().double().numpy() for parameter in (layer.weight, layer.bias))
        value = function(value @ weight.T + bias)
        values.append(value)
    code, output = values[depth - 1], FUNCTIONS[options.get("output", nn.Identity)](values[-1])
    assert (code < 0).any()  # or a nonlinearity on the code could not be seen
    x = x.to(device)
    np.testing.assert_allclose(model.encode(x).detach().cpu(), code, atol=1e-5)
    np.testing.assert_allclose(model.decode(model.encode(x)).detach().cpu(), output, atol=1e-5)
    np.testing.assert_allclose(model(x).detach().cpu(), output, atol=1e-5)


def test_with_the_principal_directions_as_weights_the_linear_autoencoder_errs_by_the_discarded_variance():
    x = correlated(200, 6)
    mean, components, _ = pca(x, 2)
    model = Autoencoder([6, 2]).double()
    with torch.no_grad():
        model.encoder[0].weight.copy_(components)
        model.encoder[0].bias.copy_(-components @ mean)
        model.decoder[0].weight.copy_(components.T)
        model.decoder[0].bias.copy_(mean)
    assert squared_error(model, x).mean().item() == pytest.approx(spectrum(x)[0][2:].sum(), rel=1e-10)


def test_weights_are_those_of_the_seed():
    first, again, other = (make_in_seed(seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    pairs = zip(first.parameters(), other.parameters(), strict=True)
    assert not any(torch.equal(a, b) for a, b in pairs if a.ndim == 2)  # biases start at 0


def make_in_seed(seed):
    with seeded(seed):
        return Autoencoder([6, 4, 2])


@pytest.mark.parametrize("sizes", [[784], [], [784, 0], [784, -2], [784, 2.0], [784, None]])
def test_sizes_that_cannot_be_are_refused(sizes):
    with pytest.raises(ValueError, match=r"two or more whole numbers >= 1, from input to code, got \["):
        Autoencoder(sizes)


@pytest.mark.parametrize("shape", [(4, 28, 28), (4, 783), (784,)])
def test_inputs_of_another_shape_are_refused(shape):
    model = Autoencoder([784, 2])
    with pytest.raises(ValueError, match=rf"x of shape \(B, 784\), got \({shape[0]},"):
        model(torch.zeros(shape))
    with pytest.raises(ValueError, match=rf"z of shape \(B, 2\), got \({shape[0]},"):
        model.decode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(3, 4), (3, 1, 2, 2)])
def test_squared_error_sums_over_each_examples_pixels(shape):
    x = torch.arange(12.0).reshape(shape)
    got = squared_error(lambda x: 2 * x - 1, x)  # the difference is 1 - x
    assert got.tolist() == [1 + 0 + 1 + 4, 9 + 16 + 25 + 36, 49 + 64 + 81 + 100]


def test_squared_error_refuses_a_reconstruction_of_another_shape():
    with pytest.raises(ValueError, match=r"the shape of x, \(5, 4\), got \(5, 1\)"):
        squared_error(lambda x: x[:, :1], torch.zeros(5, 4))


# PCA


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("n", "d", "k"), [(200, 6, 3), (6, 20, 4), (50, 5, 5), (6, 20, 6), (2, 3, 1)])
def test_pca_is_scikit_learns_full_decomposition(n, d, k, device):
    x = correlated(n, d)
    expected = PCA(svd_solver="full").fit(x.numpy())
    mean, components, variances = (result.cpu() for result in pca(x.to(device), k))
    np.testing.assert_allclose(mean, expected.mean_, atol=1e-12)
    np.testing.assert_allclose(variances, expected.explained_variance_[:k] * (n - 1) / n, rtol=1e-9, atol=1e-10)
    known = min(k, n - 1)  # n points vary in n - 1 directions; the n-th is any
    np.testing.assert_allclose(components[:known], expected.components_[:known], atol=1e-8)
    np.testing.assert_allclose(components @ components.T, np.eye(k), atol=1e-12)


def test_pca_stays_exact_far_from_the_origin():
    x = correlated(300, 6, mean=1e6)
    expected = np.linalg.svd(x.numpy() - x.numpy().mean(0), compute_uv=False) ** 2 / 300
    np.testing.assert_allclose(pca(x, 6)[2], expected, rtol=1e-8)  # in xᵀx the last one is a 10^-12th: lost


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_come_in_the_dtype_of_the_data_and_are_computed_in_float64(dtype):
    x = correlated(500, 6).to(dtype)
    for function in (pca, ppca):
        for got, exact in zip(function(x, 2), function(x.double(), 2), strict=True):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, exact, rtol=4e-7)  # a few roundings to float32, no sum of 500
    assert ppca_log_likelihood(x, 2).dtype == torch.float64


def test_pca_of_mnist_has_the_reference_errors_and_noise(digits):
    mean, components, variances = pca(digits["train"], 50)
    total = digits["train"].double().numpy().var(0).sum()
    for k, train, test, noise_variance in [
        (2, 43.867, 43.645, 0.056096),
        (10, 26.987, 26.714, 0.034867),
        (16, 21.398, 21.058, None),
        (30, 14.207, 13.866, 0.018842),
        (50, 9.246, 9.004, None),
    ]:
        directions = components[:k]  # (k, D)
        error = squared_error(lambda x, u=directions: mean + (x - mean) @ u.T @ u, digits["test"])
        assert error.double().mean().item() == pytest.approx(test, abs=5.1e-4)
        discarded = total - variances[:k].double().sum().item()
        assert discarded == pytest.approx(train, abs=5.1e-4)
        if noise_variance:
            assert discarded / (784 - k) == pytest.approx(noise_variance, abs=5.1e-7)


# Probabilistic PCA


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("n", "d", "k"), [(200, 6, 1), (200, 6, 5), (8, 20, 3), (8, 20, 6)])
def test_likelihood_is_that_of_the_normal_distribution_written_out(n, d, k, device):
    train, test = correlated(n, d), correlated(30, d, seed=1)
    p_x = normal_by_definition(train, k)
    for given, x in [((), train), ((test.to(device),), test)]:
        got = ppca_log_likelihood(train.to(device), k, *given)
        np.testing.assert_allclose(got.cpu(), p_x.log_prob(x), rtol=1e-8)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_likelihood_is_scikit_learns(k):
    train, test = correlated(40, 6), correlated(30, 6, seed=1)
    oracle = PCA(k, svd_solver="full").fit(train.numpy())
    oracle.explained_variance_ *= 39 / 40  # scikit-learn divides by N - 1, maximum likelihood by N
    oracle.noise_variance_ *= 39 / 40
    np.testing.assert_allclose(ppca_log_likelihood(train, k, test), oracle.score_samples(test.numpy()), rtol=1e-10)
    assert ppca_log_likelihood(train, k).mean().item() == pytest.approx(oracle.score(train.numpy()), rel=1e-10)


@pytest.mark.parametrize(("n", "d", "k"), [(200, 6, 2), (8, 20, 3)])
def test_the_fit_is_the_maximum_of_the_likelihood(n, d, k):
    x = correlated(n, d)
    mean, weights, noise_variance = (parameter.requires_grad_() for parameter in ppca(x, k))
    covariance = weights @ weights.T + noise_variance * torch.eye(d)
    log_likelihood = torch.distributions.MultivariateNormal(mean, covariance).log_prob(x).mean()
    log_likelihood.backward()
    assert max(parameter.grad.abs().max() for parameter in (mean, weights, noise_variance)) < 1e-8
    # Tipping & Bishop's maximum in closed form. A stationary point with other directions than the first k lies lower.
    values = spectrum(x)[0]
    noise = values[k:].mean()
    best = -0.5 * (d * math.log(2 * math.pi) + np.log(values[:k]).sum() + (d - k) * math.log(noise) + d)
    assert log_likelihood.item() == pytest.approx(best, rel=1e-10)
    np.testing.assert_allclose((weights.T @ weights).detach(), np.diag(values[:k] - noise), atol=1e-8 * values[0])


def test_constant_pixels_are_no_trouble():
    x = correlated(100, 6)
    x[:, [1, 4]] = 0.5  # the covariance has rank 4
    np.testing.assert_allclose(ppca_log_likelihood(x, 2), normal_by_definition(x, 2).log_prob(x), rtol=1e-9)


@pytest.mark.parametrize(("k", "train", "test"), [(2, 12.428, 14.360), (10, 182.155, 186.024), (30, 385.653, 394.616)])
def test_likelihood_of_mnist_is_the_reference_value(k, train, test, digits):
    both = ppca_log_likelihood(digits["train"], k, digits["both"])
    assert both[:60_000].mean().item() == pytest.approx(train, abs=5.1e-4)
    assert both[60_000:].mean().item() == pytest.approx(test, abs=5.1e-4)


def test_likelihood_of_digits_is_scikit_learns(digits):
    train, test = digits["train"][:2000], digits["test"][:500]  # more than a hundred pixels are always 0
    oracle = PCA(10, svd_solver="full").fit(train.double().numpy())
    oracle.explained_variance_ *= 1999 / 2000
    oracle.noise_variance_ *= 1999 / 2000
    expected = oracle.score_samples(test.double().numpy())
    np.testing.assert_allclose(ppca_log_likelihood(train, 10, test), expected, rtol=1e-8)


def test_no_noise_is_refused():
    flat = correlated(50, 2) @ torch.randn(2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for x, k in [(flat, 2), (flat, 4), (correlated(4, 6), 3), (correlated(4, 6), 4)]:  # 4 points span 3 directions
        with pytest.raises(ValueError, match=rf"varies in no more than k = {k} directions.*expected a smaller k"):
            ppca(x, k)
    assert ppca_log_likelihood(flat, 1).isfinite().all()


# Bad input


@pytest.mark.parametrize("function", [pca, ppca, ppca_log_likelihood])
def test_k_out_of_range_is_refused(function):
    x = correlated(20, 5)
    most = 5 if function is pca else 4
    for k in (0, -1, most + 1, 2.0, 0.5, "mle", None):  # scikit-learn gives 0.5, "mle" and None meanings of their own
        with pytest.raises(ValueError, match=rf"whole number from 1 to {most} for x of shape \(20, 5\), got "):
            function(x, k)
    with pytest.raises(ValueError, match=r"whole number from 1 to 4 for x of shape \(4, 9\), got 5"):
        function(correlated(4, 9), 5)
    function(x, np.int64(most))  # any kind of whole number will do


@pytest.mark.parametrize("function", [pca, ppca, ppca_log_likelihood])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(4, 28, 28), r"to be a matrix of floats, got torch.float32 of shape \(4, 28, 28\)"),
        (torch.zeros(9), r"to be a matrix of floats, got torch.float32 of shape \(9,\)"),
        (torch.zeros(0, 9), r"to be a matrix of floats, got torch.float32 of shape \(0, 9\)"),
        (torch.zeros(4, 9, dtype=torch.uint8), r"to be a matrix of floats, got torch.uint8 of shape \(4, 9\)"),
        (torch.zeros(1, 9), r"at least 2 examples, got shape \(1, 9\)"),
        (
            torch.tensor([[1.0, 2.0], [math.nan, 4.0], [1.0, 1.0]]),
            "without NaN or infinity, got values from nan to nan",
        ),
        (
            torch.tensor([[1.0, 2.0], [math.inf, 4.0], [1.0, 1.0]]),
            "without NaN or infinity, got values from 1.0 to inf",
        ),
        (torch.tensor([[1.0, 2.0], [-math.inf, 4.0], [1.0, 1.0]]), "got values from -inf to 4.0"),
    ],
)
def test_bad_data_are_refused(function, x, message):
    with pytest.raises(ValueError, match=message):
        function(x, 1)


def test_bad_test_data_are_refused():
    train, test = correlated(20, 5), correlated(7, 5)
    with pytest.raises(ValueError, match=r"expected test of shape \(B, 5\), got \(7, 4\)"):
        ppca_log_likelihood(train, 2, test[:, :4])
    with pytest.raises(ValueError, match=r"expected test to be a matrix of floats, got torch.float64 of shape \(5,\)"):
        ppca_log_likelihood(train, 2, test[0])
    test[2, 3] = math.nan
    with pytest.raises(ValueError, match="expected test without NaN or infinity"):
        ppca_log_likelihood(train, 2, test)


# Angles between subspaces


def turned(angles, d=12, seed=0):
    """Bases of two subspaces of `d` dimensions with the given principal angles; neither basis is orthonormal."""
    rng = np.random.default_rng(seed)
    k = len(angles)
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    a, away = axes[:, :k], axes[:, k : 2 * k]
    b = a * np.cos(angles) + away * np.sin(angles)  # each axis turns towards one that is at right angles to all of a
    return (torch.tensor(basis @ scipy.linalg.expm(rng.normal(size=(k, k)) / 2)) for basis in (a, b))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "angles", [[0.7], [0.1, 0.3, 0.2], [1e-9, 0.0], [1e-3, 1e-5, 0.0], [math.pi / 2, 0.1], [1.5, 1.4]]
)
def test_the_gap_is_the_largest_angle_that_one_space_was_turned_by(angles, device):
    a, b = turned(np.array(angles))
    assert subspace_gap(a.to(device), b.to(device)) == pytest.approx(max(angles), abs=1e-13, rel=1e-5)
    assert subspace_gap(b.to(device), a.to(device)) == pytest.approx(max(angles), abs=1e-13, rel=1e-5)


def test_two_bases_of_one_space_have_no_gap():
    a, b = turned(np.zeros(4))
    assert subspace_gap(a, b) < 1e-13
    layer = nn.Linear(4, 12)  # weights as they come from a model: float32, with a gradient
    assert subspace_gap(layer.weight, 2 * layer.weight) < 1e-13


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[:, :3], r"a and b of one shape \(D, k\), got \(12, 4\) and \(12, 3\)"),
        (lambda a: a[:9], r"a and b of one shape \(D, k\), got \(12, 4\) and \(9, 4\)"),
        (lambda a: a.T, r"linearly independent columns, got rank 4 for shape \(4, 12\)"),
        (lambda a: a[:, [0, 1, 2, 2]], r"b of shape \(D, k\) with .*, got rank 3 for shape \(12, 4\)"),
        (lambda a: 0 * a, r"b of shape \(D, k\) with .*, got rank 0 for shape \(12, 4\)"),
        (lambda a: a.float() @ torch.tensor([[1.0, 0, 0, 1 / 3], [0, 1, 0, 1 / 7], [0, 0, 1, 0], [0, 0, 0, 0]]), "3"),
        (lambda a: a[:, :0], r"b to be a matrix of floats, got torch.float64 of shape \(12, 0\)"),
        (lambda a: a[0], r"b to be a matrix of floats, got torch.float64 of shape \(4,\)"),
        (lambda a: a.long(), r"b to be a matrix of floats, got torch.int64 of shape \(12, 4\)"),
        (lambda a: a * math.nan, "expected b without NaN or infinity, got values from nan to nan"),
    ],
)
def test_bases_that_do_not_fit_are_refused(change, message):
    a, _ = turned(np.zeros(4))
    with pytest.raises(ValueError, match=message):
        subspace_gap(a, change(a))


def test_weights_start_with_the_variance_that_keeps_relu_layers_equally_loud():
    """He et al. 2015: the mean square of a layer's inputs is kept, so the code is neither tiny nor huge."""
    torch.manual_seed(0)
    model = Autoencoder([400] + [500] * 8 + [300])
    x = torch.randn(200, 400)
    assert 0.5 < model.encode(x).square().mean() / x.square().mean() < 4
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            assert layer.weight.var().item() == pytest.approx(2 / layer.in_features, rel=0.05)
            assert not layer.bias.any()
