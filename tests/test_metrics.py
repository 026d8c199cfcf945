"""The digit classifier that ships with the book: its accuracy, its files, and the command that made it."""

import json
import math

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.spatial
import scipy.special
import scipy.stats
import torch
from prdc import compute_prdc
from sklearn.metrics import pairwise_distances
from torch import nn

from genbook import data, make_digit_classifier, metrics
from genbook.train import seeded

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module")
def test_digits():
    return data.mnist("test")


@pytest.fixture(scope="module")
def probabilities(test_digits):
    return metrics.classify(test_digits[0])


def test_the_classifier_is_right_on_99_percent_of_the_test_digits(test_digits, probabilities):
    _, labels = test_digits
    right = probabilities.argmax(1) == labels
    assert right.float().mean() >= 0.99
    for digit in range(10):  # and on each kind
        assert right[labels == digit].float().mean() >= 0.97
    stated = json.loads(metrics.CLASSIFIER_FILE.with_suffix(".json").read_text(encoding="utf-8"))
    assert 1 - right.float().mean().item() == pytest.approx(stated["test error"], abs=5e-4)  # another CPU rounds


def test_its_probabilities_tell_digits_from_what_is_none(test_digits, probabilities):
    """Calibrated to a few per cent: it errs about as often as it says, and is unsure where no digit is."""
    _, labels = test_digits
    torch.testing.assert_close(probabilities.sum(1), torch.ones(10_000))
    confidence = probabilities.max(1).values
    right = (probabilities.argmax(1) == labels).float()
    assert abs(confidence.mean() - right.mean()) < 0.02
    assert confidence[right == 1].mean() > 0.98 > 0.8 > confidence[right == 0].mean()
    assert (confidence < 0.9).float().mean() < 0.05
    images = test_digits[0]
    between = (images[:1000] + images[1000:2000]) / 2  # two digits on top of each other
    grey = images.mean(0) + 0.3 * torch.rand(1000, 28, 28, generator=torch.Generator().manual_seed(0))
    for none in (between, grey):
        assert (metrics.classify(none).max(1).values < 0.9).float().mean() > 0.8


def test_features_are_what_the_last_layer_sees(test_digits, probabilities):
    images = test_digits[0][:1500]  # more than one chunk
    features, layer = metrics.features(images), metrics.digit_classifier().logits
    assert features.shape == (1500, 64) and features.dtype == torch.float32 and not features.requires_grad
    logits = features.numpy() @ layer.weight.numpy().T + layer.bias.numpy()
    np.testing.assert_allclose(scipy.special.softmax(logits, 1), probabilities[:1500], atol=1e-5)
    assert (features.std(0) > 0).float().mean() > 0.8  # few features that never speak


@pytest.mark.parametrize("device", DEVICES)
def test_flat_images_any_device_and_any_company_give_the_same(device, test_digits, probabilities):
    """In eval mode an image's answer does not depend on the rest of the batch."""
    images = test_digits[0][:20].to(device)
    for given in (images, images.flatten(1), images.double()):
        found = metrics.classify(given)
        assert found.device.type == device
        np.testing.assert_allclose(found.cpu(), probabilities[:20], atol=1e-4)
    alone = torch.cat([metrics.features(image[None]) for image in images])
    np.testing.assert_allclose(alone.cpu(), metrics.features(test_digits[0])[:20], atol=1e-3)


def test_the_classifier_is_fixed_but_passes_gradients_on_to_the_image(test_digits):
    classifier = metrics.digit_classifier()
    assert not any(module.training for module in classifier.modules())
    assert not any(parameter.requires_grad for parameter in classifier.parameters())
    images = test_digits[0][:3].clone().requires_grad_()
    classifier(images).sum().backward()
    assert images.grad.abs().sum() > 0
    nn.init.zeros_(classifier.logits.weight)  # one's own copy: the next call is as it was
    assert metrics.digit_classifier().logits.weight.any()


