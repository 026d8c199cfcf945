"""The book to take away: the whole site in one zip, and the whole book as one document and as a PDF."""

import io
import posixpath
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pdf
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Error
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"

PAGES = sorted(
    path.relative_to(SITE).as_posix() for folder in ("book", "notebooks") for path in SITE.glob(f"{folder}/*")
)


def text(page: str) -> str:
    return (SITE / page).read_text(encoding="utf-8")


def links(html: str) -> list[str]:
    """What a page links to and loads. Parsing all pages would take half a minute."""
    return re.findall(r'<(?:a|link|script|img)\b[^>]*?\b(?:href|src)="([^"]+)"', html)


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


def test_all_that_a_page_needs_is_in_the_zip(packed):
    names, wanted = set(packed.namelist()), set()
    for page in ["index.html", *PAGES]:
        for link in links(packed.read(f"genbook/{page}").decode()):
            parts = urlsplit(link)
            if not parts.scheme and parts.path:
                wanted.add(posixpath.normpath(posixpath.join("genbook", posixpath.dirname(page), unquote(parts.path))))
    assert len(wanted) > 50 and wanted <= names


def test_zip_does_not_tell_when_or_where_it_was_made(packed):
    entries = packed.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.date_time, entry.create_system) for entry in entries} == {((1980, 1, 1, 0, 0, 0), 3)}


def test_landing_page_offers_the_zip_and_the_pdf_that_is_published():
    landing = text("book/index.html")
    assert "../genbook.zip" in links(landing)
    published = re.search('<link rel="canonical" href="([^"]+)"', landing)[1]
    assert urljoin(published, "../genbook.pdf") in links(landing)
    workflow = (ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
    assert "make pdf && cp _build/genbook.pdf _build/html/" in workflow


# --- The whole book as one document -------------------------------------------------------------------------------


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_whole_book_is_one_sound_document(browser):
    tab, targets = pdf.assemble(browser)

    def every(selector, what):
        return tab.evaluate(f"[...document.querySelectorAll({selector!r})].map(e => {what})")

    def count(pattern):
        return sum(len(re.findall(pattern, text(page).split("<article")[1].split("</article>")[0])) for page in PAGES)

    # All pages, in the order of the side bar.
    titles = [words(title) for title in every("article:not(.title-page) h1", "e.textContent")]
    sidebar = BeautifulSoup(text("book/index.html"), "html.parser").select("nav.bd-links a")
    assert titles == [words(link.text) for link in sidebar]

    # Every link leads somewhere.
    ids = every("[id]", "e.id")
    assert len(ids) == len(set(ids))
    links = every("a[href]", "e.getAttribute('href')")
    inner = [unquote(link[1:]) for link in links if link.startswith("#")]
    assert len(inner) > 500 and {*inner, *targets} <= set(ids)
    assert {urlsplit(link).scheme for link in links} <= {"", "https", "http"}

    # Formulas and images, all of them.
    assert tab.locator("article .katex-html").count() == count('class="katex-html"') > 1000
    assert tab.locator("article img").count() == count("<img ") > 50
    assert all(every("img", "e.complete && e.naturalWidth > 0"))
    fonts = tab.evaluate("[...document.fonts].filter(font => font.status == 'loaded').map(font => font.family)")
    assert "KaTeX_Math" in fonts and "KaTeX_AMS" in fonts

    # All is open to see; what only a screen has a use for is gone.
    assert every("article :is(h1, p, li, dd, pre, figure, td)", "e.checkVisibility()").count(False) == 0
    assert (
        tab.locator("details:not([open]), body :is(button, script, .headerlink, nav:not(.book-contents))").count() == 0
    )
    assert tab.locator("article .solution").count() == count('class="solution') > 10
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(36, 41, 46)"

    # Nothing is wider than the paper. (KaTeX ends a subscript with 2 empty pixels.)
    assert tab.evaluate("document.documentElement.scrollWidth") <= pdf.WIDTH + 2
    parts = "article :is(p, pre, table, figure, img, .katex-display > .katex > .katex-html > .base)"
    assert (
        every(parts, "e.getBoundingClientRect().right <= innerWidth + 1 || e.textContent")
        == [True] * tab.locator(parts).count()
    )
    tab.close()


SMALL = """
root: book/index.md
parts:
  - caption: Chapters
    chapters:
      - file: book/next.md
  - caption: Reference
    chapters:
      - file: book/glossary.md
"""


def test_the_pdf_is_in_order_and_has_page_numbers_that_are_true(browser, tmp_path):
    """A book of two short pages, made in the same way: the whole one takes a minute."""
    toc = tmp_path / "_toc.yml"
    toc.write_text(SMALL, encoding="utf-8")
    reader = PdfReader(io.BytesIO(pdf.pdf(*pdf.assemble(browser, toc=toc))))
    pages = [words(page.extract_text()) for page in reader.pages]
    assert 8 < len(pages) < 40
    assert {tuple(map(round, page.mediabox[2:])) for page in reader.pages} == {(595, 842)}, "A4"
    assert reader.metadata.title == "Generative models from first principles"
    assert pages[0].startswith("Generative models from first principles")
    assert all(page.startswith(str(number)) for number, page in enumerate(pages[1:], 2)), "its number at the foot"

    outline = {entry.title: reader.get_destination_page_number(entry) for entry in reader.outline if "/Title" in entry}
    assert list(outline) == ["Generative models from first principles", "What next", "Glossary"]
    for title, index in list(outline.items())[1:]:
        assert pages[index].startswith(f"{index + 1}{title} {title}"), "the outline leads to foot line and title"
        assert re.search(rf"{title} {index + 1}\b", pages[1]), "the contents give that page"
    assert outline["What next"] < outline["Glossary"]


def test_a_site_that_is_not_built_is_named(browser, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"book/index\.html is missing: run `make book` first"):
        pdf.assemble(browser, site=tmp_path)


def test_an_image_that_is_missing_is_named(browser, tmp_path):
    for page in ("book/index.html", "book/next.html", "book/glossary.html"):
        (tmp_path / page).parent.mkdir(exist_ok=True)
        (tmp_path / page).write_text(re.sub("<link[^>]*stylesheet[^>]*>", "", text(page)), encoding="utf-8")
    toc = tmp_path / "_toc.yml"
    toc.write_text(SMALL, encoding="utf-8")
    with pytest.raises(Error, match=r"_images/\w+\.png is missing"):
        pdf.assemble(browser, site=tmp_path, toc=toc)
