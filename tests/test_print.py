"""The book to take away: the whole site in one zip, and the whole book as one document and as a PDF."""

import io
import posixpath
import re
import sys
import zipfile
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup, SoupStrainer
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
sys.path[:0] = [str(ROOT / "book"), str(ROOT / "tests")]
import chromium  # noqa: E402
import pdf  # noqa: E402

PAGES = sorted(path.relative_to(SITE).as_posix() for folder in ("book", "notebooks") for path in SITE.glob(f"{folder}/*"))


def links(page: bytes) -> list[str]:
    """What a page links to and loads."""
    tags = BeautifulSoup(page, "html.parser", parse_only=SoupStrainer(["a", "link", "script", "img"])).find_all(True)
    return [tag.get("href") or tag.get("src") or "" for tag in tags]


# --- The zip ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed():
    with zipfile.ZipFile(SITE / "genbook.zip") as archive:
        yield archive


def test_zip_holds_the_site_and_no_sources(packed):
    assert packed.testzip() is None
    names = packed.namelist()
    assert {f"genbook/{page}" for page in [*PAGES, "index.html", "search.html", "searchindex.js"]} <= set(names)
    assert all(name.startswith("genbook/") for name in names), "unpacked, it is one folder"
    for name in names:
        path = Path(name)
        assert path.suffix not in {".md", ".zip", ".pdf", ".pickle", ".doctree", ".py", ".map"}, name
        if path.name != "index.html" or path.parent.name != "book":  # that one has another link to the zip
            assert packed.read(name) == (SITE / path.relative_to("genbook")).read_bytes(), name


@pytest.mark.parametrize("page", ["index.html", *PAGES])
def test_all_that_a_page_needs_is_in_the_zip(packed, page):
    names = set(packed.namelist())
    for link in links(packed.read(f"genbook/{page}")):
        parts = urlsplit(link)
        if not parts.scheme and parts.path:
            assert posixpath.normpath(posixpath.join("genbook", posixpath.dirname(page), unquote(parts.path))) in names


def test_zip_does_not_tell_when_or_where_it_was_made(packed):
    entries = packed.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.create_system) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 3)}


def test_landing_page_offers_the_zip_and_the_pdf_that_is_published():
    landing = (SITE / "book/index.html").read_bytes()
    assert "../genbook.zip" in links(landing)
    published = BeautifulSoup(landing, "html.parser").find("link", rel="canonical")["href"]
    assert urljoin(published, "../genbook.pdf") in links(landing)
    workflow = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    assert "make pdf && cp _build/genbook.pdf _build/html/" in workflow


# --- The whole book as one document -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_options())
        yield browser
        browser.close()


def test_whole_book_is_one_sound_document(browser):
    failed = []
    tab, targets = pdf.assemble(browser, watch=lambda tab: tab.on("requestfailed", lambda r: failed.append(r.url)))
    titles = tab.locator("article > section > h1, .title-page h1").all_text_contents()
    sidebar = BeautifulSoup((SITE / "book/index.html").read_text(encoding="utf-8"), "html.parser").select("nav.bd-links a")
    assert [" ".join(title.split()) for title in titles[1:]] == [" ".join(link.text.split()) for link in sidebar]
    ids = tab.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert set(targets) <= set(ids)
    hrefs = tab.evaluate("[...document.querySelectorAll('a[href]')].map(e => e.getAttribute('href'))")
    inner = [unquote(href[1:]) for href in hrefs if href.startswith("#")]
    assert len(inner) > 500 and set(inner) <= set(ids)
    assert all(href.startswith(("#", "https://", "http://", "mailto:")) for href in hrefs)

    def count(pattern):
        return sum(len(re.findall(pattern, (SITE / page).read_text(encoding="utf-8"))) for page in PAGES)

    assert tab.locator("article .katex-html").count() == count('class="katex-html"') > 1000
    assert tab.locator(".title-page img, article img").count() == count(r'<img [^>]*src="\.\./_images') > 50
    assert tab.evaluate("[...document.images].every(image => image.complete && image.naturalWidth)")
    status = "[...document.fonts].filter(font => font.family.startsWith('KaTeX_Math')).map(font => font.status)"
    assert "loaded" in tab.evaluate(status)
    assert not failed

    hidden = "[...document.querySelectorAll('article p, article pre, article figure')].filter(e => !e.checkVisibility())"
    assert tab.evaluate(f"{hidden}.map(e => e.textContent)") == []
    solutions = tab.locator(".solution p").count()
    assert solutions >= count('class="solution') > 10
    assert tab.locator("button, script[src*=copy], .headerlink").count() == 0 or not tab.locator("article button").count()
    tab.set_viewport_size({"width": 627, "height": 900})  # 166 mm, a page's text
    assert tab.evaluate("document.documentElement.scrollWidth") <= 627
    wide = """[...document.querySelectorAll('article :is(p, pre, table, .katex-display, figure, img)')].filter(
        e => e.getBoundingClientRect().right > 628 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)"""
    assert tab.evaluate(f"{wide}.map(e => e.textContent.slice(0, 90))") == []
    tab.close()
