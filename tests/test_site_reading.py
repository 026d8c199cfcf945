"""Reading on paper, by keyboard and with a screen reader; and taking home code and formulas."""

import io
from pathlib import Path

import pytest
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
CHAPTERS = sorted(page.relative_to(SITE).as_posix() for page in SITE.glob("notebooks/*.html"))
MISTAKES = "book/mistakes.html"


def fonts(pdf: bytes) -> set[str]:
    """The families of KaTeX's fonts that are in it."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    found = {font.get_object()["/BaseFont"] for page in pages for font in page["/Resources"].get("/Font", {}).values()}
    return {name.partition("KaTeX_")[2] for name in found if "KaTeX_" in name}


@pytest.mark.parametrize("page", [CHAPTERS[0], CHAPTERS[5]])
def test_a_chapter_printed_from_its_first_screen_has_all_its_formulas(tab, base, page):
    view = tab()
    view.goto(base + page)
    view.wait_for_function("[...document.fonts].filter(font => font.status === 'loaded').length > 5")
    view.evaluate("document.fonts.ready")
    printed = fonts(view.pdf())
    view.add_style_tag(content="* { content-visibility: visible !important }")
    view.evaluate("document.fonts.ready")
    assert printed == fonts(view.pdf()) > {"Main-Regular", "Math-Italic"}


def test_a_print_from_the_dark_theme_is_light_and_the_screen_dark_again(tab, base):
    view = tab("dark")
    view.goto(base + CHAPTERS[-1])
    look = (
        "[document.documentElement.dataset.theme, getComputedStyle(document.querySelector('article p')).color].join()"
    )
    view.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {look}; }})")
    view.pdf()
    assert view.evaluate("printed") == "light,rgb(36, 41, 46)"
    assert view.evaluate(look).startswith("dark,")


def test_the_focus_is_seen_on_every_button_of_the_header(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[0])
    buttons = view.locator(".bd-header-article :is(a, button):visible").all()
    assert len(buttons) >= 7
    view.keyboard.press("Tab")
    for button in buttons:
        button.focus()
        assert button.evaluate("button => getComputedStyle(button).outline").endswith("solid 2px"), button.inner_html()


def test_exercises_and_solutions_are_headings_below_their_section(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[5])
    for kind, level in (("exercise", 3), ("solution", 4)):
        titles = view.locator(f".{kind}.admonition > .admonition-title")
        headings = view.get_by_role("heading", level=level, name="Exercise 6.")
        assert titles.count() == headings.count() > 8


def test_links_to_places_say_what_they_are(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[0])
    names = view.locator("a.headerlink").evaluate_all("links => links.map(link => link.ariaLabel)")
    assert len(names) > 40 and set(names) >= {"Link to this heading", "Link to this equation"} and None not in names


COPY = """button => {  // what it puts on the clipboard, which a headless browser may not read
  let copied;
  navigator.clipboard.writeText = async (text) => { copied = text; };
  document.execCommand = () => { copied ??= document.activeElement.value; return true; };
  button.click();
  return copied;
}"""


def test_copied_code_has_no_prompts(tab, base):
    view = tab()
    view.goto(base + MISTAKES)
    buttons = view.locator(".highlight-pycon button.copybtn")
    assert buttons.count() > 20
    for button in buttons.all()[:3]:
        copied = button.evaluate(COPY)
        assert copied and ">>>" not in copied
        compile(copied, "copied", "exec")


def test_a_copied_formula_is_its_tex(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[0])
    copied = view.evaluate(
        """() => {
          const paragraph = document.querySelector("article p:has(.katex)"), clipboardData = new DataTransfer();
          getSelection().selectAllChildren(paragraph);
          paragraph.dispatchEvent(new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true }));
          return clipboardData.getData("text/plain");
        }"""
    )
    assert copied.count("$") >= 2 and "\n\n" not in copied


BOXES = """<div id="boxes">
<div class="admonition rival"><p class="admonition-title">Could it be something else?</p><p>It could.</p></div>
<div class="cell"><div class="cell_output"><div class="output text_html"><table><caption>Scores</caption>
<thead><tr><th>model</th><th>ELBO (↑ better)</th></tr></thead><tbody><tr><td>VAE</td><td><b>-101.2</b></td></tr></tbody>
</table></div></div></div></div>"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_box_for_the_rival_stands_out_and_a_table_is_legible(tab, base, theme):
    view = tab(theme)
    view.goto(base + CHAPTERS[-1])
    view.evaluate("html => document.querySelector('article section').insertAdjacentHTML('beforeend', html)", BOXES)
    view.evaluate(AXE)
    checked = view.evaluate("axe.run('#boxes', {runOnly: ['color-contrast']})")
    assert not checked["violations"] and not checked["incomplete"] and len(checked["passes"][0]["nodes"]) >= 5
    title = "getComputedStyle(document.querySelector(`${box} > .admonition-title`)).color"
    assert view.evaluate(title.replace("${box}", ".rival")) != view.evaluate(title.replace("${box}", ".tip"))
    table = view.locator("#boxes .text_html")
    assert table.evaluate("box => getComputedStyle(box).backgroundColor") == "rgba(0, 0, 0, 0)", "no white card"
