"""The results that take longer than a chapter may: what the commands write, and what the stored files say."""

import json
import math
import os

import pytest
import torch
from stops import Stopped, stops_at
from torch import nn
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from genbook import data, make_autoencoders, make_vae
from genbook.autoencoders import Autoencoder, pca, squared_error
from genbook.train import seeded

MODULES = {"autoencoders": make_autoencoders, "vae": make_vae}
COMMANDS = {"short": [], "long": ["--long"]}
LOSSES = {make_autoencoders: "squared_error", make_vae: "neg_elbo_of_new_bits"}
STAGES = [{"epochs": epochs, "lr": 2e-3, "batch_size": 128, "decay": "linear"} for epochs in (2, 1)]
# Four trainings of six steps each, and one of eight.
FEW = {
    make_autoencoders: {"codes": [2, 3], "seeds": [0, 1], "epochs": 3, "batch_size": 128},
    make_vae: {"seeds": [0, 1, 2, 3], "stages": STAGES, "bounds": [[20, 1], [40, 4]]},
}
FEW_OF_LONG = {
    make_autoencoders: {"epochs": 4},
    make_vae: {"stages": [*STAGES, STAGES[1]], "bounds": [[20, 1]]},
}


@pytest.fixture(scope="module")
def sample():
    return {split: data.mnist(split)[0][:256].clone() for split in ("fit", "validation", "train", "test")}


@pytest.fixture
def few_digits(sample, tmp_path, monkeypatch):
    """The commands with few digits and steps, in a folder of their own."""
    monkeypatch.setattr(data, "mnist", lambda split: (sample[split], None))
    monkeypatch.setattr(make_autoencoders, "SIZES", [784, 100, 50, 25])  # the wide layers would take most of the time
    for name, module in MODULES.items():
        monkeypatch.setattr(module, "SHORT", module.SHORT | FEW[module])
        monkeypatch.setattr(module, "LONG", module.LONG | FEW_OF_LONG[module])
        monkeypatch.setattr(module, "RESULTS", tmp_path / name / f"{name}.json")
        monkeypatch.setattr(module, "CHECKPOINTS", tmp_path / "checkpoints" / name)
    return sample


@pytest.fixture(params=MODULES.values(), ids=MODULES.keys())
def module(request, few_digits):
    return request.param


def written(module):
    return json.loads(module.RESULTS.read_text(encoding="utf-8"))


def without_times(result):
    return [{key: value for key, value in run.items() if "seconds" not in key} for run in result["runs"]]


def check(module, result, settings, command):
    """What holds for a result of any length."""
    name = module.__name__.rpartition(".")[2]
    assert result["command"] == " ".join([f"python -m genbook.{name}", *command])
    assert result["device"] and result["threads"] >= 1
    assert set(result["versions"]) == {"python", "torch"}
    {make_autoencoders: check_autoencoders, make_vae: check_vae}[module](result, settings)


def check_autoencoders(result, settings):
    network = {"sizes": make_autoencoders.SIZES, "nonlinearity": make_autoencoders.NONLINEARITY.__name__}
    assert result["settings"] == settings | network
    assert [(run["code"], run["seed"]) for run in result["runs"]] == [
        (code, seed) for code in settings["codes"] for seed in settings["seeds"]
    ]
    for run in result["runs"]:
        check_curves(run["curves"], settings["epochs"])
        assert run["curves"]["test"][-1] == run["error"]["test"]
        # The error after the last epoch lies near the mean over that epoch, and differs from it.
        assert run["curves"]["train"][-1] == pytest.approx(run["error"]["train"], rel=0.3)
        assert run["curves"]["train"][-1] != run["error"]["train"]
    lists = [[*run["error"].values(), *run["curves"]["train"], *run["curves"]["test"]] for run in result["runs"]]
    assert all(len(set(values)) == len(values) - 1 for values in lists)  # the test error alone stands there twice


