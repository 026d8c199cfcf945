"""The search page: what Sphinx's search does not see to."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"
WORDS = [
    "constructor",
    "Constructor prior",
    "__proto__",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "prototype",
    "length",
]
WORDS += ["undefined", "null", "NaN", "true", "0", "2024", " ", "-", "()", "[", "\\", "*", "<b>", '"', "é", "χ²", "x²"]


@pytest.mark.parametrize("word", WORDS)
def test_a_strange_word_ends_in_a_sensible_line(tab, base, word):
    view = tab()
    view.goto(base + f"search.html?q={quote(word)}")
    expect(view.locator("#search-results h2")).to_have_text("Search Results")
    expect(view.locator(".search-summary")).to_have_text(
        re.compile(r"^(Your search did not match|Search finished, found)")
    )
    for link in view.locator("#search-results li a").all():
        assert (SITE / link.get_attribute("href").split("#")[0]).is_file()


def test_each_word_of_the_text_is_found(tab, base):
    """Of all pages but for stop words: also one such as Ising, whose stem is a stop word."""
    view = tab()
    view.goto(base + "search.html?q=Ising")
    view.locator("#search-results a[href*='01_gibbs'][data-score='15']").first.wait_for()
    words = set()
    for page in [*SITE.glob("book/*.html"), *SITE.glob("notebooks/*.html")]:
        article = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find("article")
        paragraphs = " ".join(
            paragraph.text for paragraph in article.find_all(["h2", "p"]) if not paragraph.find(class_="katex")
        )
        words |= set(re.findall(r"[a-z]{3,}", paragraphs.lower()))
    lost = view.evaluate(
        """words => words.filter(word => !stopwords.includes(word))
          .filter(word => !Search._performSearch(...Search._parseQuery(word)).length)""",
        sorted(words),
    )
    assert len(words) > 2000 and not lost


@pytest.mark.parametrize("other", ["KL divergence", "FID", "reparameterization trick", "nonsaturating"])
def test_another_name_finds_the_entry_of_the_glossary(tab, base, other):
    view = tab()
    view.goto(base + f"search.html?q={quote(other)}")
    expect(view.locator("#search-results li a").first).to_have_attribute("href", re.compile("glossary.html#term-"))


def test_a_word_is_found_without_its_accent(tab, base):
    view = tab()
    view.goto(base + "search.html?q=zzz")
    found = "word => Search._performSearch(...Search._parseQuery(word)).map(result => result[0]).sort()"
    with_accent, without = (set(view.evaluate(found, word)) for word in ("Fréchet", "frechet"))
    assert len(with_accent) > 5 and with_accent <= without
