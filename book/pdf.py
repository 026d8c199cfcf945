"""The whole book as one PDF, from the built site: `make pdf`."""

import io
import sys
import tomllib
from pathlib import Path

import yaml
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
HERE = Path(__file__).parent
WIDTH = 627  # pixels of 1/96 inch: the 166 mm between the margins of pdf.css
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import chromium  # noqa: E402

from genbook.files import write_whole  # noqa: E402


def parts(toc: Path) -> list[dict]:
    """The book's parts in order: caption and paths of the built pages. The landing page is a part of its own."""
    tree = yaml.safe_load(toc.read_text(encoding="utf-8"))
    files = [("", [tree["root"]])]
    files += [(part["caption"], [chapter["file"] for chapter in part["chapters"]]) for part in tree["parts"]]
    return [
        {"caption": caption, "pages": [Path(name).with_suffix(".html").as_posix() for name in names]}
        for caption, names in files
    ]


def assemble(browser: Browser, site: Path = SITE, toc: Path = ROOT / "_toc.yml") -> tuple[Page, list[str]]:
    """A tab that shows the whole book as one document, and the ids that its contents lead to, in order.

    Raises FileNotFoundError where a page of the book has not been built.
    """
    book = parts(toc)
    for part in book:
        for path in part["pages"]:
            if not (site / path).is_file():
                raise FileNotFoundError(f"the page {site / path} is missing: run `make book` first")
        part["pages"] = [[path, (site / path).read_text(encoding="utf-8")] for path in part["pages"]]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # The landing page brings the site's styles. Scripts, which fold solutions away, never see the pages added to it.
    tab = browser.new_page(color_scheme="light", viewport={"width": WIDTH, "height": 900})
    tab.set_default_timeout(120_000)
    tab.emulate_media(media="print")
    tab.goto((site / book[0]["pages"][0][0]).as_uri())
    css = (HERE / "pdf.css").read_text(encoding="utf-8")
    what = {"parts": book, "site": site.as_uri() + "/", "version": project["version"], "css": css}
    return tab, tab.evaluate((HERE / "pdf.js").read_text(encoding="utf-8"), what)


def pdf(tab: Page, targets: list[str]) -> bytes:
    """The PDF of an assembled book. It is printed twice: only then is known what is on which page."""
    options = {"prefer_css_page_size": True, "print_background": True}
    reader = PdfReader(io.BytesIO(tab.pdf(**options)))
    numbers = {name: reader.get_destination_page_number(to) + 1 for name, to in reader.named_destinations.items()}
    fill = "numbers => document.querySelectorAll('.page-number').forEach((space, i) => space.textContent = numbers[i])"
    tab.evaluate(fill, [numbers["/" + target] for target in targets])
    return tab.pdf(**options, tagged=True, outline=True)


if __name__ == "__main__":
    path = SITE.parent / "genbook.pdf"
    with chromium.playwright() as playwright:
        browser = playwright.chromium.launch(**chromium.launch_options())
        write_whole(pdf(*assemble(browser)), path)
    print(path)
