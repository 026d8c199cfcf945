"""The models of the scoreboard: trained, shipped, loaded, drawn from and measured; and the stored result."""

import hashlib
import json
import math

import numpy as np
import pytest
import torch
from stops import Stopped
from torch.nn.functional import one_hot

from genbook import data, gan, make_scoreboard, make_vae, scoreboard
from genbook.rbm import RBM
from genbook.train import seeded
from genbook.vae import iwae_bound

VAE = {
    "network": "wide",
    "sizes": [784, 16, 16, 3],
    "fit": {"epochs": 1, "lr": 2e-3, "batch_size": 50, "decay": None},
}
GAN = {"latent": 8, "channels": 4, "train": {"steps": 4, "batch_size": 16}}
TINY = {
    "RBM": {"hidden": 6, "chains": 70, "train": {"epochs": 1, "lr": 0.05, "batch_size": 50}},
    "probabilistic PCA": {"k": 3},
    "autoencoder + mixture": {"sizes": [784, 16, 3], "parts": 2, "fit": VAE["fit"]},
    "VAE": VAE,
    "VAE + mixture": VAE | {"parts": 2},
    "conditional VAE": VAE,
    "GAN": GAN,
    "GAN with cures": GAN | {"train": GAN["train"] | {"r1": 0.1, "ema": 0.9}},
}


@pytest.fixture(scope="module")
def digits():
    return {split: data.mnist(split) for split in ("train", "test")}


@pytest.fixture
def few(digits, tmp_path, monkeypatch):
    """The command on few digits, few samples and tiny models, with all that it writes in a folder of the test."""
    monkeypatch.setattr(data, "mnist", lambda split: tuple(t[:1100] for t in digits[split.replace("fit", "train")]))
    for module in (scoreboard, make_scoreboard):
        monkeypatch.setattr(module, "MODELS", TINY)
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results" / "scoreboard.json")
    monkeypatch.setattr(scoreboard, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(make_scoreboard, "PARTS", tmp_path / "parts")
    monkeypatch.setattr(make_scoreboard, "SEEDS", [0, 1])
    monkeypatch.setattr(make_scoreboard, "SAMPLES", 1100)
    monkeypatch.setattr(make_scoreboard, "AIS", {"steps": 10, "chains": 10})
    return tmp_path


def test_the_command_makes_result_and_weights_goes_on_after_a_stop_and_what_it_made_can_be_drawn_from(
    few, monkeypatch, capsys
):
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(make_scoreboard, "measure", stops_after(make_scoreboard.measure, 5))
        make_scoreboard.main([])
    assert not (few / "results").exists() and len(list((few / "parts").glob("*.json"))) == 5
    with monkeypatch.context() as patch:
        patch.setattr(make_scoreboard, "train", stops_after(make_scoreboard.train, 11))  # 16 in all, 5 are done
        make_scoreboard.main([])
        with pytest.raises(Stopped):
            make_scoreboard.train()
    result = json.loads((few / "results" / "scoreboard.json").read_text())
    assert list(result["models"]) == list(TINY) and result["samples"] == 1100
    capsys.readouterr()
    for name, entry in result["models"].items():
        assert entry["settings"] == TINY[name] and [run["seed"] for run in entry["runs"]] == [0, 1]
        assert hashlib.sha256((few / "weights" / entry["weights"]).read_bytes()).hexdigest() == entry["sha256"]
        with seeded(0) as generator:
            images = scoreboard.sample(name, scoreboard.load(name), 1100, generator=generator)
        again = scoreboard.measure(images, data.mnist("test")[0], data.mnist("train")[0])
        assert again["frechet"] == pytest.approx(entry["runs"][0]["measures"]["frechet"], rel=1e-3)  # these weights
    for run in result["training digits"]:  # compared with the others, not with themselves
        assert 1.2 > run["measures"]["density"] > 0.7 and run["measures"]["nearest"] > 0.5
    broken = few / "weights" / result["models"]["VAE"]["weights"]
    broken.write_bytes(broken.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"damaged .*make_scoreboard"):
        scoreboard.load("VAE")
    make_scoreboard.main(["--only", "VAE"])  # all parts are there: only what they give is written anew
    scoreboard.load("VAE")


def stops_after(function, calls):
    done = 0

    def wrapped(*args, **options):
        nonlocal done
        done += 1
        if done > calls:
            raise Stopped
        return function(*args, **options)

    return wrapped


def test_validation_trains_on_fit_and_writes_nothing(few, capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(data, "mnist", lambda split, load=data.mnist: (seen.append(split), load("test"))[1])
    make_scoreboard.main(["--validate", "--only", "probabilistic PCA"])
    assert seen == ["fit", "validation"] and list(few.iterdir()) == []
    assert "frechet" in capsys.readouterr().out


@pytest.mark.parametrize("name", TINY)
def test_images_are_drawn_from_the_given_generator_only(name, few):
    model = scoreboard.untrained(name, TINY[name]).eval()
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(len(draws))  # of no importance
        draws.append(scoreboard.sample(name, model, 75, generator=torch.Generator().manual_seed(seed)))
    assert draws[0].shape == (75, 28, 28) and draws[0].min() >= 0 and draws[0].max() <= 1
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_codes_of_the_mixture_have_its_moments():
    model = scoreboard.Mixture(torch.nn.Identity(), 2, 2)
    model.shares.copy_(torch.tensor([0.3, 0.7]))
    model.means.copy_(torch.tensor([[0.0, 4.0], [3.0, 0.0]]))
    model.roots.copy_(torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[2.0, 0.0], [0.0, 0.1]]]))
    z = model.draw(200_000, generator=torch.Generator().manual_seed(0)).double()
    mean = 0.3 * model.means[0] + 0.7 * model.means[1]
    second = sum(
        share * (root @ root.T + torch.outer(m, m))
        for share, root, m in zip(model.shares, model.roots, model.means, strict=True)
    )
    torch.testing.assert_close(z.mean(0).float(), mean, atol=0.03, rtol=0)
    torch.testing.assert_close((z.T @ z / len(z)).float(), second, atol=0.15, rtol=0)