def check_vae(result, settings):
    assert result["settings"] == settings
    assert [run["seed"] for run in result["runs"]] == settings["seeds"]
    for run in result["runs"]:
        check_curves(run["curves"], sum(stage["epochs"] for stage in settings["stages"]))
        assert len(set(run["curves"]["train"])) > 1 and run["curves"]["train"] != run["curves"]["test"]
        assert -run["curves"]["test"][-1] == pytest.approx(
            run["ELBO"]["mean"], abs=2 * run["ELBO"]["standard error"]
        )  # other bits, other z
        assert run["ELBO"]["mean"] == pytest.approx(run["log p(x | z)"]["mean"] - run["KL"]["mean"], abs=1e-3)
        assert [bound["K"] for bound in run["bounds"]] == [k for k, _ in settings["bounds"]]
        for bound in run["bounds"]:
            assert bound["gain"]["mean"] > 0  # a larger K
            assert bound["gain"]["standard error"] < bound["bound"]["standard error"]
        gain = run["bounds"][0]["bound"]["mean"] - run["ELBO"]["mean"]
        assert run["bounds"][0]["gain"]["mean"] == pytest.approx(gain, abs=1e-3)
        assert 0 < run["active units"] <= settings["sizes"][-1]
        assert run["seconds of evaluation"] >= 0


def check_curves(curves, epochs):
    assert {name: len(curve) for name, curve in curves.items()} == {"train": epochs, "test": epochs}
    assert curves["train"][-1] < curves["train"][0]


def test_each_command_writes_what_it_did_and_leaves_the_other_result_alone(module, capsys):
    module.main([])
    short = written(module)
    assert set(short) == {"short"}
    check(module, short["short"], module.SHORT, [])
    assert all(run["seconds"] >= 0 and run["CPU seconds"] >= 0 for run in short["short"]["runs"])
    assert capsys.readouterr().out.count("on 'test'") == 4
    module.main(["--long"])
    both = written(module)
    assert set(both) == {"short", "long"} and both["short"] == short["short"]
    check(module, both["long"], module.LONG, ["--long"])
    assert [file.name for file in module.RESULTS.parent.iterdir()] == [module.RESULTS.name]


def test_the_errors_are_those_of_the_trained_network(few_digits):
    make_autoencoders.main([])
    run = written(make_autoencoders)["short"]["runs"][2]
    model = Autoencoder([*make_autoencoders.SIZES, 3], nonlinearity=make_autoencoders.NONLINEARITY, output=nn.Sigmoid)
    saved = torch.load(make_autoencoders.CHECKPOINTS / "short-train-code3-seed0.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    for split in ("train", "test"):
        x = few_digits[split].flatten(1)
        exact = ((model(x) - x) ** 2).sum(1).mean().item()
        assert run["error"][split] == pytest.approx(exact, rel=1e-5)
        assert exact < ((x - few_digits["train"].flatten(1).mean(0)) ** 2).sum(1).mean()  # it has begun to learn


def test_the_bounds_are_those_of_the_trained_vae(few_digits):
    """Written with torch.distributions, on the same bits and with other draws of z."""
    make_vae.main([])
    run = written(make_vae)["short"]["runs"][2]
    model = vae_of(make_vae.CHECKPOINTS / "short-train-seed2-stage1.pt", few_digits["train"])
    with seeded(0) as generator:
        bits = data.binarize(few_digits["test"].flatten(1), generator=generator)
    with seeded(5), torch.no_grad():
        mu, logvar = model.encode(bits)
        q, p = (Independent(Normal(mean, std), 1) for mean, std in ((mu, (logvar / 2).exp()), (0 * mu, 1 + 0 * mu)))
        z = q.sample([40])  # (40, 256, 40)
        log_px_given_z = (
            Bernoulli(logits=model.decoder(z.flatten(0, 1)).unflatten(0, (40, 256))).log_prob(bits).sum(2)
        )  # (40, 256)
        log_w = log_px_given_z + p.log_prob(z) - q.log_prob(z)
    kl = kl_divergence(q, p)
    exact = {"ELBO": log_px_given_z.mean(0) - kl, "log p(x | z)": log_px_given_z.mean(0), "KL": kl}
    assert exact["ELBO"].mean() > -400  # it has begun to learn: 784 log 2 = 543
    of_20 = torch.stack(log_w.chunk(2)).logsumexp(1).mean(0) - math.log(20)  # (2, 20, 256) -> (256,)
    some = slice(None, None, 4)
    first, second = run["bounds"]
    assert (first["K"], first["images"], second["K"], second["images"]) == (20, 256, 40, 64)
    for values, reported in [
        *((exact[name], run[name]) for name in exact),
        (of_20, first["bound"]),
        ((log_w.logsumexp(0) - math.log(40))[some], second["bound"]),
    ]:
        assert reported["mean"] == pytest.approx(values.mean().item(), abs=0.7)
        assert reported["standard error"] == pytest.approx((values.var() / len(values)).sqrt().item(), rel=0.1)
    assert run["KL"]["mean"] == pytest.approx(kl.mean().item(), rel=1e-4)
    assert run["active units"] == (mu.var(0) > 0.01).sum()
    assert first["gain"]["mean"] == pytest.approx((of_20 - exact["ELBO"]).mean().item(), abs=0.7)
    assert first["gain"]["mean"] > 1  # so that one taken for the other would show
    of_40_more = (log_w.logsumexp(0) - math.log(40) - of_20)[some].mean().item()
    assert second["gain"]["mean"] == pytest.approx(of_40_more, abs=0.7)
    assert second["gain"]["standard error"] < second["bound"]["standard error"] / 3  # the same images: paired


def vae_of(checkpoint, train):
    model = make_vae.initialized("wide", make_vae.SHORT["sizes"], train.flatten(1).mean(0), seed=9)
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["model"])
    return model.eval()


