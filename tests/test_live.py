"""Live figures: what a cell gives, the numerics against NumPy and torch, and the figures in a real browser."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # before pyplot: no window

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from playwright.sync_api import expect, sync_playwright

from genbook import gibbs, live
from genbook.train import seeded

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
CHAPTER = "notebooks/01_gibbs.html"
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "book"), str(ROOT / "tests")]
import chromium  # noqa: E402
import katex_math  # noqa: E402
import live_figures  # noqa: E402
import pdf  # noqa: E402

# --- What the cell gives ------------------------------------------------------------------------------------------


def picture(width=4.0, height=2.0):
    figure, ax = plt.subplots(figsize=(width, height), dpi=100)
    ax.plot([0, 1])
    return figure


@pytest.fixture
def quiet(monkeypatch):
    monkeypatch.setenv("GENBOOK_QUIET", "1")


def make(name="gibbs_table", caption="Do it.", alt="A line that rises", **state):
    return live.figure(name, caption, static=picture(), alt=alt, **state)


def test_html_has_picture_caption_and_state(quiet):
    with matplotlib.rc_context({"savefig.dpi": 100}):
        html = BeautifulSoup(make(caption="Is a <b> & c?", joint=np.eye(2), rho=0.1)._repr_html_(), "html.parser")
    figure = html.find("figure", class_="live")
    assert figure["data-live"] == "gibbs_table"
    assert figure.figcaption.text == "Is a <b> & c?"
    assert figure.img["alt"] == "A line that rises"
    assert (figure.img["width"], figure.img["height"]) == ("400", "200")
    assert figure.img["src"].startswith("data:image/png;base64,iVBOR")
    assert json.loads(figure.script.text) == {"joint": [[1, 0], [0, 1]], "rho": 0.1}
    assert not plt.get_fignums(), "an open figure would show a second time"


def test_a_text_in_the_state_cannot_end_its_script(quiet):
    text = "</script><b>&amp;"
    figure = make(text=text)
    assert "</script><b>" not in figure.html
    assert json.loads(BeautifulSoup(figure.html, "html.parser").script.text) == {"text": text}


def test_the_same_call_gives_the_same_bytes(quiet):
    assert make(a=1, b=[2.5]).html == make(b=[2.5], a=1).html
    assert repr(make()) == "live figure gibbs_table"


def test_state_is_plain_and_rounded(quiet):
    state = make(
        a=torch.tensor([[0.1, 0.4]]), b=np.float32(0.3), c=(1, True, None), d={"e": np.arange(2)}, f=1 / 3, g=2.0e-9 / 3
    ).state
    assert state == {
        "a": [[0.1, 0.4]], "b": 0.3, "c": [1, True, None], "d": {"e": [0, 1]}, "f": 0.333333, "g": 6.66667e-10
    }  # fmt: skip


@pytest.mark.parametrize("bad", [float("nan"), [1, float("inf")], {1: 2}, {1, 2}, object(), 1j, [np.nan]])
def test_state_that_is_not_json_is_refused_by_its_name(bad):
    with pytest.raises(ValueError, match="the state of a live figure must be JSON, here holds"):
        make(here=bad)


def test_what_else_is_refused():
    with pytest.raises(ValueError, match="no live figure 'gibs', there are gibbs_gaussian, gibbs_table"):
        make("gibs")
    with pytest.raises(ValueError, match="needs a text as its caption, got ''"):
        make(caption="")
    with pytest.raises(ValueError, match="needs a text as its alt, got None"):
        make(alt=None)
    with pytest.raises(TypeError, match="static must be a matplotlib figure, got str"):
        live.figure("gibbs_table", "Do it.", static="picture.png", alt="A picture")


def test_the_package_holds_the_bundle_of_these_sources():
    """`make book` writes it. Readers of an installed package have no esbuild."""
    for name, content in live_figures.bundle().items():
        assert (ROOT / "genbook" / name).read_bytes() == content, f"genbook/{name} is old: run `make book`"


def test_the_names_are_those_of_the_bundle():
    code = (ROOT / "genbook" / "live.js").read_text(encoding="utf-8")
    run = node("-e", f"{code};console.log(JSON.stringify(Object.keys(genbookLive.figures)))", page=True)
    assert tuple(sorted(json.loads(run))) == live.NAMES


def test_in_a_live_notebook_it_is_a_widget(monkeypatch):
    monkeypatch.delenv("GENBOOK_QUIET", raising=False)
    figure = make(seed=3)
    data, _ = figure._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == "live figure gibbs_table" and 'data-live="gibbs_table"' in data["text/html"]
    assert figure.state == {"seed": 3} and figure.caption == "Do it."
    assert figure._esm.endswith("\nexport default genbookLive.figures.gibbs_table;\n")
    figure.set_state({"state": {"seed": 4}})  # as the browser does
    assert figure.state == {"seed": 4}


def test_without_anywidget_it_is_the_picture(monkeypatch):
    monkeypatch.delenv("GENBOOK_QUIET", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    live._widget.cache_clear()
    try:
        figure = make(seed=3)
    finally:
        live._widget.cache_clear()
    assert isinstance(figure, live.Static) and figure.state == {"seed": 3}


# --- Numerics -----------------------------------------------------------------------------------------------------


def node(*arguments, page=False, **environment) -> str:
    """What Node prints. page: with what a bundle needs of a page in order to be loaded."""
    if page:
        arguments = (arguments[0], f"globalThis.document={{}};{arguments[1]}")
    run = subprocess.run(
        [katex_math.node_binary(), *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


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
    tests = sorted(path.relative_to(ROOT) for path in (ROOT / "tests" / "live").glob("*.test.*js"))
    assert tests
    node("--test", *tests, ORACLE=str(tmp_path / "oracle.json"))


# --- In the browser -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_options())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def figures_only():
    """Chapter 1 with nothing but its live figures, each a screen below the last: it opens in a tenth of the time."""
    page = BeautifulSoup((SITE / CHAPTER).read_text(encoding="utf-8"), "html.parser")
    text = page.select_one("article > section")
    cells = [figure.find_parent("div", class_="cell").extract() for figure in text.select("figure.live")]
    title = text.h1.extract()
    text.clear()
    text.append(title)
    for cell in cells:
        text.extend([page.new_tag("div", style="height: 1500px"), cell])
    return str(page)


@pytest.fixture
def chapter(browser, figures_only):
    """A function that opens the figures of chapter 1; at the end nothing may have gone wrong, or left the site."""
    contexts, problems = [], []

    def open_chapter(width=1280, whole=False, without="", **options):
        """The chapter's figures; or the whole chapter; or without a file, such as live.js."""
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        if not whole:
            answer = {"body": figures_only, "content_type": "text/html; charset=utf-8"}
            page.route("**/01_gibbs.html", lambda route: route.fulfill(**answer))
        if without:
            page.route(f"**/{without}*", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.on("console", lambda m: m.type in ("error", "warning") and problems.append(m.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: r.url.startswith((SITE.as_uri(), "data:")) or problems.append(r.url))
        page.goto((SITE / CHAPTER).as_uri())
        return page

    yield open_chapter
    for context in contexts:
        context.close()
    assert not problems


def seen(page, name):
    """The figure, on the screen."""
    figure = page.locator(f'figure.live[data-live="{name}"]')
    figure.scroll_into_view_if_needed()
    return figure


def press(figure, text):
    figure.get_by_role("button", name=text, exact=True).click()


def reading(figure) -> str:
    """All that a reader can read in the figure, once it has been drawn."""
    figure.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return figure.inner_text() + figure.get_by_role("status").inner_text()


def shares(figure) -> np.ndarray:
    """The shares of the four cells as the table shows them."""
    return np.array(re.findall(r"visited ([\d.]+)", reading(figure)), dtype=float).reshape(2, 2)


def fact(figure, name: str) -> float:
    """A number in the list beside the plane."""
    value = re.search(rf"{re.escape(name)}\s+([−\d.]+)", reading(figure))[1]
    return float(value.replace("−", "-"))


def test_scripts_come_only_to_pages_with_a_live_figure():
    for path in SITE.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        live_here = 'class="live"' in html
        for asset in ("genbook/live.js", "genbook/live.css"):
            assert (asset in html) == live_here, path
        if live_here:
            assert re.search(r'<script defer="defer" src="[^"]*genbook/live\.js', html)
    assert 'class="live"' in (SITE / CHAPTER).read_text(encoding="utf-8")


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


@pytest.mark.parametrize("name", live.NAMES)
def test_reset_repeats_the_run_and_a_new_seed_does_not(chapter, name):
    figure = seen(chapter(), name)
    seed = figure.locator(".live-seed")
    expect(seed).to_have_text("seed 0")
    at_rest = reading(figure)
    press(figure, "100 sweeps")
    first = reading(figure)
    press(figure, "Reset")
    assert reading(figure) == at_rest != first
    press(figure, "100 sweeps")
    assert reading(figure) == first
    press(figure, "New seed")
    expect(seed).to_have_text("seed 1")
    press(figure, "100 sweeps")
    second = reading(figure)
    assert second.replace("seed 1", "seed 0") != first
    press(figure, "Reset")
    expect(seed).to_have_text("seed 1")
    press(figure, "100 sweeps")
    assert reading(figure) == second


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
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for control in page.locator("figure.live :is(button, select, input)").all():
        assert control.bounding_box()["height"] >= 44


@pytest.mark.parametrize("name", live.NAMES)
def test_every_button_by_keys(chapter, name):
    page = chapter()
    figure = seen(page, name)
    buttons = figure.locator(".live-controls button")
    for i in range(buttons.count()):
        before = reading(figure)
        buttons.nth(i).focus()
        page.keyboard.press("Enter" if i % 2 else "Space")
        assert reading(figure) != before, buttons.nth(i).inner_text()


@pytest.mark.parametrize("name", live.NAMES)
def test_play_is_silent_and_stops_out_of_view(chapter, name):
    page = chapter()
    page.evaluate(
        "() => { window.asked = 0; const ask = requestAnimationFrame.bind(window);"
        " window.requestAnimationFrame = f => { window.asked += 1; return ask(f); } }"
    )
    figure = seen(page, name)
    status = figure.get_by_role("status")
    state = "figure => figure.innerText.replace(/Pause/, '')"
    before = figure.evaluate(state)
    press(figure, "Play")
    expect(status).to_have_text("")
    page.wait_for_function(f"([figure, before]) => ({state})(figure) !== before", arg=[figure.element_handle(), before])
    expect(status).to_have_text("")
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    still = "() => new Promise(done => { const n = asked; setTimeout(() => done(asked === n), 300); })"
    page.wait_for_function(still)
    asked, shown = page.evaluate("asked"), figure.evaluate(state)
    page.wait_for_timeout(1500)  # more than two steps of the slower figure
    assert page.evaluate("asked") == asked and figure.evaluate(state) == shown
    figure.scroll_into_view_if_needed()
    page.wait_for_function(f"([figure, shown]) => ({state})(figure) !== shown", arg=[figure.element_handle(), shown])
    press(figure, "Pause")
    expect(status).not_to_have_text("")
    stopped = reading(figure)
    page.wait_for_timeout(1500)
    assert reading(figure) == stopped


@pytest.mark.parametrize("name", live.NAMES)
def test_reduced_motion_takes_steps_at_once(chapter, name):
    figure = seen(chapter(reduced_motion="reduce"), name)
    assert figure.get_by_role("button", name="Play").count() == 0
    press(figure, "20 steps")
    assert f"Sweep {10 if name == 'gibbs_table' else 20} ended" in reading(figure)
    assert figure.get_by_role("button", name="Pause").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_in_use_are_accessible(chapter, theme):
    page = chapter(color_scheme=theme)
    for name in live.NAMES:
        press(seen(page, name), "100 sweeps")
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate("axe.run('figure.live', {resultTypes: ['violations'], preload: false})")["violations"]
        assert not [(fault["id"], node["html"]) for fault in found for node in fault["nodes"]]


INK = """canvas => {  // the brightness of what is drawn, and how much there is of it
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0, count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) { sum += data[i + 1]; count += 1; }
  return [sum / count, count];
}"""


def test_drawings_follow_the_theme(chapter):
    page = chapter(color_scheme="light")
    figure = seen(page, "gibbs_gaussian")
    canvases = figure.locator("canvas").all()
    assert len(canvases) == 2
    reading(figure)
    at_rest = [canvas.evaluate(INK)[1] for canvas in canvases]
    press(figure, "100 sweeps")
    reading(figure)
    light = [canvas.evaluate(INK) for canvas in canvases]
    assert all(ink[1] > 1.2 * before for ink, before in zip(light, at_rest, strict=True)), "the walk has been drawn"
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    reading(figure)
    dark = [canvas.evaluate(INK) for canvas in canvases]
    assert dark != light
    assert figure.evaluate("figure => getComputedStyle(figure).backgroundColor") == "rgb(20, 25, 29)"


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_when_a_figure_comes_to_life(chapter, width):
    heights = "[...document.querySelectorAll('figure.live')].map(it => it.getBoundingClientRect().height)"
    before = chapter(width=width, without="live.js").evaluate(heights)
    page = chapter(width=width)
    assert page.evaluate(heights) == before
    for name in live.NAMES:
        press(seen(page, name), "100 sweeps")
    assert page.evaluate(heights) == before


def test_without_scripts_and_on_paper_the_picture_shows(chapter):
    page = chapter(java_script_enabled=False)
    for name in live.NAMES:
        figure = seen(page, name)
        expect(figure.locator("img")).to_be_visible()
        assert figure.bounding_box()["height"] < 500, "no empty space for what does not come"
    page = chapter()
    page.emulate_media(media="print")
    for name in live.NAMES:
        figure = page.locator(f'figure.live[data-live="{name}"]')
        expect(figure.locator("img")).to_be_visible()
        expect(figure.locator("figcaption")).to_be_visible()
        expect(figure.locator(".live-app")).to_be_hidden()


def test_the_pdf_shows_the_picture(browser, tmp_path):
    toc = tmp_path / "_toc.yml"
    chapters = "[{caption: Chapters, chapters: [{file: notebooks/01_gibbs.ipynb}]}]"
    toc.write_text(f"{{root: book/index.md, parts: {chapters}}}", encoding="utf-8")
    page, _ = pdf.assemble(browser, toc=toc)
    figures = page.locator("figure.live")
    assert figures.count() == 2
    for figure in figures.all():
        expect(figure.locator("img")).to_be_visible()
        expect(figure.locator("figcaption")).to_be_visible()
        assert figure.bounding_box()["height"] < 400, "no empty space"
    page.close()


@pytest.mark.parametrize("name", live.NAMES)
def test_in_a_notebook_the_module_renders_into_an_element(browser, name):
    """As anywidget does it: import the module, call render, and later what that returned."""
    state = {"joint": [[1, 3], [2, 2]], "rho": 0.5, "start": [1, 1], "seed": 4}
    module = (ROOT / "genbook" / "live.js").read_text(encoding="utf-8")
    page = browser.new_page()
    page.set_content("<body><div></div></body>")
    saved = page.evaluate(
        """async ([code, state]) => {
          const module = await import(URL.createObjectURL(new Blob([code], {type: "text/javascript"})));
          const values = {state, caption: "Do it."};
          window.saved = [];
          const model = {
            get: key => values[key], set: (key, value) => { values[key] = value; },
            save_changes: () => saved.push(values.state),
          };
          window.end = module.default.render({ model, el: document.querySelector("div") });
          return saved.length;
        }""",
        [f"{module}\nexport default genbookLive.figures.{name};", state],
    )
    assert saved > 0
    figure = page.locator("div.live")
    expect(figure).to_contain_text("Do it.")
    expect(figure).to_contain_text("seed 4")
    press(figure, "100 sweeps")
    last = page.evaluate("saved.at(-1)")
    assert last["sweeps"] == 100 and last["seed"] == 4
    page.evaluate("end()")
    page.close()
