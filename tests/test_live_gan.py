"""The live figures of chapter 6: a GAN that trains in the page, and the Dirac-GAN."""

import math
import re

import numpy as np
import pytest
from live_pages import fact, press, reading, seen
from playwright.sync_api import expect

CHAPTER = "06_gan_failures"

# --- A GAN on eight Gaussians ---------------------------------------------------------------------------------------


@pytest.fixture
def ring(live_page):
    """A function that opens the GAN's figure."""
    return lambda **options: seen(live_page(CHAPTER, **options), "gan_ring")


def modes(figure) -> float:
    return fact(figure, "modes found, of 8")


def steps(figure) -> int:
    return int(re.search(r"steps\s+([\d\u202f]+)", reading(figure))[1].replace("\u202f", ""))


def has_settings(figure, *values: str) -> None:
    """Within seconds, for they are set when the figure draws next."""
    for name, value in zip(("G’s rate", "D’s rate", "G’s loss", "R1, γ"), values, strict=True):
        expect(figure.get_by_label(name)).to_have_value(value)


# For canvas.evaluate: where the samples are drawn, in the units of the plane, (n, 2).
SAMPLES = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const {data, width, height} = copy.getImageData(0, 0, canvas.width, canvas.height);
  const found = [];
  for (let i = 0; i < data.length / 4; i++) {
    const [x, y] = [i % width / width, Math.floor(i / width) / height];
    if (data[4 * i] - data[4 * i + 2] > 120) found.push([6 * x - 3, 3 - 6 * y]);
  }
  return found;
}"""


def test_the_balanced_gan_covers_the_ring_and_shows_it(ring):
    figure = ring()
    assert steps(figure) == 0 and modes(figure) < 4
    plane = figure.get_by_label("The samples, the data, and where D takes a point for real")
    before = np.array(plane.evaluate(SAMPLES))
    figure.get_by_role("button", name="1000 steps").click()
    expect(figure.get_by_role("status")).not_to_be_empty(timeout=180_000)
    assert steps(figure) == 1000
    assert modes(figure) >= 7
    assert fact(figure, "samples of high quality") > 25
    assert 1 < fact(figure, "D’s loss, nats") < 1.5
    expect(figure.get_by_role("status")).to_contain_text(f"Step 1\u202f000: {modes(figure):.0f} of 8 modes")
    points = np.array(plane.evaluate(SAMPLES))
    distance = abs(np.hypot(*points.T) - 2)
    assert (distance < 0.4).mean() > 0.85 > (abs(np.hypot(*before.T) - 2) < 0.4).mean() + 0.3
    nearest = np.round(np.arctan2(*points.T[::-1]) / (math.pi / 4)) % 8
    assert len(set(nearest[distance < 0.3])) >= 7


def test_show_me_collapses_and_is_cured(ring):
    figure = ring()
    figure.get_by_role("button", name="Show me").click()
    expect(figure.get_by_label("Begin with")).to_have_value("mode collapse")
    has_settings(figure, "0.005", "0.0002", "non-saturating", "0.0")
    found = []
    while (now := steps(figure)) < 800:
        if now >= 300:
            found.append(modes(figure))
        figure.page.wait_for_timeout(200)
    assert len(found) > 3 and max(found) < 4, found
    expect(figure.get_by_role("status")).not_to_be_empty(timeout=180_000)
    assert steps(figure) == 2000 and modes(figure) >= 7
    has_settings(figure, "0.001", "0.001", "non-saturating", "0.0")
    expect(figure.get_by_role("status")).to_contain_text("one cure: equal rates from step 800 on")
    press(figure, "Restart")  # to what the run began with
    has_settings(figure, "0.005", "0.0002", "non-saturating", "0.0")
    press(figure, "Reset all")  # to what the page began with
    has_settings(figure, "0.001", "0.001", "non-saturating", "0.0")


def test_a_long_run_says_what_it_does_and_how_far_it_is(ring):
    """Also to those who asked for less motion, to whom no step is drawn on the way."""
    figure = ring(reduced_motion="reduce")
    bar = figure.get_by_role("progressbar")
    assert bar.count() == 0
    figure.get_by_role("button", name="Show me").click()
    for text in ("First: 800 steps with the rates of mode collapse", "Then: 1200 steps with balanced rates"):
        expect(figure.get_by_role("progressbar", name=text)).to_be_visible(timeout=120_000)
        value = bar.evaluate("bar => bar.value")
        figure.page.wait_for_function(
            "([bar, value]) => bar.value > value + 0.05", arg=[bar.element_handle(), value], timeout=120_000
        )
    press(figure, "Stop")
    assert bar.count() == 0


def test_reset_forgets_what_was_changed_on_the_way(ring):
    figure = ring()
    press(figure, "100 steps")
    first = reading(figure)
    for name, value in {"G’s rate": "0.005", "D’s rate": "0.0002", "G’s loss": "minimax", "R1, γ": "1.0"}.items():
        figure.get_by_label(name).select_option(value)
    has_settings(figure, "0.005", "0.0002", "minimax", "1.0")
    press(figure, "100 steps")
    changed = reading(figure)
    assert fact(figure, "G’s loss, nats") < 0, "the minimax loss"
    press(figure, "Restart")
    has_settings(figure, "0.001", "0.001", "non-saturating", "0.0")
    press(figure, "100 steps")
    assert reading(figure) == first
    press(figure, "100 steps")
    assert reading(figure) != changed and fact(figure, "G’s loss, nats") > 0


def losses(figure) -> tuple[float, float]:
    return fact(figure, "D’s loss, nats"), fact(figure, "G’s loss, nats")


def test_each_setting_counts_and_before_the_first_step_it_is_where_the_run_begins(ring):
    figure = ring()
    press(figure, "100 steps")
    found = {losses(figure)}
    for name, value in {"G’s rate": "0.005", "D’s rate": "0.005", "G’s loss": "minimax", "R1, γ": "3.0"}.items():
        figure.get_by_label("Begin with").select_option("balanced")
        figure.get_by_label(name).select_option(value)
        expect(figure.get_by_label("Begin with")).to_have_value("your own")
        press(figure, "100 steps")
        found.add(losses(figure))
    assert len(found) == 5, "each run is another"
    own = reading(figure)
    press(figure, "Restart")
    has_settings(figure, "0.001", "0.001", "non-saturating", "3.0")
    press(figure, "100 steps")
    assert reading(figure) == own
    figure.get_by_label("Begin with").select_option("D too strong")
    has_settings(figure, "0.0003", "0.005", "minimax", "0.0")
    assert steps(figure) == 0
    figure.get_by_label("Begin with").select_option("your own")  # there is nothing to begin with but what is set
    has_settings(figure, "0.0003", "0.005", "minimax", "0.0")


def test_settings_can_be_changed_while_it_plays(ring):
    figure = ring()
    press(figure, "Play")
    figure.page.wait_for_function("figure => +figure.querySelector('dd').textContent > 20", arg=figure.element_handle())
    figure.get_by_label("G’s rate").select_option("0.002")
    at = steps(figure)
    expect(figure.get_by_role("status")).to_be_empty()
    figure.page.wait_for_function(
        "([figure, at]) => +figure.querySelector('dd').textContent > at", arg=[figure.element_handle(), at]
    )
    press(figure, "Pause")
    expect(figure.get_by_role("status")).to_contain_text("Step")
    expect(figure.get_by_label("G’s rate")).to_have_value("0.002")


def test_a_long_run_can_be_stopped_and_leaves_the_page_alive(ring):
    figure = ring()
    figure.page.evaluate(
        "() => { window.turns = 0; const turn = () => { turns += 1; setTimeout(turn); }; turn(); }"  # of other work
    )
    figure.get_by_role("button", name="1000 steps").click()
    figure.page.wait_for_function("figure => +figure.querySelector('dd').textContent > 50", arg=figure.element_handle())
    press(figure, "Pause")
    assert 50 < steps(figure) < 1000
    assert figure.page.evaluate("turns") >= 5, "the steps are taken in portions, with room for all else between them"


def test_without_motion_a_run_is_drawn_at_its_end(ring):
    figure = ring(reduced_motion="reduce")
    figure.page.evaluate(
        """figure => { window.shown = new Set();
          const watch = () => shown.add(figure.querySelector("dd").textContent);
          new MutationObserver(watch).observe(figure.querySelector("dl"), {subtree: true, childList: true}); }""",
        figure.element_handle(),
    )
    press(figure, "500 steps")
    reading(figure)
    assert figure.page.evaluate("[...shown]") in (["500"], ["0", "500"])


# --- The Dirac-GAN --------------------------------------------------------------------------------------------------


@pytest.fixture
def dirac(live_page):
    """A function that opens the Dirac-GAN's figure."""
    return lambda **options: seen(live_page(CHAPTER, **options), "dirac_gan")


