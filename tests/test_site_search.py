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
    view.locator("#search-results a[href*='01_gibbs.html#']", has_text="the Ising model").wait_for()
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


@pytest.mark.parametrize("word", ["jensen", "stationary", "Onsager", "KL divergence", "eigenvalue"])
def test_results_lead_to_what_they_show_and_no_page_is_fetched_for_them(tab, base, word):
    view, fetched = tab(), []
    view.on("request", lambda request: fetched.append(request.url))
    view.goto(base + f"search.html?q={quote(word)}")
    expect(view.locator(".search-summary")).to_contain_text("found")
    assert not [url for url in fetched if url.endswith(".html")]
    results = view.locator("#search-results li").all()
    assert len(results) > 1
    for result in results[:4]:
        marked = result.locator("a, .highlighted").all_text_contents()
        assert any(word.split()[0].lower() in text.lower() for text in marked)
        address = result.locator("a").get_attribute("href")
        page, _, anchor = address.partition("#")
        article = BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser").find("article")
        target = article.find(id=anchor) if anchor else article
        if target.name == "dt":
            target = target.parent
        assert word.split()[0].lower() in target.text.lower(), address


def test_the_search_works_from_a_folder(tab):
    view = tab()
    view.goto(f"{(SITE / 'search.html').as_uri()}?q=jensen")
    expect(view.locator("#search-results li .highlighted").first).to_have_text("Jensen")
