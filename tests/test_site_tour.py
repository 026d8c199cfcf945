"""A tour of the site by keyboard, by names, enlarged, without scripts, from the zip and in Firefox."""

import re
import zipfile
from pathlib import Path

import firefox
import pytest
from playwright.sync_api import expect

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
CHAPTERS = sorted(page.relative_to(SITE).as_posix() for page in SITE.glob("notebooks/*.html"))
FIGURES = "notebooks/06_gan_failures.html"

# --- By keyboard --------------------------------------------------------------------------------------------------

# What has the focus: is it on the screen, is the focus seen, does it come after what had it before?
FOCUSED = """() => {
  const it = document.activeElement, before = window.before;
  if (it === document.body) return null;
  window.before = it;
  const box = it.getBoundingClientRect(), style = getComputedStyle(it);
  const shown = it.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
  const later = !before || before.compareDocumentPosition(it) & Node.DOCUMENT_POSITION_FOLLOWING;
  const fault = [shown || "is not on the screen", seen || "shows no focus", later || "comes too late"];
  return fault.filter((text) => typeof text === "string").map((text) => `${it.outerHTML.slice(0, 120)} ${text}`);
}"""


@pytest.mark.parametrize("width", [1280, 640])  # the second is that at 200 %
@pytest.mark.parametrize("page", ["book/index.html", FIGURES])
def test_the_tab_key_leads_through_a_page_from_top_to_bottom(tab, base, page, width):
    view = tab(width=width)
    view.goto(base + page)
    view.add_style_tag(content="* { transition: none !important }")
    stops, faults = 0, []
    while stops < 1000:
        view.keyboard.press("Tab")
        found = view.evaluate(FOCUSED)
        if found is None:  # the browser's own window comes next
            break
        stops += 1
        faults += found
    assert not faults
    assert 20 < stops < 1000, "and it leads out of it again"


@pytest.mark.parametrize("page", ["book/index.html", CHAPTERS[0]])
def test_the_first_link_skips_to_the_text_behind_all_menus_and_buttons(tab, base, page):
    view = tab()
    view.goto(base + page)
    view.keyboard.press("Tab")
    expect(view.get_by_role("link", name="Skip to main content")).to_be_focused()
    view.keyboard.press("Enter")
    view.keyboard.press("Tab")
    assert view.evaluate("document.activeElement.closest('article') !== null")


@pytest.mark.parametrize(("toggle", "menu"), [("primary", "Glossary"), ("secondary", "Exercises")])
def test_a_menu_opens_and_leads_on_by_keyboard(tab, base, toggle, menu):
    view = tab(width=640)
    view.goto(base + CHAPTERS[0])
    bar = view.locator(f".bd-sidebar-{toggle}")
    expect(bar).not_to_be_in_viewport()
    view.locator(f"button.{toggle}-toggle").press("Enter")
    expect(bar).to_be_in_viewport()
    view.keyboard.press("Tab")
    assert view.evaluate("sidebar => sidebar.contains(document.activeElement)", bar.element_handle())
    bar.get_by_role("link", name=menu, exact=False).first.press("Enter")
    view.wait_for_url(re.compile("glossary.html$" if toggle == "primary" else "#"))


# --- By names -----------------------------------------------------------------------------------------------------


def test_all_that_can_be_pressed_in_a_chapter_says_what_it_does(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[0])
    header = view.locator(".bd-header-article")
    expect(header).to_match_aria_snapshot("""
      - button "Contents of the book"
      - link "Colab"
      - link ".ipynb"
      - link "Suggest an edit to this page"
      - link "Report a problem with this page"
      - button "Show the code of plots and checks, too"
      - button "Light, dark or the system's choice of colours"
    """)
    names = view.get_by_role("button").evaluate_all(
        "all => all.map(it => it.ariaLabel || it.textContent.trim() || it.title)"
    )
    assert all(re.search("[A-Za-z]{2}", name) for name in names), names