def test_the_weights_are_small(test_digits):
    assert metrics.CLASSIFIER_FILE.stat().st_size < 500_000


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(28, 28), r"\(N, 784\), N ≥ 1, got \(28, 28\)"),
        (torch.zeros(2, 1, 28, 28), r"got \(2, 1, 28, 28\)"),
        (torch.zeros(2, 783), r"got \(2, 783\)"),
        (torch.zeros(0, 28, 28), r"got \(0, 28, 28\)"),
        (torch.full((2, 784), torch.nan), "NaN"),
        (torch.full((2, 784), torch.inf), "values from inf to inf"),
        (
            torch.full((2, 784), 255, dtype=torch.uint8),
            r"floats in \[0, 1\], got torch.uint8; of bytes take images / 255",
        ),
        (torch.zeros(2, 28, 28, dtype=torch.uint8), "got torch.uint8"),
        (torch.ones(2, 28, 28, dtype=torch.int64), "got torch.int64"),
        (torch.ones(2, 28, 28, dtype=torch.bool), "got torch.bool"),
        (torch.zeros(2, 28, 28, dtype=torch.complex64), "got torch.complex64"),
        (torch.linspace(0, 255, 1568).reshape(2, 784), r"\[0, 1\], .*values from 0 to 255; first scale them"),
        (torch.linspace(-1, 1, 1568).reshape(2, 784), "values from -1 to 1"),
        (torch.linspace(-0.42, 2.8, 1568).reshape(2, 784).half(), "values from -0.41.* to 2.8"),
        (torch.linspace(0, 1.01, 1568).reshape(2, 784), "values from 0 to 1.01; .*or clamp them"),
    ],
)
def test_bad_images_are_named(images, message):
    for function in (metrics.features, metrics.classify, metrics.class_report):
        with pytest.raises(ValueError, match=message):
            function(images)


def test_arrays_are_not_tensors(test_digits):
    array = test_digits[0][:20].numpy()
    with pytest.raises(TypeError, match="images as a tensor, got ndarray"):
        metrics.classify(array)
    for function in (metrics.nearest_distance, metrics.frechet_distance, metrics.precision_recall):
        with pytest.raises(TypeError, match="two tensors, got Tensor and ndarray"):
            function(torch.zeros(20, 784), array)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_classifier_takes_floats_of_any_size(dtype, test_digits, probabilities):
    images = test_digits[0][:500].to(dtype)
    np.testing.assert_allclose(metrics.classify(images), probabilities[:500], atol=0.1)
    assert metrics.features(images).dtype == torch.float32
    report, exact = metrics.class_report(images), metrics.class_report(test_digits[0][:500])
    assert report["shares"] == pytest.approx(exact["shares"], abs=0.01) and sum(report["shares"]) == pytest.approx(1)


def test_damaged_or_missing_weights_are_named_with_the_way_to_repair_them(tmp_path, monkeypatch):
    whole = metrics.CLASSIFIER_FILE.read_bytes()
    path = tmp_path / "digit_classifier.safetensors"
    monkeypatch.setattr(metrics, "CLASSIFIER_FILE", path)
    with pytest.raises(FileNotFoundError, match=r"missing: reinstall .*make_digit_classifier"):
        metrics.digit_classifier()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content in (b"", whole[:-1], bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"damaged \({len(content)} bytes .*git checkout"):
            metrics.digit_classifier()
    path.write_bytes(whole)
    metrics.digit_classifier()


# --- What it says about samples ---


@pytest.mark.parametrize(("k", "n", "m"), [(1, 30, 50), (3, 200, 100), (64, 300, 1000)])
def test_the_frechet_distance_is_the_formula_with_scipys_matrix_root(k, n, m):
    rng = np.random.default_rng(k)
    a, b = rng.normal(size=(n, k)) @ rng.normal(size=(k, k)) + 1, rng.normal(size=(m, k)) @ rng.normal(size=(k, k))
    cov_a, cov_b = np.cov(a.T).reshape(k, k), np.cov(b.T).reshape(k, k)
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)
    found = metrics.frechet_distance(torch.from_numpy(a), torch.from_numpy(b))
    assert isinstance(found, float) and found == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(torch.from_numpy(b), torch.from_numpy(a)) == pytest.approx(expected, rel=1e-6)


