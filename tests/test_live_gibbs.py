"""The live figures of chapter 1: their numerics against NumPy and torch, and what readers do with them."""

import json
import re
from functools import partial

import numpy as np
import pytest
import torch
from live_pages import INK, fact, node, press, reading, seen
from playwright.sync_api import expect

from genbook import gibbs
from genbook.train import seeded


def oracle() -> dict:
    """What NumPy, torch and genbook say to the questions of tests/live/gibbs.test.js."""
    found = {"uniform": {}, "mixed": {}, "tables": [], "paths": [], "series": []}
    for seed in (0, 1, 2**32 - 1):
        generator = torch.Generator().manual_seed(seed)
        found["uniform"][seed] = [float(torch.rand((), generator=generator)) for _ in range(1500)]
        generator.manual_seed(seed)
        found["mixed"][seed] = [
            [
                float(torch.rand((), generator=generator)),
                float(torch.randn((), generator=generator, dtype=torch.float64)),
            ]
            for _ in range(700)
        ]
    bits = np.random.RandomState(12345).randint(0, 2**32, 2000, dtype=np.uint64)  # its Mersenne Twister
    found["bits"] = {"seed": 12345, "values": bits.tolist()}
    for table in ([[0.1, 0.4], [0.3, 0.2]], [[3, 1], [2, 6]], [[0, 0.4], [0.3, 0.3]]):
        x_given_y, y_given_x = gibbs.conditionals(table)
        found["tables"].append(
            {"table": table, "x_given_y": x_given_y.tolist(), "y_given_x": y_given_x.T.tolist()}
            | {"joint": (np.array(table) / np.sum(table)).tolist()}
        )
    found["walk"] = chapters_walk(20_000)
    for rho, seed in ((0.9, 0), (-0.5, 7)):
        found["paths"].append({"rho": rho, "seed": seed, "start": [-2.5, 1.0], "path": chapters_path(rho, seed)})
    rng = np.random.default_rng(0)
    for series in (rng.normal(size=3), rng.normal(size=500).cumsum(), np.sin(np.arange(1000))):
        found["series"].append({"series": series.tolist(), "lag_one": np.corrcoef(series[:-1], series[1:])[0, 1]})
    found["cost_at_99"] = (1 + 0.99**2) / (1 - 0.99**2)
    return found


def chapters_walk(sweeps: int) -> dict:
    """The first walk of chapter 1, by its own lines."""
    joint = torch.tensor([[0.1, 0.4], [0.3, 0.2]], dtype=torch.float64)
    p_x_given_y, p_y_given_x = gibbs.conditionals(joint)
    visits, x, y = np.zeros((2, 2), dtype=int), 0, 0
    with seeded(0) as generator:
        for _ in range(sweeps):
            x = int(torch.rand((), generator=generator) < p_x_given_y[y, 1])
            y = int(torch.rand((), generator=generator) < p_y_given_x[1, x])
            visits[y, x] += 1
    return {"table": joint.tolist(), "seed": 0, "visits": visits.tolist(), "last": [x, y]}


def chapters_path(rho: float, seed: int, start=(-2.5, 1.0), sweeps=50) -> list:
    """Sweeps of chapter 1's Gaussian."""
    x, y = torch.tensor(start, dtype=torch.float64)
    path = []
    with seeded(seed) as generator:
        for _ in range(sweeps):
            noise, more = (1 - rho**2) ** 0.5 * torch.randn(2, generator=generator, dtype=torch.float64)
            x = rho * y + noise
            y = rho * x + more
            path.append([float(x), float(y)])
    return path


def test_numerics_agree_with_numpy_and_torch(tmp_path):
    (tmp_path / "oracle.json").write_text(json.dumps(oracle()), encoding="utf-8")
    node("--test", "tests/live/gibbs.test.js", ORACLE=str(tmp_path / "oracle.json"))


@pytest.fixture
def chapter(live_page):
    """A function that opens the figures of chapter 1."""
    return partial(live_page, "01_gibbs")


def shares(figure) -> np.ndarray:
    """The shares of the four cells as the table shows them."""
    return np.array(re.findall(r"visited ([\d.]+)", reading(figure)), dtype=float).reshape(2, 2)


