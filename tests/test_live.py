"""Live figures: what a cell gives, the numerics against NumPy and torch, and the figures in a real browser."""

import json
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")  # before pyplot: no window

import live_figures
import matplotlib.pyplot as plt
import numpy as np
import pdf
import pytest
import torch
from bs4 import BeautifulSoup
from live_pages import CHAPTERS, FIGURES, INK, PLAYERS, SITE, figures_only, node, of_chapter, press, reading, seen
from playwright.sync_api import expect

from genbook import live

ROOT = Path(__file__).resolve().parents[1]

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
    with pytest.raises(ValueError, match=f"no live figure 'gibs', there are {', '.join(live.NAMES)}"):
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


def test_a_notebook_gets_the_networks_that_a_page_asks_for():
    code = (ROOT / "genbook" / "live.js").read_text(encoding="utf-8")
    wanted = "Object.fromEntries(Object.entries(genbookLive.figures).map(([name, it]) => [name, it.weights]))"
    run = node("-e", f"{code};console.log(JSON.stringify({wanted}))", page=True)
    assert {name: tuple(weights) for name, weights in json.loads(run).items()} == live.WEIGHTS


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


# --- In the browser -----------------------------------------------------------------------------------------------


def test_scripts_come_only_to_pages_with_a_live_figure():
    for path in SITE.rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        live_here = 'class="live"' in html
        assert ("genbook/live.js" in html) == live_here, path
        if live_here:
            assert re.search(r'<script defer="defer" src="[^"]*genbook/live\.js', html)