def test_the_frechet_distance_in_closed_form():
    """A shift counts squared; a stretch by s of every coordinate gives (s - 1)² times the variances; itself gives 0."""
    a = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 0.5, 0.0])
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    shift = torch.tensor([1.0, -2.0, 0.0, 3.0])
    assert metrics.frechet_distance(a, a + shift) == pytest.approx(14, rel=1e-5)
    centred = a - a.mean(0)
    assert metrics.frechet_distance(centred, 3 * centred) == pytest.approx(4 * float(a.var(0).sum()), rel=1e-5)
    order = torch.randperm(500, generator=torch.Generator().manual_seed(1))
    assert metrics.frechet_distance(a, a[order]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.zeros(9), torch.zeros(9, 2), r"\(N, k\) and \(M, k\), got \(9,\) and \(9, 2\)"),
        (torch.zeros(9, 3), torch.zeros(9, 2), r"got \(9, 3\) and \(9, 2\)"),
        (torch.zeros(3, 3), torch.zeros(9, 3), "more rows than the 3 dimensions, got 3 and 9"),
        (torch.zeros(9, 3), torch.zeros(2, 3), "more rows than the 3 dimensions, got 9 and 2"),
        (torch.zeros(9, 2), torch.full((9, 2), torch.nan), "NaN"),
        (torch.full((9, 2), torch.inf), torch.zeros(9, 2), "infinity"),
        (torch.zeros(9, 0), torch.zeros(9, 0), "all at least 1"),
        (
            torch.zeros(9, 2, dtype=torch.complex64),
            torch.zeros(9, 2),
            "real numbers, got torch.complex64 and torch.float32",
        ),
    ],
)
def test_features_that_cannot_be_compared_are_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(a, b)
    if "more rows" not in message:
        with pytest.raises(ValueError, match=message):
            metrics.precision_recall(a, b, 1)


@pytest.mark.parametrize(("n", "m", "k"), [(300, 200, 5), (1200, 40, 1), (60, 2100, 3)])
def test_precision_recall_density_and_coverage_are_those_of_prdc(n, m, k, capsys):
    with seeded(n) as generator:
        real = torch.randn(n, 4, generator=generator, dtype=torch.float64)
        fake = 1 + 1.5 * torch.randn(m, 4, generator=generator, dtype=torch.float64)
    found = metrics.precision_recall(real, fake, k)
    assert found == pytest.approx(compute_prdc(real.numpy(), fake.numpy(), nearest_k=k), abs=1e-12)
    assert 0.05 < found["precision"] < 1 and 0.05 < found["recall"] < 1
    capsys.readouterr()  # prdc prints


def test_precision_sees_poor_samples_and_recall_missing_ones():
    with seeded(0) as generator:
        real, same = torch.randn(2, 500, 2, generator=generator)
    far = torch.cat([same[:250], same[:250] + 100])  # half of the samples are rubbish
    half = same.clone()
    half[:, 0] = half[:, 0].abs()  # half of the data are never drawn
    both, of_far, of_half = (metrics.precision_recall(real, fake) for fake in (same, far, half))
    assert min(both["precision"], both["recall"], both["coverage"]) > 0.9 and abs(both["density"] - 1) < 0.1
    assert of_far["precision"] < 0.55 and of_far["recall"] > 0.85 and of_far["density"] < 0.6
    assert of_half["precision"] > 0.9 and of_half["recall"] < 0.65 and of_half["coverage"] < 0.65


@pytest.mark.parametrize("k", [0, -1, 20, 30, 2.0, 2.5])
def test_precision_and_recall_need_enough_neighbours(k):
    with pytest.raises(ValueError, match=rf"1 <= k < 20 rows, got k = {k}"):
        metrics.precision_recall(torch.zeros(30, 2), torch.zeros(20, 2), k)


def test_the_frechet_distance_of_digits_sees_fewer_digits_poor_ones_and_little_else(test_digits):
    images, labels = test_digits
    features = metrics.features(images)
    same = metrics.frechet_distance(features[:5000:2], features[1:5000:2])
    few = metrics.frechet_distance(features[labels < 7], features)  # three digits missing
    noisy = metrics.frechet_distance(metrics.features((images + 0.3 * torch.rand(images.shape)).clamp(max=1)), features)
    assert same < 3 and few > 5 * same and noisy > 5 * same


