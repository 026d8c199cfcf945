"""The built site, _build/html, as readers meet it: in a real browser, in both themes, on a desk and on a phone."""

import functools
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import claims_page
import pytest
import serve
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FILES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
PAGES = [file for file in FILES if file != "index.html"]  # that one only leads on to the landing page
CHAPTERS = [page for page in PAGES if page.startswith("notebooks/")]
# axe looks at each element, so a page first loses what it would look at again and again: of the coloured words of code
# that look alike all but one, and the inner parts of each formula, for which a letter of the same width stands in.
AXE_ONCE = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight span")) {
    const look = [word.closest(".cell_output") !== null, word.parentElement.className, word.className].join();
    seen.has(look) ? word.replaceWith(...word.childNodes) : seen.add(look);
  }
  const formulas = [...document.querySelectorAll(".katex")];
  const width = it => Math.max(it.getBoundingClientRect().width, it.querySelector(".katex-html").scrollWidth);
  const widths = formulas.map(width);
  formulas.forEach((formula, i) => {
    formula.textContent = "x";
    formula.style.cssText = `display: inline-block; width: ${widths[i]}px`;
  });
}"""
AXE_ALL = {"resultTypes": ["violations"]}
AXE_COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY, VERSION = PROJECT["urls"]["Repository"], PROJECT["version"]


@functools.cache
def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / page).read_text(encoding="utf-8"), "html.parser")


@functools.cache
def ids(page: str) -> list[str]:
    return [tag["id"] for tag in soup(page).find_all(id=True)]


def test_the_site_is_built():
    assert "book/index.html" in PAGES and CHAPTERS, "run `make book` first"


# --- What the files say -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", FILES)
def test_links_lead_somewhere(page):
    """Each internal link and anchor exists, and nothing that a page loads comes from another host."""
    problems = []
    for tag in soup(page).find_all(["a", "link", "script", "img", "source", "iframe", "form"]):
        target = tag.get("href") or tag.get("src") or tag.get("action") or ""
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            if tag.name != "a" and tag.get("rel") != ["canonical"]:
                problems.append(f"loads {target}")
            continue
        file = (SITE / page).parent / unquote(parts.path) if parts.path else SITE / page
        if not file.resolve().is_file():
            problems.append(f"no file {target}")
        elif parts.fragment and unquote(parts.fragment) not in ids(file.resolve().relative_to(SITE).as_posix()):
            problems.append(f"no anchor {target}")
    assert not problems


@pytest.mark.parametrize("page", PAGES)
def test_page_says_what_it_is(page):
    html = soup(page)
    assert len(ids(page)) == len(set(ids(page))), "two elements with the same id"
    assert len(html.find("meta", attrs={"name": "description"})["content"]) > 20
    assert html.html["lang"] == "en"
    assert all(head.text.strip() for head in html.find_all("th")), "an empty table head"
    assert not [tag for tag in html.find_all("script") if re.search("mathjax|thebe", str(tag), re.IGNORECASE)]


def test_descriptions_and_titles_differ():
    for find in (lambda page: soup(page).find("meta", attrs={"name": "description"})["content"], title):
        texts = [find(page) for page in PAGES]
        assert len(texts) == len(set(texts))


def test_no_title_says_a_thing_twice():
    for page in PAGES:
        parts = title(page).split(" — ")
        assert len(parts) == len(set(parts)), title(page)


def title(page: str) -> str:
    return soup(page).title.text


def test_every_page_but_the_404_has_its_canonical_address():
    for page in PAGES:
        link = soup(page).find("link", rel="canonical")
        owner, name = REPOSITORY.split("/")[-2:]
        expected = None if page == "404.html" else f"https://{owner}.github.io/{name}/{page}"
        assert (link and link["href"]) == expected


@pytest.mark.parametrize("page", CHAPTERS)
def test_chapter_can_be_run_and_edited(page):
    path = page.removesuffix(".html")
    links = {link["href"] for link in soup(page).select(".article-header-buttons a")}
    colab = REPOSITORY.replace("https://github.com", "https://colab.research.google.com/github")
    source = f"notebooks/src/{Path(path).name}.md"
    assert f"{colab}/blob/v{VERSION}/{path}.ipynb" in links
    assert f"{REPOSITORY}/edit/main/{source}" in links
    assert (ROOT / source).is_file()


def test_all_claims_are_listed_with_a_link_to_their_cell():
    listed = [link for link in soup("book/claims.html").select("ul.claims a")]
    made = 0
    for page in CHAPTERS:
        notebook = json.loads((ROOT / page).with_suffix(".ipynb").read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "claim" in cell["metadata"].get("tags", []):
                text = "".join("".join(output.get("text", "")) for output in cell["outputs"])
                made += len(re.findall("^✓ ", text, re.MULTILINE))
    assert len(listed) == made > 0
    cells = {(page, tag["id"]): tag.text for page in CHAPTERS for tag in soup(page).select("main [id]")}
    for link in listed:
        cell = cells[tuple(link["href"].removeprefix("../").split("#"))]
        assert link.text.replace("’", "'") in cell  # the list has typographic quotes


def test_how_often_claims_held_is_said_once_a_chapter_and_of_exceptions():
    said = soup("book/claims.html").select(".seeds")
    assert [line.text for line in said] == [
        "Run under 20 random seeds: each claim held under all of them." for _ in CHAPTERS
    ]
    trials = {"seeds": [0, 1, 2], "claims": {"always": 3, "mostly": 2}}
    assert claims_page.how_often(trials) == "Run under 3 random seeds: what held under fewer says so."
    found = [claims_page.unlike_all(trials, text) for text in ("always", "mostly", "new")]
    assert found == ["", "held under 2 of 3", "not yet run under other seeds"]


def test_letters_lead_into_the_glossary():
    page = soup("book/glossary.html")
    first = {}
    for term in page.select("dl.glossary dt:first-child, dl.glossary dd + dt"):
        first.setdefault(term.text[0].upper(), term["id"])
    letters = {link.text: link["href"][1:] for link in page.select("p.letters a")}
    assert letters == first and list(letters) == sorted(letters) and len(letters) > 15


def test_each_word_of_the_glossary_is_linked_to_its_uses_and_back():
    """Of the names of one entry, which search finds, the first is linked."""
    for word in soup("book/glossary.html").select("dl.glossary dt:first-child, dl.glossary dd + dt"):
        uses = word.find_next_sibling("dd").select("p.uses a")
        assert uses, f"no page uses {word.text}"
        for use in uses:
            file, anchor = use["href"].split("#")
            there = soup((Path("book") / file).as_posix().replace("book/../", "")).find(id=anchor)
            assert there.find_parent("a")["href"].endswith(f"glossary.html#{word['id']}")


def test_errors_can_be_reported():
    links = {link["href"] for link in soup("book/changelog.html").select("article a[href]")}
    assert {f"{REPOSITORY}/issues", REPOSITORY} <= links


# --- What the browser sees ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_page_is_sound(tab, base, page):
    """On a desk and on a phone: no message, no outside request, nothing that axe objects to, no sideways scrolling.

    Then dark, in which only the colours differ.
    """
    view, theme = tab(), "document.documentElement.dataset.theme"
    view.goto(base + page)
    assert view.evaluate(theme) == "light"
    for image in view.locator("main img").all():
        alt = image.get_attribute("alt") or ""
        assert len(alt) > 10 and "/" not in alt and not alt.endswith((".png", ".svg")), alt
    load = "image => { image.loading = 'eager'; return image.decode().then(() => image.naturalWidth > 0); }"
    shown = view.evaluate(f"Promise.all([...document.querySelectorAll('main img')].map({load}))")
    assert all(shown)
    # All of the page, not what is near; and each theme's colours, not those on the way to them.
    view.add_style_tag(content="* { content-visibility: visible !important; transition: none !important }")
    view.evaluate("document.querySelectorAll('details').forEach(folded => { folded.open = true; })")
    view.keyboard.press("Shift")  # somebody uses a keyboard: from now on every box that scrolls can be reached with it
    for width in (1280, 640, 360, 280):  # the second is that at 200 %, the last one a folded phone
        view.set_viewport_size({"width": width, "height": 900})
        view.evaluate("new Promise(requestAnimationFrame)")
        assert view.evaluate("document.documentElement.scrollWidth") <= width
    view.evaluate(AXE.read_text(encoding="utf-8"))
    view.evaluate(AXE_ONCE)
    for width, scheme, options in ((360, "light", AXE_ALL), (1280, "light", AXE_ALL), (1280, "dark", AXE_COLOURS)):
        view.set_viewport_size({"width": width, "height": 900})
        view.emulate_media(color_scheme=scheme)
        view.wait_for_function(f"{theme} === {scheme!r}")
        found = view.evaluate("options => axe.run(options)", options)["violations"]
        faults = [(fault["id"], fault["impact"], node["html"]) for fault in found for node in fault["nodes"]]
        assert not faults, f"at {width} pixels, {scheme}"


@pytest.mark.parametrize("page", [page for page in PAGES if page != "404.html"])  # only a server shows that one
def test_page_opens_from_a_folder(tab, page):
    tab().goto((SITE / page).as_uri())


def test_root_leads_to_the_landing_page(tab, base):
    view = tab()
    view.goto(base)
    view.wait_for_url(base + "book/index.html")


def test_mathematics_and_icons_use_the_sites_own_fonts(tab, base):
    view = tab()
    view.goto(base + "book/notation.html")
    loaded = "document.fonts.ready.then(fonts => [...fonts].filter(f => f.status == 'loaded').map(f => f.family))"
    families = " ".join(view.evaluate(loaded))
    assert "KaTeX_Math" in families and "Font Awesome 6 Free" in families
    assert view.locator(".katex math").count() > 20  # MathML, for screen readers


def test_search_finds_a_chapter(tab, base):
    view = tab()
    view.goto(base + "book/notation.html")
    view.keyboard.press("ControlOrMeta+k")
    view.keyboard.type("conditional")
    view.keyboard.press("Enter")
    view.locator("#search-results a[href*='notebooks/01_gibbs.html']").first.wait_for()


def test_theme_switch_is_kept(tab, base):
    view = tab()
    view.goto(base + "book/index.html")
    theme = "document.documentElement.dataset.theme"
    for _ in range(3):
        view.locator(".theme-switch-button").first.click()
        if view.evaluate(theme) == "dark":
            break
    assert view.evaluate(theme) == "dark"
    view.goto(base + "book/glossary.html")
    assert view.evaluate(theme) == "dark"


def test_missing_page_at_any_depth(tab, base):
    view = tab()
    response = view.goto(base + "notebooks/not/here.html")
    assert response.status == 404
    assert "does not exist" in view.locator("article h1").inner_text()
    assert view.evaluate("getComputedStyle(document.querySelector('.bd-sidebar-primary')).position") == "sticky"
    view.locator("main a", has_text="beginning").click()
    assert view.url == base + "book/index.html"
    expected = [problem for problem in view.problems if "not/here.html" in problem or "404 (" in problem]
    assert len(expected) == len(view.problems)
    view.problems.clear()


def test_missing_page_where_the_site_is_at_the_servers_root(tab):
    """As under a domain of one's own."""
    with serve.serve(SITE, "") as root:
        view = tab()
        view.goto(f"{root}notebooks/not/here.html")
        assert view.evaluate("getComputedStyle(document.querySelector('.bd-sidebar-primary')).position") == "sticky"
        view.locator("main a", has_text="beginning").click()
        assert view.url == f"{root}book/index.html"
        view.wait_for_load_state("networkidle")
        view.close()
    # A browser that looks ahead asks for some files where the site is not, and then where it is.
    expected = re.compile(rf"404 \(|404: {root}|outside: {root}")
    view.problems[:] = [problem for problem in view.problems if not expected.search(problem)]