def test_the_vae_sees_new_bits_at_each_visit():
    """Of a decoder that ignores z, and an encoder that says N(0, I), the mean loss is the cross-entropy."""
    pixels = torch.linspace(0, 1, 784)
    model = make_vae.initialized("plain", [784, 4, 2], torch.full((784,), 0.3), seed=0)
    for layer in (model.encoder[-1], model.decoder[-1]):
        nn.init.zeros_(layer.weight)
    with seeded(0) as generator, torch.no_grad():
        losses = make_vae.neg_elbo_of_new_bits(model, pixels.expand(500, 784), generator=generator)
    assert losses.unique().numel() > 100
    exact = -(pixels * math.log(0.3) + (1 - pixels) * math.log(0.7)).sum().item()
    noise = (math.log(0.7 / 0.3) ** 2 * (pixels * (1 - pixels)).sum() / 500).sqrt().item()
    assert losses.mean().item() == pytest.approx(exact, abs=5 * noise)
    assert noise < exact / 1000


def test_validation_trains_on_fit_and_writes_no_result(module, few_digits, capsys):
    module.main(["--validate"])
    assert not module.RESULTS.exists()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all("on 'validation'" in line and "'test'" not in line for line in lines)
    x = few_digits["validation"].flatten(1)
    if module is make_autoencoders:
        model = make_autoencoders.initialized([*make_autoencoders.SIZES, 2], x.mean(0), seed=0)
        saved = torch.load(make_autoencoders.CHECKPOINTS / "short-fit-code2-seed0.pt", weights_only=True)
        model.load_state_dict(saved["model"])
        assert f"{squared_error(model, x).mean().item():.3f} on 'validation'" in lines[0]
    else:
        model = vae_of(make_vae.CHECKPOINTS / "short-fit-seed0-stage1.pt", few_digits["fit"])
        with seeded(0) as generator:
            bits = data.binarize(x, generator=generator)
        evaluated = make_vae.evaluated(model, bits, make_vae.SHORT["bounds"], seed=0)
        assert f"ELBO {evaluated['ELBO']['mean']:.2f}" in lines[0]
        assert f"{evaluated['bounds'][1]['bound']['mean']:.2f} ±" in lines[0]
        torch.testing.assert_close(model.encoder[0].mean, few_digits["fit"].flatten(1).mean(0))
    assert all("-fit-" in path.name for path in module.CHECKPOINTS.iterdir())