def test_a_class_report_on_known_digits(test_digits):
    images, labels = test_digits
    report = metrics.class_report(images)
    shares = torch.bincount(labels, minlength=10) / 10_000
    np.testing.assert_allclose(report["shares"], shares, atol=0.005)
    assert sum(report["shares"]) == pytest.approx(1)
    assert report["imbalance"] == pytest.approx(float((shares - 0.1).abs().sum() / 2), abs=0.01)
    assert report["unsure"] < 0.05
    seven = metrics.class_report(images[labels == 7])
    assert seven["shares"][7] > 0.97 and seven["imbalance"] == pytest.approx(0.9, abs=0.03)
    between = (images[:1000] + images[1000:2000]) / 2
    assert metrics.class_report(between)["unsure"] > 0.8


@pytest.mark.parametrize("k", [2, 32])
def test_the_nearest_distance_is_scipys(k):
    generator = torch.Generator().manual_seed(k)
    points, others = torch.randn(50, k, generator=generator), 1 + torch.randn(700, k, generator=generator)
    expected = scipy.spatial.distance.cdist(points, others).min(1)
    found = metrics.nearest_distance(points, others)
    assert found.dtype == torch.float32 and found.shape == (50,)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert metrics.nearest_distance(others[:5], others).abs().max() == 0


@pytest.mark.parametrize(
    ("points", "others", "message"),
    [
        (torch.zeros(3), torch.zeros(3, 1), r"\(N, k\) and \(M, k\), got \(3,\)"),
        (torch.zeros(3, 2), torch.zeros(3, 1), r"got \(3, 2\) and \(3, 1\)"),
        (torch.full((3, 2), torch.nan), torch.zeros(3, 2), "NaN"),
        (torch.zeros(3, 2), torch.zeros(0, 2), r"got \(3, 2\) and \(0, 2\); all at least 1"),
        (torch.zeros(3, 2, dtype=torch.complex64), torch.zeros(3, 2), "real numbers"),
    ],
)
def test_points_that_cannot_be_compared_are_named(points, others, message):
    with pytest.raises(ValueError, match=message):
        metrics.nearest_distance(points, others)


def test_a_report_on_the_digits_themselves_and_on_what_is_none(test_digits):
    """Codes that are the pixels: what each number must be is then known."""
    images, labels = test_digits
    pixels = images.flatten(1)
    codes = pixels[5000:]
    tenths = torch.cat([pixels[labels == digit][:40] for digit in range(10)])  # 40 of each
    same = metrics.sampling_report(lambda z: z, tenths, codes, usual=1.0)
    assert same["imbalance"] < 0.01 and same["unsure"] < 0.1
    assert same["distance"] == pytest.approx(float(metrics.nearest_distance(tenths, codes).median()))
    one_kind = metrics.sampling_report(lambda z: z, pixels[labels == 1][:200], codes, usual=2 * same["distance"])
    assert one_kind["imbalance"] > 0.88
    assert one_kind["distance"] < 0.5  # ones are close to one another, and the unit is twice as large
    halves = (pixels[:200] + pixels[200:400]) / 2
    assert metrics.sampling_report(lambda z: z, halves, codes, usual=1.0)["unsure"] > 0.8


@pytest.mark.parametrize("usual", [0.0, -1.0, math.nan, math.inf])
def test_a_unit_that_is_none_is_refused(usual):
    with pytest.raises(ValueError, match=f"usual, a finite distance > 0, got {usual}"):
        metrics.sampling_report(lambda z: z, torch.zeros(3, 784), torch.zeros(3, 784), usual=usual)


# --- Far from the origin, close together, in any dtype ---

MOVES = {  # (factor, shift)
    "where it is": (1.0, 0.0),
    "far": (1.0, 1e3),
    "farther": (1.0, 1e4),
    "far and small": (0.01, 100.0),
    "tiny": (1e-6, 0.0),
    "huge": (1e6, -1e9),
}