def chapters_path(n, *, start=(1.0, 0.0), h=0.2, gamma=0.0, alternating=False) -> np.ndarray:
    """The path of chapter 6, by its own formulas: (n + 1, 2)."""
    path = [start]
    for _ in range(n):
        theta, psi = path[-1]
        new_psi = psi - h * (theta / (1 + math.exp(-psi * theta)) + gamma * psi)
        seen_psi = new_psi if alternating else psi
        path.append((theta + h * seen_psi / (1 + math.exp(-seen_psi * theta)), new_psi))
    return np.array(path)


def eigenvalues(h=0.2, gamma=0.0, alternating=False) -> np.ndarray:
    q, kept = h / 2, 1 - h * gamma
    top = [1 - q * q, q * kept] if alternating else [1, q]
    return np.linalg.eigvals([top, [-q, kept]])


def state(figure) -> list[float]:
    """θ and ψ, as the status line says."""
    text = reading(figure) and figure.get_by_role("status").inner_text().replace("\u00a0", " ")
    return [float(value.replace("−", "-")) for value in re.findall(r"[θψ] = ([−\d.]+\d)", text)]


def start(figure) -> list[float]:
    """Where the path starts, as its handle says."""
    reading(figure)
    label = figure.locator(".live-handle").get_attribute("aria-label")
    return [float(value.replace("−", "-")) for value in re.findall(r"[θψ] = ([−\d.]+)", label)]