def test_the_mixtures_density_integrates_to_one_and_is_that_of_its_draws():
    model = scoreboard.Mixture(torch.nn.Identity(), 2, 1)
    model.shares.copy_(torch.tensor([0.3, 0.7]))
    model.means.copy_(torch.tensor([[-1.0], [2.0]]))
    model.roots.copy_(torch.tensor([[[0.5]], [[1.5]]]))
    grid = torch.linspace(-10, 12, 2201)[:, None]
    density = model.log_prob(grid).exp() * 0.01
    assert float(density.sum()) == pytest.approx(1, abs=1e-3)
    assert float((density * grid[:, 0]).sum()) == pytest.approx(0.3 * -1 + 0.7 * 2, abs=1e-3)


def test_with_the_prior_for_a_mixture_the_bound_is_the_usual_one(digits):
    bits = (digits["test"][0][:30].flatten(1) > 0.5).float()
    vae = make_vae.initialized("wide", [784, 8, 8, 2], bits.mean(0), seed=0).eval()
    model = scoreboard.Mixture(vae, 2, 2)  # both parts are N(0, I)
    bounds = [
        f(m, bits, 50, generator=torch.Generator().manual_seed(1))
        for f, m in ((make_scoreboard.bound_with_mixture, model), (iwae_bound, vae))
    ]
    torch.testing.assert_close(*bounds, rtol=1e-5, atol=1e-3)