def two_sets(dtype=torch.float32, n=500, d=16):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, d, generator=generator).to(dtype), (torch.randn(n, d, generator=generator) + 0.2).to(dtype)


def by_differences(a, b):
    """All distances: no product of large numbers is subtracted from another."""
    return np.linalg.norm(a.double().numpy()[:, None] - b.double().numpy()[None], axis=2)


@pytest.mark.parametrize(("factor", "shift"), MOVES.values(), ids=MOVES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_measures_see_points_wherever_they_lie(factor, shift, dtype, capsys):
    """A stretch and a shift, as far as the dtype can hold them: what is stored is measured as prdc, scikit-learn, scipy
    and the formula measure it in float64.
    """
    real, fake = (factor * points + shift for points in two_sets(dtype))
    exact = compute_prdc(real.double().numpy() - shift, fake.double().numpy() - shift, nearest_k=5)
    capsys.readouterr()  # prdc prints
    assert metrics.precision_recall(real, fake) == pytest.approx(exact, abs=1e-12)
    assert 0.5 < exact["precision"] < 1
    found = metrics.nearest_distance(fake, real)
    np.testing.assert_allclose(found, by_differences(fake, real).min(1), rtol=2e-7)
    a, b = (points.double().numpy() - shift for points in (real, fake))
    np.testing.assert_allclose(found, pairwise_distances(b, a).min(1), rtol=1e-6)
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum()
    expected += np.trace(cov_a + cov_b - 2 * scipy.linalg.sqrtm(cov_a @ cov_b / factor**4).real * factor**2)
    assert metrics.frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)


def test_copies_of_the_data_lie_in_the_balls_that_they_define():
    """Two clusters, each far smaller than the way between them; the fake points are the real ones in another order: on
    average k of them, and never k + 1, lie nearer than the k-th neighbour, and each ball holds its own centre.
    """
    real = torch.cat([1e-4 * part + shift for part, shift in zip(two_sets(torch.float64, 200), (0, 1e3), strict=True)])
    fake = real[torch.randperm(400, generator=torch.Generator().manual_seed(1))]
    assert metrics.precision_recall(real, fake) == {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}
    assert metrics.nearest_distance(fake, real).max() == 0
    same = torch.ones(30, 4)
    assert set(metrics.precision_recall(same, same).values()) == {0.0}  # as the docstring says


@pytest.mark.parametrize("other", [torch.float64, torch.float32, torch.int64, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int64, torch.float16, torch.bfloat16, torch.float32])
def test_measures_are_those_of_the_numbers_whatever_their_dtype(dtype, other):
    a, b = ((20 * points + 60).clamp(0, 127).to(kind) for points, kind in zip(two_sets(), (dtype, other), strict=True))
    for measure in (metrics.frechet_distance, metrics.precision_recall):
        assert measure(a, b) == measure(a.double(), b.double())
    found = metrics.nearest_distance(a, b)
    assert found.dtype == (torch.float64 if other == torch.float64 else torch.float32)
    np.testing.assert_allclose(found, metrics.nearest_distance(a.double(), b.double()), rtol=1e-6)
    assert metrics.nearest_distance(300 + a[:2].long() % 1, a[:2] * 0).tolist() == [1200.0, 1200.0]  # sqrt(16) · 300


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_modes_are_counted_in_any_dtype(dtype):
    generator = torch.Generator().manual_seed(0)
    centres = 4 * torch.tensor([[0, 0], [1, 0], [0, 1]])
    points = (
        centres[torch.randint(3, (20_000,), generator=generator)] + torch.randn(20_000, 2, generator=generator)
    ).to(dtype)
    found = metrics.mode_coverage(points, centres.to(dtype), radius=1.5)
    away = by_differences(points, centres)
    near = away.min(1) < 1.5
    assert found["counts"].tolist() == np.bincount(away.argmin(1)[near], minlength=3).tolist()
    assert found["quality"] == pytest.approx(near.mean(), abs=1e-12)
    assert found["quality"].dtype == found["reverse_kl"].dtype == torch.float64


# --- The command that made it ---


