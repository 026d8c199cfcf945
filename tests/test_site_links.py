"""Every link of the site lands on its target, from another page and on the same; and readers find their place again.

A sample of the links; with GENBOOK_ALL=1 all of them.
"""

import os
import re
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import firefox
import pytest

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
PAGES = sorted(page.relative_to(SITE).as_posix() for page in SITE.glob("[bn]*/*.html"))
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
SIZES = {1280: 800, 390: 844}
# Waits until nothing moves: for two dozen frames the place and the page's height stay as they are.
AT_REST = """async () => {
  let last, rest = 0;
  while (rest < 24) {
    await new Promise(requestAnimationFrame);
    const now = [scrollY, document.documentElement.scrollHeight, document.readyState, document.fonts.status].join();
    rest = now === last && now.endsWith("complete,loaded") ? rest + 1 : 0;
    last = now;
  }
}"""
# How many pixels a target is from where its heading should be: 0 if it is too near the page's end to get there. Or null
# if it is not shown.
MISS = """id => {
  const target = document.getElementById(id);
  if (!target.checkVisibility({ visibilityProperty: true })) return null;
  const heading = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
  const miss = target.getBoundingClientRect().top - heading;
  const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
  return atEnd && miss > 0 && miss < innerHeight - 64 ? 0 : miss;
}"""
CLICK = """id => {
  const link = document.createElement("a");
  link.href = "#" + encodeURIComponent(id);
  document.body.append(link);
  link.click();
  link.remove();
}"""


@cache
def targets() -> dict[str, list[str]]:
    """What links of the site lead to: the ids, by page."""
    found = {page: set() for page in PAGES}
    for page in PAGES:
        for link in re.findall(r'<a\b[^>]*?\bhref="([^":]+)"', (SITE / page).read_text(encoding="utf-8")):
            url = urlsplit(urljoin(f"/{page}", link))
            if url.fragment and url.path[1:] in found:
                found[url.path[1:]].add(unquote(url.fragment))
    return {page: sorted(ids) for page, ids in found.items() if ids}


def some(ids: list[str]) -> list[str]:
    return ids if os.environ.get("GENBOOK_ALL") else ids[3::25]


def test_the_links_are_found():
    assert sum(map(len, targets().values())) > 800 and set(CHAPTERS) <= set(targets())


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("page", targets())
def test_links_land(tab, base, page, width):
    """Each from another page or by a click on this one, in turn: at the target, which is shown, and stays there."""
    view = tab(width=width)
    view.set_viewport_size({"width": width, "height": SIZES[width]})
    assert not missed(view, base, page, cold=width < 500)


@pytest.mark.skipif(not firefox.find(), reason="no Firefox on this machine")
@pytest.mark.parametrize("width", [1280, 500])  # a narrower window it does not make
def test_links_land_in_firefox(base, width):
    with firefox.launch(width, 844) as view:
        every = 1 if os.environ.get("GENBOOK_ALL") else 4
        missing = {page: missed(view, base, page, cold=i % 2) for i, page in enumerate(list(targets())[::every])}
    assert not any(missing.values()), missing


def missed(view, base: str, page: str, *, cold: bool) -> dict[str, float | None]:
    """By how many pixels which targets of the page are missed. cold: the first is reached from another page."""
    found = {}
    for target in some(targets()[page]):
        view.goto("about:blank")
        if cold:
            view.goto(f"{base}{page}#{quote(target)}")
        else:
            view.goto(base + page)
            view.evaluate(CLICK, target)
        cold = not cold
        view.evaluate(AT_REST)
        miss = view.evaluate(MISS, target)
        if miss is None or abs(miss) > 80:
            found[target] = miss
    return found


FOLDED = {
    "a claim in a solution": ".solution .tag_claim[id]",
    "a solution": ".solution[id]",
    "a proof": ".sd-dropdown [id]",
}


@pytest.mark.parametrize("clicked", [True, False])
@pytest.mark.parametrize("what", FOLDED)
def test_a_target_in_something_closed_opens_it_and_has_the_focus(tab, base, what, clicked):
    page = "notebooks/02_autoencoders.html"
    view = tab()
    view.goto(base + page)
    target = view.locator(FOLDED[what]).first.get_attribute("id")
    if clicked:
        view.evaluate(CLICK, target)
    else:
        view.goto("about:blank")
        view.goto(f"{base}{page}#{target}")
    view.evaluate(AT_REST)
    assert view.evaluate("document.activeElement.id") == target
    assert abs(view.evaluate(MISS, target)) < 80


def test_a_target_in_a_tab_opens_it(tab, base):
    view = tab()
    view.goto(base + "notebooks/02_autoencoders.html")
    # (The site has no tabs so far, and so not the style that shows a chosen one.)
    html = '<input type="radio"><label>A</label><div class="sd-tab-content" style="display: block" id="in-a">a</div>'
    view.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)", html)
    view.evaluate(CLICK, "in-a")
    view.evaluate(AT_REST)
    assert view.evaluate("document.querySelector('article input').checked && document.activeElement.id") == "in-a"


def test_the_same_link_leads_there_again(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[0] + "#notation")
    target = targets()[CHAPTERS[0]][-1]
    for _ in range(2):
        view.evaluate(CLICK, target)
        view.evaluate(AT_REST)
        assert abs(view.evaluate(MISS, target)) < 80
        view.mouse.wheel(0, -3000)
        view.wait_for_function("scrollY < 100000")
        view.evaluate(AT_REST)
        assert view.evaluate(MISS, target) > 500


# The paragraph (or whatever it is) at the top of the screen, and how far from the top it is.
PLACE = """() => {
  const units = [...document.querySelectorAll("article section > :not(section)")];
  const index = units.findIndex((unit) => unit.getBoundingClientRect().bottom > 64);
  return [index, units[index].getBoundingClientRect().top];
}"""
MOVED = "([index]) => document.querySelectorAll('article section > :not(section)')[index].getBoundingClientRect().top"


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("page", [CHAPTERS[0], CHAPTERS[2]])
def test_reload_and_back_find_the_place_again(tab, base, page, width):
    view = tab(width=width)
    view.goto(base + page)
    view.evaluate("document.querySelectorAll('article section > p')[60].scrollIntoView()")
    view.mouse.wheel(0, 700)
    view.evaluate(AT_REST)
    place = view.evaluate(PLACE)

    def found():
        view.evaluate(AT_REST)
        return abs(view.evaluate(MOVED, place) - place[1]) < 80

    view.wait_for_function("history.state?.place")
    view.reload()
    assert found(), "after a reload"
    view.goto(base + "book/glossary.html")
    view.go_back()
    assert found(), "back from another page"
    view.evaluate(CLICK, targets()[page][0])
    view.evaluate(AT_REST)
    view.go_back()
    assert found(), "back from another place of the page"