@pytest.mark.parametrize("page", CHAPTERS)
def test_notebook_downloads(tab, base, page):
    view = tab()
    view.goto(base + page)
    with view.expect_download() as download:
        view.locator(".article-header-buttons a[download]").click()
    assert download.value.suggested_filename == Path(page).with_suffix(".ipynb").name
    assert Path(download.value.path()).read_bytes() == (ROOT / page).with_suffix(".ipynb").read_bytes()


@pytest.mark.parametrize("page", [*CHAPTERS, "book/index.html"])
def test_print_shows_the_text_only(tab, base, page):
    view = tab()
    view.goto(base + page)
    view.emulate_media(media="print")
    for part in (".bd-sidebar-primary", ".bd-header-article", ".bd-footer-content", ".prev-next-footer"):
        assert not view.locator(part).first.is_visible(), part
    assert view.locator("article").bounding_box()["width"] > 500
    assert view.evaluate("getComputedStyle(document.body).color") != "rgb(255, 255, 255)"


# --- What the build refuses ---------------------------------------------------------------------------------------

FAULTS = {  # a page's lines after its title, and the warning that they must give with the page's name and line 3
    "tex": (r"A formula: $\frac{1}{$", "KaTeX parse error"),
    "block": ("$$\n\\undefinedcommand\n$$", "Undefined control sequence"),
    "numbers": ("$$\n\\begin{align} x \\end{align}\n$$", "would number this by itself"),
    "raw": (r"\begin{align} x &= 1 \end{align}", "outside of a formula"),
    "image": ("![](picture.png)", "needs alt text: picture.png"),
    "html": ('<img src="picture.png">', "needs alt text"),
    "figure": ("```{figure} picture.png\nA caption\n```", "needs alt text"),
}


