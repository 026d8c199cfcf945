"""The autoencoders' results: what the commands write, and what the stored file says."""

import json
import math
import os

import pytest
import torch
from stops import Stopped, stops_at
from torch import nn

from genbook import data, make_autoencoders
from genbook.autoencoders import Autoencoder, pca, squared_error

COMMANDS = {"short": [], "long": ["--long"]}


@pytest.fixture
def few_digits(tmp_path, monkeypatch):
    """The commands with few digits and steps, in a folder of their own."""
    sample = {split: data.mnist(split)[0][:256] for split in ("fit", "validation", "train", "test")}
    monkeypatch.setattr(data, "mnist", lambda split: (sample[split], None))
    few = {"codes": [2, 3], "seeds": [0, 1], "epochs": 3, "batch_size": 128}
    monkeypatch.setattr(make_autoencoders, "SHORT", make_autoencoders.SHORT | few)
    monkeypatch.setattr(make_autoencoders, "LONG", make_autoencoders.LONG | {"epochs": 4})
    monkeypatch.setattr(make_autoencoders, "RESULTS", tmp_path / "results" / "autoencoders.json")
    monkeypatch.setattr(make_autoencoders, "CHECKPOINTS", tmp_path / "checkpoints")
    return sample


def written():
    return json.loads(make_autoencoders.RESULTS.read_text(encoding="utf-8"))


def without_times(result):
    return [{key: run[key] for key in ("code", "seed", "error", "curves")} for run in result["runs"]]


def check(result, settings, command):
    """What holds for a result of any length."""
    assert result["command"] == " ".join(["python -m genbook.make_autoencoders", *command])
    network = {"sizes": make_autoencoders.SIZES, "nonlinearity": make_autoencoders.NONLINEARITY.__name__}
    assert result["settings"] == settings | network
    assert [(run["code"], run["seed"]) for run in result["runs"]] == [
        (code, seed) for code in settings["codes"] for seed in settings["seeds"]
    ]
    assert result["device"].startswith("CPU") and result["threads"] >= 1
    assert set(result["versions"]) == {"python", "torch"}
    for run in result["runs"]:
        assert {name: len(curve) for name, curve in run["curves"].items()} == dict.fromkeys(
            ("train", "test"), settings["epochs"]
        )
        assert run["curves"]["test"][-1] == run["error"]["test"]
        # The error after the last epoch lies near the mean over that epoch, and differs from it.
        assert run["curves"]["train"][-1] == pytest.approx(run["error"]["train"], rel=0.3)
        assert run["curves"]["train"][-1] != run["error"]["train"]
        assert run["curves"]["train"][-1] < run["curves"]["train"][0]
    lists = [[*run["error"].values(), *run["curves"]["train"], *run["curves"]["test"]] for run in result["runs"]]
    assert all(len(set(values)) == len(values) - 1 for values in lists)  # the test error alone stands there twice


def test_each_command_writes_what_it_did_and_leaves_the_other_result_alone(few_digits, capsys):
    make_autoencoders.main([])
    short = written()
    assert set(short) == {"short"}
    check(short["short"], make_autoencoders.SHORT, [])
    assert all(run["seconds"] >= 0 and run["CPU seconds"] >= 0 for run in short["short"]["runs"])
    assert capsys.readouterr().out.count("on 'test'") == 4
    make_autoencoders.main(["--long"])
    both = written()
    assert set(both) == {"short", "long"} and both["short"] == short["short"]
    check(both["long"], make_autoencoders.LONG, ["--long"])
    assert [file.name for file in make_autoencoders.RESULTS.parent.iterdir()] == ["autoencoders.json"]