def test_an_interrupted_command_goes_on_and_ends_as_an_unbroken_one(module, tmp_path, monkeypatch):
    name = LOSSES[module]
    exact = getattr(module, name)
    module.main([])
    unbroken = written(module)["short"]
    monkeypatch.setattr(module, "CHECKPOINTS", tmp_path / "others")
    module.RESULTS.unlink()
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        loss = stops_at(exact, 6 + 6 + 4)  # the third training's second epoch
        patch.setattr(module, name, loss)
        module.main([])
    assert not module.RESULTS.exists()
    with monkeypatch.context() as patch:
        loss = stops_at(exact, 2 * 2 + 6 + 1)
        patch.setattr(module, name, loss)  # two epochs are left of it, three of the fourth
        module.main([])
        with pytest.raises(Stopped):
            loss(nn.Identity().train(), torch.zeros(1, 1), generator=None)
    assert without_times(written(module)["short"]) == without_times(unbroken)
    assert [run["seconds"] is None for run in written(module)["short"]["runs"]] == [False, False, True, False]
    first = next(path for path in sorted(module.CHECKPOINTS.iterdir()) if path.suffix == ".pt")
    first.unlink()  # its times must not outlive it
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(module, name, stops_at(exact, 3))
        module.main([])
    module.main([])
    assert written(module)["short"]["runs"][0]["seconds"] is None


def test_a_result_is_written_whole_or_not_at_all(module, monkeypatch):
    path = module.RESULTS
    path.parent.mkdir()
    path.write_text('{"long": "as it was"}', encoding="utf-8")
    module.main([])
    before = path.read_bytes()
    assert written(module)["long"] == "as it was"

    def dies(*paths):
        assert json.loads(paths[0].read_text(encoding="utf-8"))["long"]["runs"]  # whole before it gets the name
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        module.main(["--long"])  # trained: what follows only writes
        patch.setattr(os, "replace", dies)
        path.write_bytes(before)
        module.main(["--long"])
    assert path.read_bytes() == before