def test_images_are_shifted_as_scipy_shifts_them_each_way_equally_often():
    image = torch.rand(28, 28, generator=torch.Generator().manual_seed(0)) + 0.1
    moved = make_digit_classifier.shifted(image.expand(5000, 28, 28), generator=torch.Generator().manual_seed(1))
    ways = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    expected = torch.stack([torch.from_numpy(scipy.ndimage.shift(image.numpy(), way, order=0)) for way in ways])
    same = (moved[:, None] == expected[None]).flatten(2).all(2)  # (5000, 28, 28), (25, 28, 28) -> (5000, 25)
    assert (same.sum(1) == 1).all()
    assert scipy.stats.chisquare(same.sum(0).numpy()).pvalue > 1e-6


def test_half_of_the_images_are_blurred_as_scipy_blurs():
    images = torch.rand(6, 28, 28, generator=torch.Generator().manual_seed(0))
    sigmas = []
    for seed in range(200):
        blurred = make_digit_classifier.blurred(images, generator=torch.Generator().manual_seed(seed))
        assert (blurred[3:] == images[3:]).all()
        sigma = 0.1 + 1.4 * torch.rand((), generator=torch.Generator().manual_seed(seed)).item()
        expected = scipy.ndimage.gaussian_filter(images[:3].numpy(), (0, sigma, sigma), mode="mirror", radius=3)
        np.testing.assert_allclose(blurred[:3], expected, atol=1e-5)
        sigmas.append(sigma)
    assert min(sigmas) < 0.15 and max(sigmas) > 1.45


def test_in_training_half_of_the_images_are_mixed_and_their_labels_in_the_same_shares():
    """The centre of each image is its digit / 10, which neither shift nor blur changes: it tells the shares."""
    labels = torch.arange(1000) % 10
    images = (labels / 10)[:, None, None].expand(1000, 28, 28)

    class Centre(nn.Module):
        def forward(self, seen):
            self.centre = seen[:, 14, 14]
            return torch.arange(10.0).expand(len(seen), 10)

    model = Centre()
    loss = make_digit_classifier.loss(model, images, labels, generator=torch.Generator().manual_seed(0))
    cost = -torch.arange(10.0).log_softmax(0)  # of each digit
    other = labels.flip(0)
    share = (10 * model.centre - other) / (labels - other)  # never the same digit: 0 meets 9, 1 meets 8
    torch.testing.assert_close(loss, share * cost[labels] + (1 - share) * cost[other], atol=1e-3, rtol=0)
    pure = share > 1 - 1e-4
    assert 0.4 < pure.float().mean() < 0.6
    assert scipy.stats.kstest(share[~pure], "uniform").pvalue > 1e-4
    torch.testing.assert_close(make_digit_classifier.loss(model.eval(), images, labels, generator=None), cost[labels])


def test_the_command_learns_and_gives_the_same_bytes_each_time(tmp_path, monkeypatch, capsys):
    """A few steps of it on a few digits."""
    sample = {split: tuple(t[:640] for t in data.mnist(split)) for split in ("fit", "validation", "train", "test")}
    monkeypatch.setattr(data, "mnist", sample.__getitem__)
    monkeypatch.setattr(torch, "set_num_threads", lambda threads: None)
    monkeypatch.setattr(make_digit_classifier, "SETTINGS", make_digit_classifier.SETTINGS | {"epochs": 6})
    contents = []
    for folder in ("first", "second"):
        path = tmp_path / folder / "digit_classifier.safetensors"
        monkeypatch.setattr(metrics, "CLASSIFIER_FILE", path)
        monkeypatch.setattr(metrics, "CLASSIFIER_SHA256", "")
        make_digit_classifier.main([])
        contents.append(path.read_bytes())
        stated = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        assert stated["sha256"] == metrics.CLASSIFIER_SHA256 and stated["sha256"] in capsys.readouterr().out
        assert stated["test error"] < 0.5  # guessing: 0.9
        assert stated["loss per epoch"][-1] < 0.8 * stated["loss per epoch"][0]
    assert contents[0] == contents[1]
    make_digit_classifier.main(["--validate"])
    assert "validation error" in capsys.readouterr().out
    assert path.read_bytes() == contents[1]