def test_table_draws_what_the_chapter_draws(chapter):
    figure = seen(chapter(), "gibbs_table")
    expect(figure.get_by_role("status")).to_have_text("The walk starts at x = 0, y = 0. Next: x, from the row Y = 0.")
    expect(figure.locator("img")).to_be_hidden()
    assert re.findall(r"next: ([\d.]+)", reading(figure)) == ["0.20", "0.80"]  # the row Y = 0
    press(figure, "One draw")
    x = 1 if "x = 1 was drawn from the row Y = 0" in reading(figure) else 0
    column = re.findall(r"next: ([\d.]+)", reading(figure))
    assert column == (["0.67", "0.33"] if x else ["0.25", "0.75"])
    press(figure, "One draw")
    last = chapters_walk(1)["last"]
    assert f"Sweep 1 ended at x = {last[0]}, y = {last[1]}." in reading(figure)
    here = figure.locator("td.live-here input").get_attribute("aria-label")
    assert here == f"weight of x = {last[0]}, y = {last[1]}"
    press(figure, "100 sweeps")
    assert np.allclose(shares(figure), np.array(chapters_walk(101)["visits"]) / 101, atol=5.1e-4)


def test_table_reaches_its_target(chapter):
    figure = seen(chapter(whole=True), "gibbs_table")
    press(figure, "10 000 sweeps")
    assert np.abs(shares(figure) - [[0.1, 0.4], [0.3, 0.2]]).max() < 0.02
    assert float(re.search(r"Distance from the table: (\d\.\d+)", reading(figure))[1]) < 0.02
    assert len(figure.locator("polyline.live-first").get_attribute("points").split()) > 100


def test_weights_can_be_typed(chapter):
    page = chapter()
    figure = seen(page, "gibbs_table")
    press(figure, "100 sweeps")
    weight = figure.get_by_label("weight of x = 0, y = 0")
    weight.fill("1.1")
    weight.press("Tab")
    assert re.findall(r"P = ([\d.]+)", reading(figure)) == ["0.550", "0.200", "0.150", "0.100"]
    assert (shares(figure) == 0).all() and "The walk starts" in reading(figure)
    expect(figure.get_by_label("Table")).to_have_value("own")
    for bad, words in {"-1": "not negative", "": "must be a number"}.items():
        weight.fill(bad)
        weight.press("Tab")
        expect(figure.get_by_role("status")).to_contain_text(words)
        expect(weight).to_have_value("1.1")
    for label in ("x = 1, y = 0", "x = 0, y = 1", "x = 1, y = 1"):
        figure.get_by_label(f"weight of {label}").fill("0")
    weight.fill("0")
    weight.press("Enter")
    expect(figure.get_by_role("status")).to_contain_text("greater than zero")
    expect(weight).to_have_value("1.1")
    weight.press("ArrowUp")
    weight.press("Tab")
    expect(weight).to_have_value("1.15")


def test_two_blocks_trap_the_walk_and_show_me_shows_it(chapter):
    page = chapter()
    figure = seen(page, "gibbs_table")
    figure.get_by_label("Table").select_option("two blocks")
    press(figure, "100 sweeps")
    assert "Distance from the table: 0.500. Never visited: x = 1, y = 1." in reading(figure)
    figure.get_by_label("Table").select_option("one empty cell")
    press(figure, "10 000 sweeps")
    assert "Never visited" not in reading(figure) and shares(figure)[0, 0] == 0
    press(figure, "Show me")
    assert "Sweep 1\u202f000" in reading(figure) and "Never visited: x = 1, y = 1." in reading(figure)
    expect(figure.get_by_label("Table")).to_have_value("blocks")


def test_gaussian_draws_what_the_chapter_draws(chapter):
    figure = seen(chapter(), "gibbs_gaussian")
    path = np.array(chapters_path(0.9, 0, start=(-2.5, -2.5), sweeps=101))
    press(figure, "One sweep")
    x, y = (f"{value:.1f}".replace("-", "−") for value in path[0])
    assert f"Sweep 1 ended at x = {x}, y = {y}." in reading(figure)
    press(figure, "100 sweeps")
    x, y = (f"{value:.1f}".replace("-", "−") for value in path[-1])
    assert f"Sweep 101 ended at x = {x}, y = {y}." in reading(figure)
    exact = np.corrcoef(path[:-1, 0], path[1:, 0])[0, 1]
    assert abs(fact(figure, "autocorrelation at lag 1") - exact) < 6e-4
    assert fact(figure, "sweeps") == 101