def test_a_model_is_added_to_a_result_that_was_made_in_the_same_way_only(few, monkeypatch):
    chosen = {name: TINY[name] for name in ("probabilistic PCA",)}
    for module in (scoreboard, make_scoreboard):
        monkeypatch.setattr(module, "MODELS", chosen)
    make_scoreboard.main([])
    path = few / "results" / "scoreboard.json"
    before = json.loads(path.read_text())
    for part in (few / "parts").iterdir():
        part.unlink()
    chosen["GAN"] = GAN
    path.write_text(json.dumps(before | {"threads": -1}))  # made otherwise: nothing is added
    make_scoreboard.main(["--only", "GAN"])
    assert list(json.loads(path.read_text())["models"]) == ["probabilistic PCA"]
    path.write_text(json.dumps(before))
    make_scoreboard.main(["--only", "GAN"])
    after = json.loads(path.read_text())
    assert list(after["models"]) == ["probabilistic PCA", "GAN"]
    assert after["models"]["probabilistic PCA"] == before["models"]["probabilistic PCA"]
    assert after["training digits"] == before["training digits"]


def test_pca_draws_have_the_covariance_of_its_plane(few):
    x, labels = (t[:1000] for t in data.mnist("train"))
    settings = {"k": 2}
    model, losses = scoreboard.train("probabilistic PCA", settings, x.flatten(1), labels, seed=0)
    exact = np.cov(x.flatten(1).numpy().T, bias=True)
    values = np.linalg.eigvalsh(exact)[::-1]
    noise = values[2:].mean()
    found = torch.linalg.eigvalsh(model.weight @ model.weight.T).flip(0)[:2]
    np.testing.assert_allclose(found.detach().numpy(), values[:2] - noise, rtol=1e-3)
    assert losses == {}


def test_the_likelihoods_are_what_they_are_said_to_be(digits, monkeypatch):
    monkeypatch.setattr(make_scoreboard, "AIS", {"steps": 1000, "chains": 100})
    test, labels = (t[:60] for t in digits["test"])
    splits = {"x": digits["train"][0][:500], "test": test, "test labels": labels}
    with seeded(0) as generator:
        bits = data.binarize(test.flatten(1), generator=generator)
        model = RBM(784, 5, generator=generator)
        model.weights.mul_(10)
    found = make_scoreboard.log_likelihood("RBM", model, splits, seed=0)
    error = found["standard error of log Z"]
    assert error < 0.5 and abs(found["mean"] - float(model.log_likelihood(bits).mean())) < 4 * error
    vae = make_vae.initialized("wide", [784, 8, 8, 2], test.flatten(1).mean(0), seed=0, condition=10)
    found = make_scoreboard.log_likelihood("conditional VAE", vae, splits, seed=0)
    with seeded(5) as generator:  # p(x) = Σ_c p(x | c) / 10: one of ten terms cannot be more
        each = [
            iwae_bound(vae, bits, 50, one_hot(torch.full((60,), c), 10).float(), generator=generator) for c in range(10)
        ]
    whole = torch.stack(each).logsumexp(0).mean() - math.log(10)
    right = torch.stack(each).gather(0, labels[None])[0].mean() - math.log(10)
    assert found["mean"] < whole and found["mean"] == pytest.approx(float(right), abs=0.5)
    assert make_scoreboard.log_likelihood("GAN", None, splits, seed=0) is None


def test_real_digits_and_copies_get_the_measures_that_they_must(digits):
    test, train = digits["test"][0][:1200], digits["train"][0][:3000]
    same = scoreboard.measure(test, test, train)
    assert same["frechet"] < 1e-6 and same["nearest"] == 1 and same["copies"] == pytest.approx(0.01)
    assert same["precision"] == same["recall"] == same["coverage"] == 1 and same["unsure"] < 0.1
    copied = scoreboard.measure(train[:1200], test, train)
    assert copied["nearest"] < 1e-6 and copied["copies"] == 1 and copied["precision"] < 1