def test_the_first_weights_are_those_of_he_and_the_first_output_is_the_mean_image():
    mean = torch.linspace(0, 1, 784)
    sizes = [*make_autoencoders.SIZES, 30]
    model, again, other = (make_autoencoders.initialized(sizes, mean, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(model.decoder[-2].weight, again.decoder[-2].weight)
    assert not torch.equal(model.decoder[-2].weight, other.decoder[-2].weight)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    sizes = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    assert [tuple(layer.weight.shape) for layer in layers] == list(zip(sizes[1:], sizes[:-1], strict=True))
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.05)
    assert not any(layer.bias.any() for layer in layers[:-1])
    nn.init.zeros_(layers[-1].weight)
    torch.testing.assert_close(model(torch.rand(1, 784))[0], mean, atol=0.0011, rtol=0)


def test_the_wide_vae_begins_with_the_weights_of_he_and_the_mean_image():
    mean = torch.linspace(0, 1, 784)
    model = make_vae.initialized("wide", [784, 400, 300, 40], mean, seed=0)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    widths = [(784, 400), (400, 300), (300, 80), (40, 300), (300, 400), (440, 784)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == widths
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.05)
    assert not any(layer.bias.any() for layer in layers[:-1])
    for parameters in model.encode(mean[None]):  # the mean image is the encoder's zero
        assert not parameters.any()
    z = torch.randn(5, 40, generator=torch.Generator().manual_seed(0))
    nn.init.zeros_(layers[-1].weight[:, :400])
    torch.testing.assert_close(model.decode(z), z @ layers[-1].weight[:, 400:].T + layers[-1].bias)  # it sees z
    torch.testing.assert_close(model.decoder_mean(0 * z)[0], mean, atol=0.0011, rtol=0)


def test_the_plain_vae_is_that_of_the_paper():
    mean = torch.linspace(0, 1, 784)
    model = make_vae.initialized(make_vae.LONG["network"], make_vae.LONG["sizes"], mean, seed=0)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    widths = [(784, 200), (200, 200), (200, 100), (50, 200), (200, 200), (200, 784)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == widths
    assert sum(isinstance(layer, nn.Tanh) for layer in model.modules()) == 4
    for layer, width in zip(layers, widths, strict=True):
        assert layer.weight.abs().max().item() == pytest.approx(math.sqrt(6 / sum(width)), rel=0.01)
    torch.testing.assert_close(model.decoder_mean(torch.zeros(1, 50))[0], mean, atol=0.0011, rtol=0)
    stages = make_vae.LONG["stages"]
    assert sum(stage["epochs"] for stage in stages) == 3280
    assert stages[0]["lr"] == 1e-3 and stages[7]["lr"] == pytest.approx(1e-4)
    assert {(stage["batch_size"], stage["decay"]) for stage in stages} == {(20, None)}


# --- The stored files ---


@pytest.fixture(scope="module")
def digits():
    return {split: data.mnist(split)[0].flatten(1) for split in ("train", "test")}


@pytest.fixture(scope="module")
def stored():
    """What stands in the files; a long training that is still OPEN is not there."""
    return {module: written(module) for module in MODULES.values()}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES.keys())
def test_the_stored_settings_are_those_of_the_command(module, name, stored):
    if name == "long" and name not in stored[module]:
        pytest.skip("OPEN: not made yet")
    settings = {"short": module.SHORT, "long": module.LONG}[name]
    check(module, stored[module][name], settings, COMMANDS[name])


def test_the_autoencoder_beats_pca_at_each_code_size_and_seed(digits, stored):
    for code in make_autoencoders.SHORT["codes"]:
        mean, components, _ = pca(digits["train"], code)
        runs = [run for run in stored[make_autoencoders]["short"]["runs"] if run["code"] == code]
        assert len(runs) == 3
        for split, x in digits.items():
            clipped = (mean + (x - mean) @ components.T @ components).clamp(0, 1)  # the better of PCA's two
            of_pca = (clipped - x).square().sum(1).mean().item()
            assert all(run["error"][split] < of_pca for run in runs)


def test_at_30_the_short_result_is_below_5_and_the_long_one_below_hinton_and_salakhutdinov(stored):
    results = stored[make_autoencoders]
    assert all(run["error"]["test"] < 5.0 for run in results["short"]["runs"] if run["code"] == 30)
    assert all(run["error"]["test"] < 3.0 for run in results.get("long", {"runs": []})["runs"])


def test_the_short_vae_is_above_89_5_nats_and_the_long_one_near_the_paper(stored):
    for name, least in (("short", -89.5), ("long", -87.76)):  # the paper's -86.76, less its and our standard errors
        for run in stored[make_vae].get(name, {"runs": []})["runs"]:
            of_all = run["bounds"][0]
            assert of_all["images"] == 10_000 and of_all["bound"]["standard error"] < 0.5
            assert least <= of_all["bound"]["mean"] < -80  # no VAE of one layer comes so far


def begin_autoencoder(settings, x, test, path):
    of_fit = {key: settings[key] for key in ("epochs", "lr", "batch_size", "decay")}
    make_autoencoders.train(30, 0, x, test, path, **of_fit)


def begin_vae(settings, x, test, path):
    make_vae.train(settings, 0, x, test, path)


@pytest.mark.parametrize(
    ("module", "begin", "at", "file"),
    [
        (make_autoencoders, begin_autoencoder, {"code": 30, "seed": 0}, "run"),
        (make_vae, begin_vae, {"seed": 0}, "run-stage0.pt"),
    ],
    ids=MODULES.keys(),
)
def test_the_command_begins_as_the_stored_run_did(module, begin, at, file, tmp_path, monkeypatch, digits, stored):
    """One epoch of it, on all digits; another processor rounds otherwise."""
    loss, settings = getattr(module, LOSSES[module]), stored[module]["short"]["settings"]
    steps = math.ceil(60_000 / settings.get("stages", [settings])[0]["batch_size"])
    monkeypatch.setattr(module, LOSSES[module], stops_at(loss, steps + 1))
    run = next(run for run in stored[module]["short"]["runs"] if at.items() <= run.items())
    with pytest.raises(Stopped):
        begin(settings, digits["train"], digits["test"], tmp_path / "run")
    history = torch.load(tmp_path / file, weights_only=True)["history"]
    for name, (value,) in history.items():
        assert value == pytest.approx(run["curves"][name][0], rel=0.02)
