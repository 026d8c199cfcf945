"""The live figures' script time per frame, while they play or while a point is moved: a frame has 16 ms for it.

The first frames come once, when the figure is still below the screen, with code that the browser has not compiled yet:
they are told apart.
"""

import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "book" / "_ext")]
import chromium  # noqa: E402
import live_pages  # noqa: E402

TARGET = 16  # ms: at 60 frames a second
FRAMES = 60
# Notes how long each frame's script took. A frame that only looks whether it is time for a step does not count.
WATCH = """() => {
  window.taken = [];
  const ask = requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (frame) => ask((now) => {
    const start = performance.now();
    frame(now);
    const spent = performance.now() - start;
    if (spent > 0.2) taken.push(spent);
  });
}"""


def rows() -> list[tuple[str, str, str]]:
    with chromium.playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_options())
        result = [row(browser, name) for name in live_pages.FIGURES]
        browser.close()
    return result


def row(browser, name: str) -> tuple[str, str, str]:
    page = browser.new_page()
    page.goto(live_pages.address(live_pages.FIGURES[name]["chapter"]))
    page.evaluate(WATCH)
    figure = live_pages.seen(page, name)
    for _ in range(2):  # what is above it may have got its height only now
        page.wait_for_timeout(1000)
        figure.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    first = max(page.evaluate("taken.splice(0)"), default=0.0)
    if name in live_pages.PLAYERS:
        live_pages.press(figure, "Play")
        page.wait_for_function(f"taken.length >= {FRAMES}", timeout=120_000)
    else:
        for i in range(FRAMES):
            figure.locator(".live-handle").first.press("ArrowLeft" if i % 20 < 10 else "ArrowUp")
    taken = page.evaluate("taken")
    page.close()
    typical, slowest = statistics.median(taken), max(taken)
    return (
        f"live figure {name}, script of a frame",
        f"{typical:.1f} ms, slowest {slowest:.1f}, of the first frames {first:.1f}",
        f"target < {TARGET} ms",
    )