def test_the_stated_settings_are_those_of_the_command():
    stated = json.loads(metrics.CLASSIFIER_FILE.with_suffix(".json").read_text(encoding="utf-8"))
    assert stated["sha256"] == metrics.CLASSIFIER_SHA256
    made = make_digit_classifier
    assert stated["settings"] == made.SETTINGS | {"shift": made.SHIFT, "blur": made.BLUR, "split": "train"}


def eight(radius):
    angle = 2 * np.pi * torch.arange(8) / 8
    return radius * torch.stack([angle.cos(), angle.sin()], dim=1)


def test_mode_coverage_counts_as_a_plain_loop_does():
    generator = torch.Generator().manual_seed(0)
    points, centres = torch.randn(3, 200, 2, generator=generator), torch.randn(5, 2, generator=generator)
    points[2] = centres[1] + 0.01 * points[2]  # one mode only
    covered = metrics.mode_coverage(points, centres, radius=0.4)
    for s in range(3):
        counts = [0] * 5
        for point in points[s].numpy():
            distances = [np.hypot(*(point - centre)) for centre in centres.numpy()]
            counts[int(np.argmin(distances))] += min(distances) < 0.4
        assert covered["counts"][s].tolist() == counts
        assert covered["quality"][s].item() == pytest.approx(sum(counts) / 200)
        assert covered["modes"][s] == sum(count >= 1 for count in counts)
        assert covered["modes_1_percent"][s] == sum(count >= 2 for count in counts)
        shares = np.array(counts) / sum(counts)
        assert covered["reverse_kl"][s].item() == pytest.approx(scipy.stats.entropy(shares, np.full(5, 0.2)))
        alone = metrics.mode_coverage(points[s], centres, radius=0.4)
        assert all(torch.equal(alone[name], values[s]) for name, values in covered.items())
    assert covered["modes"][2] == 1 and covered["reverse_kl"][2].item() == pytest.approx(np.log(5))
    one_percent = metrics.mode_coverage(eight(1.0)[[0] * 198 + [1] * 2], eight(1.0), radius=0.1)
    assert one_percent["modes_1_percent"] == 2


def test_true_samples_have_the_known_floors_and_ceiling():
    """98.89 % within three standard deviations; reverse KL of 2500 true samples about (m - 1) / (2 · 2500)."""
    generator = torch.Generator().manual_seed(0)
    ring = torch.stack([data.ring(2500, radius=1.0, std=0.01, generator=generator)[0] for _ in range(100)])
    grid = torch.stack([data.grid(2500, generator=generator)[0] for _ in range(100)])
    line = torch.arange(-4.0, 5.0, 2.0)
    for points, centres, radius, floor in [
        (ring, eight(1.0), 0.03, 0.0014),
        (grid, torch.cartesian_prod(line, line), 0.15, 0.0048),
    ]:
        covered = metrics.mode_coverage(points, centres, radius=radius)
        assert covered["quality"].mean().item() == pytest.approx(1 - np.exp(-4.5), abs=0.001)
        assert covered["reverse_kl"].mean().item() == pytest.approx(floor, rel=0.2)
        assert (covered["modes_1_percent"] == len(centres)).all()


def test_mode_coverage_of_nothing_good_and_of_bad_input():
    far = metrics.mode_coverage(torch.full((10, 2), 9.0), eight(1.0), radius=0.1)
    assert far["modes"] == 0 and far["quality"] == 0 and far["reverse_kl"] == float("inf")
    for points, centres, radius in [
        (torch.zeros(10), eight(1.0), 0.1),
        (torch.zeros(10, 3), eight(1.0), 0.1),
        (torch.zeros(0, 2), eight(1.0), 0.1),
        (torch.full((10, 2), float("nan")), eight(1.0), 0.1),
        (torch.zeros(10, 2), eight(1.0), 0.0),
        (torch.zeros(10, 2), eight(1.0), float("nan")),
    ]:
        with pytest.raises(ValueError, match=r"expected .*points"):
            metrics.mode_coverage(points, centres, radius=radius)