@pytest.fixture(scope="module")
def faulty_book(tmp_path_factory):
    """A book with one fault a page, and one page without; a function that builds it and returns (status, stderr)."""
    source, out = tmp_path_factory.mktemp("faulty"), tmp_path_factory.mktemp("out") / "html"
    (source / "picture.png").write_bytes((ROOT / "book" / "images" / "hero.png").read_bytes())
    for name, (text, _) in FAULTS.items():
        (source / f"{name}.md").write_text(f"# Page {name}\n\n{text}\n", encoding="utf-8")
    good = "# Good\n\n![A fine picture](picture.png) with $x$, and `\\begin{align}` as code.\n"
    (source / "good.md").write_text(good, encoding="utf-8")
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["ValueError: no"]}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "id": "a", "source": "# Error"},
        {"cell_type": "code", "metadata": {}, "id": "b", "source": "f()", "outputs": [error], "execution_count": 1},
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}
    (source / "error.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    pages = [*FAULTS, "error", "good"]
    index = "# Index\n\n```{toctree}\n" + "\n".join(pages) + "\n```\n"
    (source / "index.md").write_text(index, encoding="utf-8")
    settings = {
        "extensions": ["myst_nb", "genbook_site", "katex_math"],
        "html_theme": "sphinx_book_theme",
        "html_math_renderer": "katex",
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["dollarmath"],
    }
    config = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    (source / "conf.py").write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-N", source, out]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "book" / "_ext")}

    def build():
        run = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8")
        return run.returncode, run.stderr

    return build


@pytest.fixture(scope="module")
def first_build(faulty_book):
    return faulty_book()


def test_faulty_book_fails_each_time(faulty_book, first_build):
    """A failed build must not leave anything behind that lets the next one pass."""
    assert first_build[0] != 0
    status, messages = faulty_book()
    assert status != 0 and sorted(messages.splitlines()) == sorted(first_build[1].splitlines())
    assert "good.md" not in first_build[1]


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_with_its_place(first_build, name):
    lines = [line for line in first_build[1].splitlines() if f"{name}.md:3: " in line]
    assert any(FAULTS[name][1] in line for line in lines), first_build[1]


def test_error_in_a_notebook_is_named(first_build):
    assert re.search(r"error\.ipynb.*a cell ended with an error: ValueError: no", first_build[1])


# --- The glossary's links -----------------------------------------------------------------------------------------

GLOSSARY = """# Words

:::{glossary}
Conditional VAE
  A {term}`prior` is not linked from here.

Generator
  A network.

Prior
Belief
  What is believed first.

Variational autoencoder (VAE)
  A model.
:::
"""
CHAPTER = """# The prior in a title

A prior, a belief, `a prior`, $prior$ and [a prior](https://example.org). A generator of random numbers. A conditional
VAE of three
lines is not one of the VAEs, and the **prior** is here in bold; the **average of a generator**, a priority.
"""


@pytest.fixture
def small_book(tmp_path):
    """A book of a glossary, a page and a chapter: a function that (re)builds it, with a change to a source first."""
    text = {"words.md": GLOSSARY, "page.md": "# Page\n\nA prior; a {term}`generator <Generator>`.\n"}
    text["index.md"] = "# Index\n\n```{toctree}\n:numbered:\nchapter\npage\nwords\n```\n"
    settings = {
        "extensions": ["myst_nb", "glossary_links"],
        "nb_execution_mode": "off",
        "glossary_page": "words",
        "myst_enable_extensions": ["dollarmath", "colon_fence"],
    }
    text["conf.py"] = "\n".join(f"{name} = {value!r}" for name, value in settings.items())
    source, out = tmp_path / "source", tmp_path / "out" / "html"
    source.mkdir()
    for name, content in text.items():
        (source / name).write_text(content, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "book" / "_ext")}

    def build(chapter=CHAPTER, **changed):
        cell = {"cell_type": "markdown", "metadata": {}, "id": "a", "source": chapter}
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
        for name, content in {"chapter.ipynb": json.dumps(notebook), **changed}.items():
            if not (source / name).exists() or (source / name).read_text(encoding="utf-8") != content:
                (source / name).write_text(content, encoding="utf-8")
        command = [sys.executable, "-m", "sphinx", "-W", "-q", "-N", source, out]
        subprocess.run(command, env=environment, check=True)
        pages = [
            BeautifulSoup((out / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
            for name in ("chapter", "words")
        ]
        links = {link.text: link for link in pages[0].select("a:has(.std-term)")}
        used = {
            word["id"]: word.find_next_sibling("dd").select("p.uses a") for word in pages[1].select("dl.glossary dt")
        }
        return links, {word: [use.text for use in uses] for word, uses in used.items()}

    return build


def test_a_chapters_words_are_linked_and_the_glossary_says_where(small_book):
    links, uses = small_book()
    assert set(links) == {"prior", "conditional\nVAE", "VAEs"}
    assert links["prior"].find_parent("strong")  # where it is explained, not where it is first mentioned
    assert links["VAEs"]["href"] == "words.html#term-Variational-autoencoder-VAE"
    assert uses == {
        "term-Belief": ["chapter 1"],  # another name of the prior
        "term-Conditional-VAE": ["chapter 1"],
        "term-Generator": ["chapter 2"],  # the page's own {term}; as a word it has other meanings
        "term-Prior": ["chapter 1"],
        "term-Variational-autoencoder-VAE": ["chapter 1"],
    }
    # The next builds follow a change in the chapter, and one in the glossary.
    chapter = "# Chapter\n\nThe **generator** of a number.\n"
    links, uses = small_book(chapter)
    assert set(links) == {"generator"}
    assert uses["term-Prior"] == [] and uses["term-Generator"] == ["chapter 1", "chapter 2"]
    links, uses = small_book(chapter, **{"words.md": GLOSSARY.replace("Prior\n", "Number\n  Any.\n\nPrior\n")})
    assert set(links) == {"generator", "number"} and uses["term-Number"] == ["chapter 1"]