# --- Without scripts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_without_scripts_a_page_is_legible_and_nothing_on_it_is_dead(tab, base, scheme):
    view = tab(scheme, width=390, java_script_enabled=False)
    view.goto(base + FIGURES)
    assert view.locator("body").evaluate("it => getComputedStyle(it).backgroundColor") != "rgba(0, 0, 0, 0)"
    expect(view.locator("button:visible")).to_have_count(0)  # they need scripts
    view.locator("figure.live figcaption").first.scroll_into_view_if_needed()
    expect(view.locator("figure.live figcaption noscript").first).to_be_visible()
    menu = view.locator(".bd-sidebar-primary")
    expect(menu).not_to_be_in_viewport()
    view.get_by_title("Contents of the book").locator("visible=true").click()
    expect(menu).to_be_in_viewport()
    menu.get_by_role("link", name="Glossary").click()
    view.get_by_role("link", name="Q", exact=True).click()
    expect(view.locator("dt", has_text="Quadrature")).to_be_in_viewport()
    view.goto(base + "search.html")
    expect(view.locator("main noscript p")).to_be_visible()


# --- From the zip -------------------------------------------------------------------------------------------------


def test_the_zip_works_from_a_folder_of_any_name(browser, tmp_path):
    folder = tmp_path / "off line ü"
    with zipfile.ZipFile(SITE / "genbook.zip") as archive:
        archive.extractall(folder)
    view, problems = browser.new_page(), []
    view.on("console", lambda message: message.type in ("error", "warning") and problems.append(message.text))
    view.on("pageerror", lambda error: problems.append(str(error)))
    view.on("request", lambda request: request.url.startswith(folder.as_uri()) or problems.append(request.url))
    view.goto((folder / "genbook/index.html").as_uri())
    view.wait_for_url("**/book/index.html")
    view.locator(".chapter-map").get_by_role("link", name="The VAE, trained").click()
    figure = view.locator("figure.live").first
    figure.scroll_into_view_if_needed()
    expect(figure.get_by_role("status")).not_to_be_empty(timeout=60_000)  # it has its networks
    view.goto((folder / "genbook/search.html").as_uri() + "?q=jensen")
    expect(view.locator("#search-results li .highlighted").first).to_have_text("Jensen")
    view.close()
    assert not [problem for problem in problems if not problem.startswith("data:")]


# --- In Firefox ---------------------------------------------------------------------------------------------------

WAIT = """async condition => {
  const holds = new Function(`return ${condition}`);
  for (let i = 0; i < 600 && !holds(); i++) await new Promise(done => setTimeout(done, 50));
  return Boolean(holds());
}"""


@pytest.mark.skipif(not firefox.find(), reason="no Firefox on this machine")
def test_a_chapter_works_in_firefox(base):
    with firefox.launch(1280, 900) as view:
        view.goto(base + FIGURES)
        view.evaluate("() => { window.faults = []; addEventListener('error', event => faults.push(event.message)); }")
        theme = "document.documentElement.dataset.theme"
        view.evaluate("() => document.querySelector('.theme-switch-button').click()")
        view.evaluate("() => document.querySelector('.theme-switch-button').click()")
        assert view.evaluate(f"() => {theme}") in ("light", "dark")
        view.evaluate("() => document.querySelector('.fold-switch').click()")
        assert view.evaluate("() => document.querySelectorAll('details.fold:not([open])').length") == 0
        view.evaluate("() => document.querySelector('figure.live').scrollIntoView()")
        assert view.evaluate(WAIT, "document.querySelector('.live .live-status')?.textContent")
        view.evaluate(
            "() => [...document.querySelectorAll('.live button')].find(it => it.textContent === 'One step').click()"
        )
        assert view.evaluate(WAIT, "document.querySelector('.live .live-status').textContent.startsWith('Step 1')")
        assert view.evaluate("() => faults") == []
        view.goto(f"{base}search.html?q=jensen")
        assert view.evaluate(
            WAIT, "document.querySelector('#search-results li .highlighted')?.textContent === 'Jensen'"
        )