def test_each_figure_stands_in_its_chapter():
    assert sorted(FIGURES) == sorted(live.NAMES)
    for chapter in CHAPTERS:
        html = (SITE / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8")
        assert re.findall(r'data-live="(\w+)"', html) == of_chapter(chapter)


@pytest.fixture
def figure_of(live_page):
    """A function that opens the chapter of a figure and gives the figure, on the screen."""

    def open_figure(name, **options):
        return seen(live_page(FIGURES[name]["chapter"], **options), name)

    return open_figure


@pytest.mark.parametrize("name", FIGURES)
def test_reset_repeats_the_run_and_a_new_seed_does_not(figure_of, name):
    figure, button = figure_of(name), FIGURES[name]["press"]
    seed = figure.locator(".live-seed")
    expect(seed).to_have_text("seed 0")
    at_rest = reading(figure)
    press(figure, button)
    first = reading(figure)
    press(figure, "Restart")
    assert reading(figure) == at_rest != first
    press(figure, button)
    assert reading(figure) == first
    press(figure, "New seed")
    expect(seed).to_have_text("seed 1")
    press(figure, button)
    second = reading(figure)
    assert second.replace("seed 1", "seed 0") != first
    press(figure, "Restart")
    expect(seed).to_have_text("seed 1")
    press(figure, button)
    assert reading(figure) == second


SETTINGS = """figure => [...figure.querySelectorAll("select, input, .live-handle")]
  .map(it => it.value || it.getAttribute("aria-label"))"""


@pytest.mark.parametrize("name", FIGURES)
def test_reset_all_leads_back_to_the_first_state(figure_of, name):
    """From "Show me", from another seed and from settings of the reader's own."""
    figure = figure_of(name)
    first = reading(figure), figure.evaluate(SETTINGS)
    if name != "gan_ring":  # it takes long, and has a test of its own
        press(figure, "Show me")
    press(figure, "New seed")
    for chosen in figure.locator("select").all():
        chosen.evaluate(
            "it => { it.selectedIndex = (it.selectedIndex + 1) % it.length; it.dispatchEvent(new Event('change')); }"
        )
    for moved in figure.locator("input[type=range], .live-handle").all():
        moved.press("ArrowLeft")
    assert figure.evaluate(SETTINGS) != first[1]
    press(figure, "Reset all")
    assert (reading(figure), figure.evaluate(SETTINGS)) == first


@pytest.mark.parametrize("name", FIGURES)
def test_on_a_phone_play_is_in_sight_beside_what_it_plays(figure_of, name):
    figure = figure_of(name, width=390, has_touch=True, is_mobile=True)
    plane = figure.locator("table, .live-board, .live-plane").first
    plane.evaluate("plane => scrollTo({ top: plane.getBoundingClientRect().top + scrollY - 80, behavior: 'instant' })")
    play = figure.get_by_role("button", name="Play")
    box, board = play.bounding_box(), plane.bounding_box()
    assert board["y"] > 0
    assert board["y"] + board["height"] <= box["y"] < box["y"] + box["height"] <= 900
    play.tap()
    pause = figure.get_by_role("button", name="Pause")
    expect(pause).to_be_visible()
    assert pause.bounding_box()["y"] == box["y"] and plane.bounding_box() == board, "nothing has moved"


@pytest.mark.parametrize("name", FIGURES)
def test_every_button_by_keys(figure_of, name):
    figure = figure_of(name)
    buttons = figure.locator(".live-controls button")
    for i in range(buttons.count()):
        before, settings = reading(figure), figure.evaluate(SETTINGS)
        buttons.nth(i).focus()
        figure.page.keyboard.press("Enter" if i % 2 else "Space")
        expect(figure).not_to_have_text(before)
        assert (reading(figure), figure.evaluate(SETTINGS)) != (before, settings), buttons.nth(i).inner_text()


@pytest.mark.parametrize("name", PLAYERS)
def test_play_is_silent_and_stops_out_of_view(figure_of, name):
    figure = figure_of(name)
    page = figure.page
    page.evaluate(
        "() => { window.asked = 0; const ask = requestAnimationFrame.bind(window);"
        " window.requestAnimationFrame = f => { window.asked += 1; return ask(f); } }"
    )
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


@pytest.mark.parametrize("name", PLAYERS)
def test_reduced_motion_takes_steps_at_once(figure_of, name):
    figure = figure_of(name, reduced_motion="reduce")
    assert figure.get_by_role("button", name="Play").count() == 0
    figure.get_by_role("button", name=re.compile(r"^\d+ steps$")).first.click()
    expect(figure.get_by_role("status")).to_contain_text(FIGURES[name]["calm"])
    assert figure.get_by_role("button", name="Pause").count() == 0


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_in_use_are_accessible(live_page, theme, chapter):
    page = live_page(chapter, color_scheme=theme)
    for name in of_chapter(chapter):
        press(seen(page, name), FIGURES[name]["press"])
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        found = page.evaluate("axe.run('figure.live', {resultTypes: ['violations'], preload: false})")["violations"]
        assert not [(fault["id"], node["html"]) for fault in found for node in fault["nodes"]]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_controls_fit_a_phone_and_a_finger(live_page, chapter):
    page = live_page(chapter, width=360, has_touch=True, is_mobile=True)
    for name in of_chapter(chapter):
        figure = seen(page, name)
        figure.get_by_role("button", name=FIGURES[name]["press"], exact=True).tap()
        for control in figure.locator("button:visible, select:visible, input:visible").all():
            assert min(control.bounding_box()["height"], control.bounding_box()["width"]) >= 44, control.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


DRAWINGS = "canvas:not(.live-sheet):visible"  # digits are black on white whatever the theme


@pytest.mark.parametrize("name", FIGURES)
def test_drawings_follow_the_theme(figure_of, name):
    figure = figure_of(name, color_scheme="light")
    press(figure, FIGURES[name]["press"])
    reading(figure)
    light = [canvas.evaluate(INK) for canvas in figure.locator(DRAWINGS).all()]
    figure.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    reading(figure)
    dark = [canvas.evaluate(INK) for canvas in figure.locator(DRAWINGS).all()]
    assert all(one != other for one, other in zip(light, dark, strict=True))
    assert figure.evaluate("figure => getComputedStyle(figure).backgroundColor") == "rgb(20, 25, 29)"


@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_when_a_figure_comes_to_life(live_page, width, chapter):
    heights = "[...document.querySelectorAll('figure.live')].map(it => it.getBoundingClientRect().height)"
    before = live_page(chapter, width=width, without="live.js").evaluate(heights)
    page = live_page(chapter, width=width)
    assert page.evaluate(heights) == before
    for name in of_chapter(chapter):
        press(seen(page, name), FIGURES[name]["press"])
    assert page.evaluate(heights) == before


PARTS = ("img", "figcaption")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_without_scripts_and_on_paper_the_picture_shows(live_page, chapter):
    page = live_page(chapter, java_script_enabled=False)
    for figure in page.locator("figure.live").all():
        figure.scroll_into_view_if_needed()
        expect(figure.locator("img")).to_be_visible()
        whole, picture, caption = (part.bounding_box()["height"] for part in [figure, *map(figure.locator, PARTS)])
        assert whole - picture - caption < 100, "no empty space for what does not come"
    page = live_page(chapter)
    page.emulate_media(media="print")
    for figure in page.locator("figure.live").all():
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


@pytest.mark.parametrize("name", FIGURES)
def test_in_a_notebook_the_module_renders_into_an_element(browser, name, monkeypatch):
    """As anywidget does it: import the module, call render, and later what that returned."""
    chapter = BeautifulSoup(figures_only(FIGURES[name]["chapter"]), "html.parser")
    state = json.loads(chapter.select_one(f"figure[data-live={name}] script").text) | {"seed": 4}
    monkeypatch.delenv("GENBOOK_QUIET", raising=False)
    module = make(name)._esm
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
        [module, state],
    )
    assert saved > 0
    figure = page.locator("div.live")
    expect(figure).to_contain_text("Do it.")
    expect(figure).to_contain_text("seed 4")
    first = page.evaluate("saved.at(-1)")
    press(figure, FIGURES[name]["press"])
    last = page.evaluate("saved.at(-1)")
    assert last != first and last["seed"] == 4
    page.evaluate("end()")
    page.close()
