"""The result on GANs and their modes: what the command writes, and what the stored file says."""

import json

import pytest
import torch

from genbook import data, make_gan
from genbook.gan import FAILURES, REMEDIES, STANDARD

FEW = {"seeds": [0, 1], "steps": 6}


def test_the_commands_write_what_they_did_and_leave_the_other_results_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_gan, "RESULTS", tmp_path / "results" / "gan.json")
    for name in ("RING", "LONG_RING", "LONG_GRID"):
        monkeypatch.setattr(make_gan, name, getattr(make_gan, name) | FEW)
    few = {"failures": {"D too weak": FAILURES["D too weak"]}, "remedies": {"minimax": {"loss": "minimax"}, "none": {}}}
    monkeypatch.setattr(make_gan, "TABLE", make_gan.TABLE | FEW | {"record": 6} | few)
    make_gan.main([])
    make_gan.main(["--long", "--only", "long grid"])
    results = json.loads(make_gan.RESULTS.read_text(encoding="utf-8"))
    assert list(results) == ["ring", "remedies", "long grid"]
    for name, result in results.items():
        assert result["command"] == "python -m genbook.make_gan" + (" --long" if "long" in name else "")
        assert (
            result["plan"]["steps"] == 6 and result["device"] and result["threads"] >= 1 and result["CPU seconds"] >= 0
        )
        assert set(result["versions"]) == {"python", "torch"}
    for name, modes in (("ring", 8), ("long grid", 25)):
        by_seed = results[name]["by seed"]
        assert [len(counts) for counts in by_seed["counts"]] == [modes, modes]
        assert results[name]["means"]["quality"] == sum(by_seed["quality"]) / 2
        assert by_seed["quality"][0] == sum(by_seed["counts"][0]) / 2500
    cells = results["remedies"]["cells"]
    weak = "D too weak"
    assert [(cell["failure"], cell["remedy"]) for cell in cells] == [
        (None, None),
        (weak, None),
        (weak, "minimax"),
        (weak, "none"),
    ]
    assert cells[1]["quartiles"] == cells[3]["quartiles"]  # the same settings, trained once
    assert cells[1]["CPU seconds"] == cells[3]["CPU seconds"] and cells[1]["quartiles"] != cells[2]["quartiles"]
    assert "D too weak, minimax: modes" in capsys.readouterr().out


@pytest.mark.parametrize("points", [make_gan.RING["points"], make_gan.LONG_GRID["points"], make_gan.TABLE["points"]])
def test_the_samples_lie_around_the_centres(points):
    sample, centres = make_gan.mixture(**points)
    drawn = sample(4000, torch.Generator().manual_seed(0))
    distance, mode = torch.cdist(drawn, centres).min(1)
    assert (mode.bincount(minlength=len(centres)) > 4000 / len(centres) / 2).all() and len(centres) in (8, 25)
    assert distance.square().mean().item() == pytest.approx(2 * points["std"] ** 2, rel=0.1)


def test_means_of_the_last_third_and_the_movement_of_the_samples():
    steps = torch.arange(9.0)[:, None] * torch.tensor([1.0, 10.0])  # (9, 2): 0 … 8, and 0 … 80
    pictures = torch.zeros(6, 2, 5, 2)
    pictures[:4] = 100.0  # before the last third
    pictures[5, 1] = torch.tensor([3.0, 4.0])
    names = ("d_loss", "g_loss", "d_accuracy", "g_gradient")
    means = make_gan.of_the_last_third({name: steps for name in names} | {"samples": pictures})
    for name in names:
        assert means[name].tolist() == [7.0, 70.0]
    assert means["swing"].tolist() == [1.0, 10.0]
    assert means["movement"].tolist() == [0.0, 5.0]


@pytest.fixture(scope="module")
def stored():
    return data.result("gan")


def test_the_stored_results_are_those_of_the_settings_in_the_code(stored):
    plans = {"ring": make_gan.RING, "remedies": make_gan.TABLE, "long ring": make_gan.LONG_RING}
    plans |= {"long grid": make_gan.LONG_GRID}
    assert {"ring", "remedies"} <= set(stored) <= set(plans)
    for name, result in stored.items():
        assert result["plan"] == json.loads(json.dumps(plans[name]))
        if name != "remedies":
            assert result["settings"] == json.loads(json.dumps(STANDARD | plans[name]["settings"]))


def test_the_ring_of_ten_seeds_is_covered(stored):
    by_seed, means = stored["ring"]["by seed"], stored["ring"]["means"]
    assert sorted(by_seed["modes_1_percent"])[2:] == [8] * 8  # of ten
    assert means["reverse_kl"] <= 0.03 and means["quality"] >= 0.7
    for counts, quality, modes in zip(by_seed["counts"], by_seed["quality"], by_seed["modes"], strict=True):
        assert sum(counts) / 2500 == pytest.approx(quality) and sum(count > 0 for count in counts) == modes


def test_each_failure_fails_and_is_cured(stored):
    cells = {(cell["failure"], cell["remedy"]): cell for cell in stored["remedies"]["cells"]}
    assert set(cells) == {(None, None), *((f, r) for f in FAILURES for r in (None, *REMEDIES))}
    assert cells[None, None]["share with all modes"] >= 0.8
    for cell in cells.values():
        modes = cell["modes by seed"]
        assert len(modes) == 16 and cell["share with all modes"] == sum(mode == 8 for mode in modes) / 16
        assert cell["quartiles"]["modes"][1] == torch.tensor(modes).double().quantile(0.5).item()
    for failure in FAILURES:
        assert cells[failure, None]["quartiles"]["modes"][1] <= 3
        assert max(cells[failure, remedy]["share with all modes"] for remedy in REMEDIES) >= 0.8


def test_a_cell_made_again_says_the_same(stored):
    """Rounding differs between processors, and GANs blow it up: the medians must agree, not the digits."""
    for failure, remedy in (("mode collapse", None), ("mode collapse", "two time scales")):
        cells = [cell for cell in stored["remedies"]["cells"] if (cell["failure"], cell["remedy"]) == (failure, remedy)]
        again = make_gan.cell(failure, remedy, make_gan.TABLE)
        for name, tolerance in {"modes": 1, "quality": 0.1, "d_loss": 0.05, "d_accuracy": 0.05}.items():
            assert again["quartiles"][name][1] == pytest.approx(cells[0]["quartiles"][name][1], abs=tolerance)