def test_the_errors_are_those_of_the_trained_network(few_digits):
    make_autoencoders.main([])
    run = written()["short"]["runs"][2]
    model = Autoencoder([*make_autoencoders.SIZES, 3], nonlinearity=make_autoencoders.NONLINEARITY, output=nn.Sigmoid)
    saved = torch.load(make_autoencoders.CHECKPOINTS / "short-train-code3-seed0.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    for split in ("train", "test"):
        x = few_digits[split].flatten(1)
        exact = ((model(x) - x) ** 2).sum(1).mean().item()
        assert run["error"][split] == pytest.approx(exact, rel=1e-5)
        assert exact < ((x - few_digits["train"].flatten(1).mean(0)) ** 2).sum(1).mean()  # it has begun to learn


def test_validation_trains_on_fit_and_writes_no_result(few_digits, capsys):
    make_autoencoders.main(["--validate"])
    assert not make_autoencoders.RESULTS.exists()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and all("on 'fit'" in line and "on 'validation'" in line for line in lines)
    x = few_digits["validation"].flatten(1)
    model = make_autoencoders.initialized(2, x.mean(0), seed=0)
    saved = torch.load(make_autoencoders.CHECKPOINTS / "short-fit-code2-seed0.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    assert f"{squared_error(model, x).mean().item():.3f} on 'validation'" in lines[0]


def test_an_interrupted_command_goes_on_and_ends_as_an_unbroken_one(few_digits, tmp_path, monkeypatch):
    make_autoencoders.main([])
    unbroken = written()["short"]
    monkeypatch.setattr(make_autoencoders, "CHECKPOINTS", tmp_path / "others")
    make_autoencoders.RESULTS.unlink()
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        loss = stops_at(squared_error, 6 + 6 + 4)  # the third training's second epoch
        patch.setattr(make_autoencoders, "squared_error", loss)
        make_autoencoders.main([])
    assert not make_autoencoders.RESULTS.exists()
    with monkeypatch.context() as patch:
        loss = stops_at(squared_error, 2 * 2 + 6 + 1)
        patch.setattr(make_autoencoders, "squared_error", loss)  # two epochs are left of it, three of the fourth
        make_autoencoders.main([])
        with pytest.raises(Stopped):
            loss(nn.Identity().train(), torch.zeros(1, 1), generator=None)
    assert without_times(written()["short"]) == without_times(unbroken)
    assert [run["seconds"] is None for run in written()["short"]["runs"]] == [False, False, True, False]
    first = make_autoencoders.CHECKPOINTS / "short-train-code2-seed0.pt"
    first.unlink()  # its times must not outlive it
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(make_autoencoders, "squared_error", stops_at(squared_error, 3))
        make_autoencoders.main([])
    make_autoencoders.main([])
    assert written()["short"]["runs"][0]["seconds"] is None


def test_a_result_is_written_whole_or_not_at_all(few_digits, monkeypatch):
    path = make_autoencoders.RESULTS
    path.parent.mkdir()
    path.write_text('{"long": "as it was"}', encoding="utf-8")
    make_autoencoders.main([])
    before = path.read_bytes()
    assert written()["long"] == "as it was"

    def dies(*paths):
        assert json.loads(paths[0].read_text(encoding="utf-8"))["long"]["runs"]  # whole before it gets the name
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        make_autoencoders.main(["--long"])  # trained: what follows only writes
        patch.setattr(os, "replace", dies)
        path.write_bytes(before)
        make_autoencoders.main(["--long"])
    assert path.read_bytes() == before


def test_the_first_weights_are_those_of_he_and_the_first_output_is_the_mean_image():
    mean = torch.linspace(0, 1, 784)
    model = make_autoencoders.initialized(30, mean, seed=0)
    assert torch.equal(model.decoder[-2].weight, make_autoencoders.initialized(30, mean, seed=0).decoder[-2].weight)
    assert not torch.equal(model.decoder[-2].weight, make_autoencoders.initialized(30, mean, seed=1).decoder[-2].weight)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    sizes = [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    assert [tuple(layer.weight.shape) for layer in layers] == list(zip(sizes[1:], sizes[:-1], strict=True))
    for layer in layers:
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.05)
    assert not any(layer.bias.any() for layer in layers[:-1])
    nn.init.zeros_(layers[-1].weight)
    torch.testing.assert_close(model(torch.rand(1, 784))[0], mean, atol=0.0011, rtol=0)


# --- The stored file ---


@pytest.fixture(scope="module")
def digits():
    return {split: data.mnist(split)[0].flatten(1) for split in ("train", "test")}


@pytest.fixture(scope="module")
def stored():
    return json.loads(make_autoencoders.RESULTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_stored_settings_are_those_of_the_command(name, stored):
    if name == "long" and name not in stored:
        pytest.skip("OPEN: not made yet")
    settings = {"short": make_autoencoders.SHORT, "long": make_autoencoders.LONG}[name]
    check(stored[name], settings, COMMANDS[name])


def test_the_autoencoder_beats_pca_at_each_code_size_and_seed(digits, stored):
    for code in make_autoencoders.SHORT["codes"]:
        mean, components, _ = pca(digits["train"], code)
        runs = [run for run in stored["short"]["runs"] if run["code"] == code]
        assert len(runs) == 3
        for split, x in digits.items():
            clipped = (mean + (x - mean) @ components.T @ components).clamp(0, 1)  # the better of PCA's two
            of_pca = (clipped - x).square().sum(1).mean().item()
            assert all(run["error"][split] < of_pca for run in runs)


def test_at_30_the_short_result_is_below_5_and_the_long_one_below_hinton_and_salakhutdinov(stored):
    assert all(run["error"]["test"] < 5.0 for run in stored["short"]["runs"] if run["code"] == 30)
    assert all(run["error"]["test"] < 3.0 for run in stored.get("long", {"runs": []})["runs"])


def test_the_command_begins_as_the_stored_run_did(tmp_path, monkeypatch, digits, stored):
    """One epoch of it, on all digits; another processor rounds otherwise."""
    steps = math.ceil(60_000 / make_autoencoders.SHORT["batch_size"])
    monkeypatch.setattr(make_autoencoders, "squared_error", stops_at(squared_error, steps + 1))
    run = next(run for run in stored["short"]["runs"] if (run["code"], run["seed"]) == (30, 0))
    of_fit = {key: make_autoencoders.SHORT[key] for key in ("epochs", "lr", "batch_size", "decay")}
    with pytest.raises(Stopped):
        make_autoencoders.train(30, 0, digits["train"], digits["test"], tmp_path / "run.pt", **of_fit)
    history = torch.load(tmp_path / "run.pt", weights_only=True)["history"]
    for name, (value,) in history.items():
        assert value == pytest.approx(run["curves"][name][0], rel=0.02)