def set_gamma(figure, gamma: float):
    figure.get_by_label("R1, γ").fill(str(gamma))


@pytest.mark.parametrize("gamma", [0, 0.3])
@pytest.mark.parametrize("order", ["simultaneous", "alternating"])
def test_the_radius_grows_by_the_eigenvalue(dirac, order, gamma):
    figure = dirac()
    figure.get_by_label("Steps").select_option(order)
    set_gamma(figure, gamma)
    press(figure, "100 steps")
    options = {"gamma": gamma, "alternating": order == "alternating"}
    path = chapters_path(100, **options)
    assert state(figure) == pytest.approx(path[-1], abs=0.0051)
    assert fact(figure, "radius") == pytest.approx(np.hypot(*path[-1]), abs=0.0051)
    exact = fact(figure, "by the eigenvalue: |λ|")
    assert exact == round(abs(eigenvalues(**options)).max(), 3)
    assert fact(figure, "its growth per step, measured") == exact


def test_far_from_the_solution_the_eigenvalue_is_no_guide(dirac):
    figure = dirac()
    for _ in range(4):
        press(figure, "100 steps")
    assert fact(figure, "steps") == 400
    assert 1 < fact(figure, "its growth per step, measured") < 1.003 < fact(figure, "by the eigenvalue: |λ|")


def test_sliders_lead_the_same_steps_elsewhere(dirac):
    figure = dirac()
    press(figure, "100 steps")
    size, gamma = figure.get_by_label("step size h"), figure.get_by_label("R1, γ")
    size.press("ArrowRight")
    assert state(figure) == pytest.approx(chapters_path(100, h=0.25)[-1], abs=0.0051)
    expect(size).to_have_attribute("aria-valuetext", "0.25")
    gamma.press("End")
    assert state(figure) == pytest.approx(chapters_path(100, h=0.25, gamma=2.0)[-1], abs=0.0051)
    larger, smaller = sorted(eigenvalues(0.25, 2.0), reverse=True)
    assert f"{larger:.3f} and {smaller:.3f}" in reading(figure)
    assert fact(figure, "by the eigenvalue: |λ|") == round(larger, 3)
    size.click(position={"x": 2, "y": 20})
    assert state(figure) == pytest.approx(chapters_path(100, h=0.05, gamma=2.0)[-1], abs=0.0051)
    assert fact(figure, "steps") == 100


def test_the_start_by_mouse_and_keys(dirac):
    figure = dirac()
    page, handle, plane = figure.page, figure.locator(".live-handle"), figure.get_by_label("The path in the plane")
    press(figure, "100 steps")
    assert start(figure) == [1, 0]
    box, board = handle.bounding_box(), plane.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(board["x"] + board["width"] / 2, board["y"] + board["height"] / 4, steps=4)
    page.mouse.up()
    assert start(figure) == [0, 1.5]
    assert state(figure) == pytest.approx(chapters_path(100, start=(0, 1.5))[-1], abs=0.0051)
    page.mouse.move(board["x"] + 5, board["y"] + 5)  # it has been let go of
    handle.press("ArrowLeft")
    handle.press("Shift+ArrowDown")
    assert start(figure) == [-0.1, 1]
    plane.click(position={"x": board["width"] / 2, "y": board["height"] / 2})
    assert start(figure) == [0, 0] and state(figure) == [0, 0], "at the solution nothing moves"
    handle.press("ArrowRight")
    press(figure, "Restart")
    assert start(figure) == [1, 0] and state(figure) == [1, 0]


def test_touch(dirac):
    figure = dirac(width=360, has_touch=True, is_mobile=True)
    plane = figure.get_by_label("The path in the plane")
    side = plane.bounding_box()["width"]
    plane.tap(position={"x": side / 4, "y": side / 2})
    assert start(figure) == [-1.5, 0]
    figure.get_by_role("button", name="One step").tap()
    assert state(figure) == pytest.approx(chapters_path(1, start=(-1.5, 0))[-1], abs=0.0051)


def test_a_new_seed_is_another_start(dirac):
    figure = dirac()
    starts = [start(figure)]
    for _ in range(3):
        press(figure, "New seed")
        starts.append(start(figure))
    assert len({tuple(place) for place in starts}) == 4
    assert all(0.4 < np.hypot(*place) < 1.6 for place in starts)


def test_show_me_comes_home_without_going_round(dirac):
    figure = dirac()
    figure.get_by_label("Steps").select_option("alternating")
    press(figure, "Show me")
    expect(figure.get_by_label("Steps")).to_have_value("simultaneous")
    assert fact(figure, "by the eigenvalue: |λ|") == 0.9
    assert np.abs(state(figure)).max() < 0.01 and re.search(r"radius\s+9\.3 · 10⁻⁴", reading(figure))
    expect(figure.get_by_role("status")).to_contain_text("the path leads inwards")
