"""The live figures in a browser: where they stand, and how a test finds, presses and reads what a reader would."""

import os
import re
import subprocess
from functools import cache
from pathlib import Path

import katex_math
from bs4 import BeautifulSoup
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"

# Per figure: its chapter, a button that gives something to see, and, if it can play, what it says after "N steps",
# which stands for Play where a reader wants no motion.
FIGURES = {
    "gibbs_table": {"chapter": "01_gibbs", "press": "100 sweeps", "calm": "Sweep 10 ended"},
    "gibbs_gaussian": {"chapter": "01_gibbs", "press": "100 sweeps", "calm": "Sweep 20 ended"},
    "dirac_gan": {"chapter": "06_gan_failures", "press": "100 steps", "calm": "Step 100:"},
    "gan_ring": {"chapter": "06_gan_failures", "press": "100 steps", "calm": "Step 100:"},
    "vae_plane": {"chapter": "04_vae_training", "press": "Sample the prior", "calm": "Draw 20 from the prior"},
    "autoencoder_vae": {"chapter": "04_vae_training", "press": "One draw", "calm": "Draw 120"},
}
CHAPTERS = sorted({figure["chapter"] for figure in FIGURES.values()})
PLAYERS = [name for name, figure in FIGURES.items() if "calm" in figure]


def of_chapter(chapter: str) -> list[str]:
    """The figures of a chapter."""
    return [name for name, figure in FIGURES.items() if figure["chapter"] == chapter]


def address(chapter: str) -> str:
    return (SITE / "notebooks" / f"{chapter}.html").as_uri()


@cache
def figures_only(chapter: str) -> str:
    """A chapter with nothing but its live figures, each a screen below the last: it opens in a tenth of the time."""
    page = BeautifulSoup((SITE / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8"), "html.parser")
    text = page.select_one("article > section")
    cells = [figure.find_parent("div", class_="cell").extract() for figure in text.select("figure.live")]
    title = text.h1.extract()
    text.clear()
    text.append(title)
    for cell in cells:
        text.extend([page.new_tag("div", style="height: 1500px"), cell])
    return str(page)


def seen(page, name):
    """The figure, on the screen and come to life."""
    figure = page.locator(f'figure.live[data-live="{name}"]')
    figure.scroll_into_view_if_needed()
    expect(figure.get_by_role("status")).not_to_be_empty(timeout=60_000)  # some wait for their networks
    return figure


def press(figure, text):
    """Press a button, and wait until the figure says what has come of it."""
    figure.get_by_role("button", name=text, exact=True).click()
    if text not in ("Play", "Pause"):
        expect(figure.get_by_role("status")).not_to_be_empty(timeout=60_000)


def reading(figure) -> str:
    """All that a reader can read in the figure, once it has been drawn."""
    figure.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return (figure.inner_text() + figure.get_by_role("status").inner_text()).replace("\u00a0", " ")


def fact(figure, name: str) -> float:
    """A number in the list beside a drawing."""
    value = re.search(rf"{re.escape(name)}\s+([−\d.]+)", reading(figure))[1]
    return float(value.replace("−", "-"))


# For canvas.evaluate: the brightness of what is drawn, and how much there is of it.
INK = """canvas => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0, count = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) { sum += data[i + 1]; count += 1; }
  return [sum / count, count];
}"""


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
