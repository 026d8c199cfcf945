"""What a page folds: the code of plots, checks and imports, and solutions. Each opens without a script, too."""

import json
from pathlib import Path

import folds
import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
CHAPTERS = sorted(page.relative_to(SITE).as_posix() for page in SITE.glob("notebooks/*.html"))


def cells(page: str) -> list[dict]:
    """The notebook's cells of code that the page shows."""
    notebook = json.loads((ROOT / page).with_suffix(".ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [cell for cell in code if "remove-cell" not in cell["metadata"].get("tags", [])]


def folded(number: int, cell: dict) -> bool:
    """The first two cells install and import."""
    return number < 2 or "claim" in cell["metadata"].get("tags", []) or "figure" in cell["metadata"].get("mystnb", {})


@pytest.mark.parametrize("page", CHAPTERS)
def test_code_that_is_not_the_lesson_is_folded_and_all_else_is_seen(tab, base, page):
    view = tab()
    view.goto(base + page)
    view.add_style_tag(content="* { content-visibility: visible !important }")
    view.evaluate("document.querySelectorAll('details:not(.fold)').forEach(solution => { solution.open = true; })")
    shown = "e => e.checkVisibility()"
    found = view.locator("div.cell").evaluate_all(
        f"""cells => cells.map(cell => [".cell_input", ".cell_output"].map(part => cell.querySelector(part))
          .map(part => part && ({shown})(part)))"""
    )
    expected = [
        [not folded(number, cell), True if cell["outputs"] else None] for number, cell in enumerate(cells(page))
    ]
    assert found == expected
    for claim in view.locator(".tag_claim").all():
        assert claim.locator(".cell_output").inner_text().startswith("✓")
        assert claim.locator("summary").inner_text() == "How it is checked"


def test_the_switch_shows_all_code_and_stays(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[0])
    switch = view.get_by_role("button", name="Show the code of plots and checks, too")
    total = view.locator("details.fold").count()
    assert total > 30
    expect(view.locator("details.fold[open]")).to_have_count(0)
    expect(switch).to_have_attribute("aria-pressed", "false")
    switch.click()
    expect(view.locator("details.fold[open]")).to_have_count(total)
    expect(switch).to_have_attribute("aria-pressed", "true")
    view.goto(base + CHAPTERS[1])
    expect(view.locator("details.fold:not([open])")).to_have_count(0)
    expect(view.locator("details.solution[open]")).to_have_count(0)
    switch.click()
    view.reload()
    expect(view.locator("details.fold[open]")).to_have_count(0)


@pytest.mark.parametrize("script", [True, False])
def test_one_fold_opens_and_closes_with_the_mouse_or_the_keyboard(tab, base, script):
    view = tab(java_script_enabled=script)
    view.goto(base + CHAPTERS[-1])
    for one in (view.locator("details.fold-claim").nth(1), view.locator("details.solution").nth(1)):
        line = one.locator("summary").first
        line.click()
        expect(one).to_have_attribute("open", "")
        expect(view.locator("details[open]")).to_have_count(1)
        line.press("Enter")
        expect(view.locator("details[open]")).to_have_count(0)


def test_a_solution_is_named_by_its_title(tab, base):
    view = tab()
    view.goto(base + CHAPTERS[5])
    solutions = view.locator("details.solution")
    assert solutions.count() > 8
    for title in solutions.locator("> summary").all():
        assert title.text_content().startswith("Solution to Exercise 6.")
        assert title.locator("a, button").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_print_shows_solutions_and_no_folded_code(tab, base, theme):
    view = tab(theme)
    view.goto(base + CHAPTERS[0])
    view.emulate_media(media="print", color_scheme=theme)
    heights = "all => all.map(e => e.getBoundingClientRect().height)"
    assert set(view.locator("details.fold").evaluate_all(heights)) == {0}
    assert min(view.locator("details.solution > section").evaluate_all(heights)) > 20
    assert view.locator("details.solution .cell_output").first.evaluate("e => e.checkVisibility()")


def test_a_cell_of_imports():
    assert folds.imports("import math\nfrom genbook import plots\n\nplots.use_style()")
    for lesson in ("import math\nx = 1", "plots.use_style()", "from math import pi\nprint(pi)\nprint(2 * pi)"):
        assert not folds.imports(lesson)