def test_measured_autocorrelation_comes_close_to_rho_squared(chapter):
    figure = seen(chapter(), "gibbs_gaussian")
    for _ in range(5):
        press(figure, "1000 sweeps")
    assert abs(fact(figure, "autocorrelation at lag 1") - 0.81) < 0.03
    assert fact(figure, "the same, exactly: ρ²") == 0.81
    assert fact(figure, "sweeps per independent draw, τ") == 9.5
    press(figure, "Show me")
    assert fact(figure, "the same, exactly: ρ²") == 0.98 and fact(figure, "sweeps") == 300
    expect(figure.get_by_label("correlation ρ")).to_have_value("0.99")


def test_correlation_by_keys_and_mouse(chapter):
    page = chapter()
    figure = seen(page, "gibbs_gaussian")
    press(figure, "100 sweeps")
    slider = figure.get_by_label("correlation ρ")
    slider.press("ArrowLeft")
    assert fact(figure, "the same, exactly: ρ²") == 0.792 and fact(figure, "sweeps") == 0
    expect(figure.get_by_role("status")).to_contain_text("Correlation ρ = 0.89")
    expect(slider).to_have_attribute("aria-valuetext", "0.89")
    slider.click()  # in its middle
    assert fact(figure, "the same, exactly: ρ²") < 0.01
    slider.press("Home")
    assert fact(figure, "the same, exactly: ρ²") == 0.98
    expect(slider).to_have_attribute("aria-valuetext", "−0.99")


def start_of(figure) -> list[float]:
    """Where the start is, as its label says."""
    reading(figure)
    label = figure.locator(".live-handle").get_attribute("aria-label")
    return [float(value.replace("−", "-")) for value in re.findall(r"[xy] = ([−\d.]+)", label)]


def test_start_by_mouse_and_keys(chapter):
    page = chapter()
    figure = seen(page, "gibbs_gaussian")
    handle, plane = figure.locator(".live-handle"), figure.get_by_label("The walk in the plane of x and y")
    press(figure, "100 sweeps")
    assert start_of(figure) == [-2.5, -2.5]
    box = handle.bounding_box()
    board = plane.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(board["x"] + board["width"] / 2, board["y"] + board["height"] / 2, steps=4)
    page.mouse.move(board["x"] + board["width"] * 3 / 4, board["y"] + board["height"] / 2)
    page.mouse.up()
    assert start_of(figure) == [2, 0]
    expect(figure.get_by_role("status")).to_have_text("The walk starts at x = 2.0, y = 0.0. Correlation ρ = 0.90.")
    page.mouse.move(board["x"] + 5, board["y"] + 5)  # it has been let go of
    assert start_of(figure) == [2, 0]
    handle.press("ArrowUp")
    handle.press("Shift+ArrowLeft")
    assert start_of(figure) == [1.5, 0.1]
    plane.click(position={"x": board["width"] / 4, "y": board["height"] / 4})
    assert start_of(figure) == [-2, 2]
    for _ in range(6):
        handle.press("Shift+ArrowUp")
    assert start_of(figure) == [-2, 4], "it stays in the plane"


def test_touch_on_a_phone(chapter):
    page = chapter(width=360, has_touch=True, is_mobile=True)
    figure = seen(page, "gibbs_gaussian")
    plane = figure.get_by_label("The walk in the plane of x and y")
    side = plane.bounding_box()["width"]
    plane.tap(position={"x": side / 4, "y": side / 2})
    assert start_of(figure) == [-2, 0]
    figure.get_by_role("button", name="One sweep").tap()
    assert "Sweep 1 ended" in reading(figure)
    table = seen(page, "gibbs_table")
    table.get_by_role("button", name="One draw").tap()
    table.get_by_role("button", name="100 sweeps").tap()
    assert "Sweep 100 ended" in reading(table)


def test_the_walk_is_drawn(chapter):
    figure = seen(chapter(), "gibbs_gaussian")
    canvases = figure.locator("canvas").all()
    assert len(canvases) == 2
    reading(figure)
    at_rest = [canvas.evaluate(INK)[1] for canvas in canvases]
    press(figure, "100 sweeps")
    reading(figure)
    assert all(canvas.evaluate(INK)[1] > 1.2 * ink for canvas, ink in zip(canvases, at_rest, strict=True))
