"""The result on GANs and their modes: what the command writes, and what the stored file says."""

import json

import pytest
import torch

from genbook import data, make_gan
from genbook.gan import FAILURES, REMEDIES, STANDARD, STRONGER

FEW = {"seeds": [0, 1], "steps": 6}


def test_the_commands_write_what_they_did_and_leave_the_other_results_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_gan, "RESULTS", tmp_path / "results" / "gan.json")
    monkeypatch.setattr(make_gan, "CELLS", tmp_path / "cells")
    for name in ("RING", "LONG_RING", "LONG_GRID"):
        monkeypatch.setattr(make_gan, name, getattr(make_gan, name) | FEW)
    weak = "D too weak"
    few = {"failures": {weak: FAILURES[weak]}, "remedies": {"minimax": {"loss": "minimax"}, "none": {}}}
    few |= {"stronger": {"none": {"r1": 1.0}}, "record": 6}
    monkeypatch.setattr(make_gan, "TABLE", make_gan.TABLE | FEW | few)
    monkeypatch.setattr(make_gan, "SYMPTOMS", make_gan.SYMPTOMS | FEW | {"record": 6})
    make_gan.main([])
    make_gan.main(["--long", "--only", "long grid"])
    results = json.loads(make_gan.RESULTS.read_text(encoding="utf-8"))
    assert list(results) == ["ring", "symptoms", "remedies", "long grid"]
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
    assert [(cell["failure"], cell["remedy"], cell["dose"]) for cell in cells] == [
        (None, None, 1),
        (weak, None, 1),
        (weak, "minimax", 1),
        (weak, "none", 1),
        (weak, "none", 2),
    ]
    assert cells[1]["quartiles"] == cells[3]["quartiles"]  # the same settings, trained once
    unlike = (0, 1, 2, 4)
    assert len({str(cells[i]["quartiles"]) for i in unlike}) == 4
    assert results["remedies"]["CPU seconds"] == pytest.approx(sum(cells[i]["CPU seconds"] for i in unlike))
    rows = results["symptoms"]["rows"]
    assert list(rows) == ["healthy", *FAILURES] and rows["healthy"] != rows["D too weak"]


def test_a_cell_that_was_made_is_not_made_again(tmp_path, monkeypatch):
    plan = make_gan.TABLE | FEW | {"record": 4}
    made = make_gan.kept_cell(STANDARD, plan, tmp_path)
    monkeypatch.setattr(make_gan, "cell", lambda *_: {"made": "again"})
    assert make_gan.kept_cell(STANDARD, plan, tmp_path) == made
    for other in (STANDARD | {"r1": 1.0}, plan | {"steps": 7}):  # of other settings, of another plan
        again = (STANDARD, other) if "steps" in other else (other, plan)
        assert make_gan.kept_cell(*again, tmp_path) == {"made": "again"}


def test_symptoms_are_taken_at_the_end_and_a_gan_is_well_only_with_modes_and_quality(monkeypatch):
    steps = torch.arange(9.0)[:, None].expand(9, 2)
    names = ("d_loss", "g_loss", "d_accuracy", "g_gradient")
    trained = {name: steps for name in names} | {"samples": torch.zeros(6, 2, 5, 2), "generator": None}
    trained |= {"d_real": 3 * steps, "d_fake": steps}
    counted = {"modes": [8, 8, 8], "modes_1_percent": [8, 8, 7], "quality": [0.6, 0.4, 0.6]}
    monkeypatch.setattr(make_gan, "covered", lambda generator, points: counted)
    seen = make_gan.symptoms(trained, make_gan.TABLE["points"])
    assert seen["gap"].tolist() == [14.0, 14.0] and seen["d_loss"].tolist() == [7.0, 7.0]
    assert seen["modes"].tolist() == [8.0, 8.0, 7.0] and "g_loss" not in seen
    monkeypatch.setattr(make_gan, "train_points", lambda *_, **__: trained)
    assert make_gan.cell({}, make_gan.TABLE)["well"] == 1


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
    plans = {"ring": make_gan.RING, "symptoms": make_gan.SYMPTOMS, "remedies": make_gan.TABLE}
    plans |= {"long ring": make_gan.LONG_RING, "long grid": make_gan.LONG_GRID}
    assert {"ring", "symptoms", "remedies"} <= set(stored) <= set(plans)
    for name, result in stored.items():
        assert result["plan"] == json.loads(json.dumps(plans[name]))
        if "settings" in plans[name]:
            assert result["settings"] == json.loads(json.dumps(STANDARD | plans[name]["settings"]))


def test_the_ring_of_ten_seeds_is_covered(stored):
    by_seed, means = stored["ring"]["by seed"], stored["ring"]["means"]
    assert sorted(by_seed["modes_1_percent"])[2:] == [8] * 8  # of ten
    assert means["reverse_kl"] <= 0.03 and means["quality"] >= 0.7
    for counts, quality, modes in zip(by_seed["counts"], by_seed["quality"], by_seed["modes"], strict=True):
        assert sum(counts) / 2500 == pytest.approx(quality) and sum(count > 0 for count in counts) == modes


def test_the_healthy_gan_is_well_and_each_failure_is_not(stored):
    cells = {(cell["failure"], cell["remedy"], cell["dose"]): cell for cell in stored["remedies"]["cells"]}
    doses = [(None, 1), *((r, 1) for r in REMEDIES), *((r, 2) for r in STRONGER)]
    assert set(cells) == {(None, None, 1), *((f, *dose) for f in make_gan.TABLE["failures"] for dose in doses)}
    for cell in cells.values():
        modes, quality = cell["by seed"]["modes_1_percent"], cell["by seed"]["quality"]
        well = [m == 8 and q >= make_gan.WELL for m, q in zip(modes, quality, strict=True)]
        assert len(well) == 8 and cell["well"] == sum(well)
        assert cell["quartiles"]["quality"][1] == pytest.approx(torch.tensor(quality).quantile(0.5).item(), rel=1e-3)
    assert cells[None, None, 1]["well"] >= 7
    assert not any(cells[failure, None, 1]["well"] for failure in make_gan.TABLE["failures"])


def test_a_cell_made_again_says_the_same(stored):
    """Rounding differs between processors, and GANs blow it up: the medians must agree, not the digits."""
    for cell in stored["remedies"]["cells"]:
        if (cell["failure"], cell["remedy"]) == ("mode collapse", "two time scales"):
            again = make_gan.cell(
                make_gan.settings_of("mode collapse", "two time scales", 1, make_gan.TABLE), make_gan.TABLE
            )
            for name, tolerance in {"modes_1_percent": 1, "quality": 0.1, "d_loss": 0.05, "d_accuracy": 0.05}.items():
                assert again["quartiles"][name][1] == pytest.approx(cell["quartiles"][name][1], abs=tolerance)
