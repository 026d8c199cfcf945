"""Live figures: what a cell gives, the numerics against NumPy and torch, and the figures in a real browser."""

import json
import os
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

from genbook import gibbs, live
from genbook.train import seeded

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import katex_math  # noqa: E402
import live_figures  # noqa: E402

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
        html = BeautifulSoup(make(caption="Is 1 < 2 & 3?", joint=np.eye(2), rho=0.1)._repr_html_(), "html.parser")
    figure = html.find("figure", class_="live")
    assert figure["data-live"] == "gibbs_table"
    assert figure.figcaption.text == "Is 1 < 2 & 3?"
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
    """What NumPy, torch and genbook say to the questions of tests/live/*.test.js."""
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


def chapters_path(rho: float, seed: int) -> list:
    """Fifty sweeps of chapter 1's Gaussian from (-2.5, 1)."""
    x, y = torch.tensor([-2.5, 1.0], dtype=torch.float64)
    path = []
    with seeded(seed) as generator:
        for _ in range(50):
            noise, more = (1 - rho**2) ** 0.5 * torch.randn(2, generator=generator, dtype=torch.float64)
            x = rho * y + noise
            y = rho * x + more
            path.append([float(x), float(y)])
    return path


def test_numerics_agree_with_numpy_and_torch(tmp_path):
    (tmp_path / "oracle.json").write_text(json.dumps(oracle()), encoding="utf-8")
    tests = sorted(path.relative_to(ROOT) for path in (ROOT / "tests" / "live").glob("*.test.js"))
    assert tests
    node("--test", *tests, ORACLE=str(tmp_path / "oracle.json"))