def test_parameters_count_all_that_training_sets(monkeypatch):
    monkeypatch.setattr(make_scoreboard, "MODELS", TINY)
    counts = {name: make_scoreboard.parameters(name, scoreboard.untrained(name, s)) for name, s in TINY.items()}
    assert counts["RBM"] == 784 * 6 + 784 + 6
    assert counts["probabilistic PCA"] == 784 * 3 + 784
    autoencoder = 784 * 16 + 16 + 16 * 3 + 3 + 3 * 16 + 16 + 16 * 784 + 784
    assert counts["autoencoder + mixture"] == autoencoder + 2 * (1 + 3 + 9)
    networks = gan.Generator(8, 4), gan.Discriminator(4)
    assert counts["VAE + mixture"] == counts["VAE"] + 2 * (1 + 3 + 9)
    assert counts["GAN"] == sum(p.numel() for network in networks for p in network.parameters())


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"one of 'RBM', .* got 'GPT'"):
        scoreboard.load("GPT")
    with pytest.raises(ValueError, match="one of 'RBM'"):
        scoreboard.train("vae", {}, torch.zeros(2, 784), torch.zeros(2), seed=0)
    model = scoreboard.untrained("VAE", VAE)
    with pytest.raises(ValueError, match="n of at least 1, got 0"):
        scoreboard.sample("VAE", model, 0, generator=torch.Generator())


@pytest.fixture(scope="module")
def stored():
    return json.loads(scoreboard.RESULTS.read_text())


def test_the_stored_result_is_that_of_the_settings_and_its_weights_are_shipped(stored):
    assert {name: entry["settings"] for name, entry in stored["models"].items()} == scoreboard.MODELS
    assert stored["samples"] == make_scoreboard.SAMPLES
    for name, entry in stored["models"].items():
        assert [run["seed"] for run in entry["runs"]] == make_scoreboard.SEEDS
        model = scoreboard.load(name)
        assert make_scoreboard.parameters(name, model) == entry["runs"][0]["parameters"]


@pytest.mark.parametrize(
    ("name", "module", "loss"),
    [
        ("autoencoder + mixture", scoreboard, "squared_error"),
        ("conditional VAE", make_vae, "neg_elbo_of_new_bits"),
    ],
)
def test_the_command_begins_as_the_stored_run_did(name, module, loss, digits, stored, monkeypatch):
    """One epoch of it, on all digits; another processor rounds otherwise."""
    settings, exact, sums = scoreboard.MODELS[name], getattr(module, loss), []

    def one_epoch(*args, **options):
        if len(sums) == math.ceil(60_000 / settings["fit"]["batch_size"]):
            raise Stopped
        values = exact(*args, **options)
        sums.append(values.detach().sum())
        return values

    monkeypatch.setattr(module, loss, one_epoch)
    images, labels = digits["train"]
    with pytest.raises(Stopped):
        scoreboard.train(name, settings, images.flatten(1), labels, seed=0)
    first = float(torch.stack(sums).double().sum()) / 60_000
    assert first == pytest.approx(stored["models"][name]["runs"][0]["losses"]["train"][0], rel=0.02)


@pytest.mark.parametrize("name", ["GAN", "GAN with cures"])
def test_the_gans_begin_as_the_stored_ones_did(name, digits, stored, monkeypatch):
    """Six steps of it; another processor rounds otherwise, and a GAN soon makes much of it."""
    exact, rows = gan._image_step, []

    def step(*args, **options):
        if len(rows) == 6:
            raise Stopped
        rows.append(exact(*args, **options))
        return rows[-1]

    monkeypatch.setattr(gan, "_image_step", step)
    with pytest.raises(Stopped):
        scoreboard.train(name, scoreboard.MODELS[name], digits["train"][0].flatten(1), digits["train"][1], seed=0)
    losses = stored["models"][name]["runs"][0]["losses"]
    for i, key in enumerate(("d_loss", "g_loss")):
        assert [float(row[i]) for row in rows] == pytest.approx(losses[key][:6], rel=0.05)
