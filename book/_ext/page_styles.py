"""One style sheet for all pages, styles.css: a phone waits for one small file, not for eleven mostly unused ones."""

import hashlib
import json
import posixpath
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from katex_math import node_binary

from genbook.files import write_whole

LINK = re.compile(r'[ \t]*<link\b[^>]*\brel="stylesheet"[^>]*>\n?')
NAME = "genbook/styles.css"


def squeeze(styles: list[str], whole: list[bool], words: set[str]) -> str:
    """The styles as one: those not whole without the rules for what is not among the words. Raises RuntimeError."""
    command = [node_binary(), Path(__file__).with_suffix(".js")]
    sent = json.dumps({"styles": styles, "whole": whole, "words": " ".join(sorted(words))})
    run = subprocess.run(command, input=sent, capture_output=True, text=True, encoding="utf-8")
    if run.returncode:
        raise RuntimeError(f"the pages' styles could not be merged; has `npm ci` been run?\n{run.stderr}")
    return run.stdout


def read(static: Path, name: str) -> str:
    """A style sheet, its addresses as seen from styles.css. Raises RuntimeError where it imports another one."""
    text = (static / name).read_text(encoding="utf-8")

    def move(found: re.Match) -> str:
        address = found[2]
        if re.match(r"[a-z]+:|#|/", address):
            return found[0]
        return f"url({posixpath.relpath(posixpath.join(posixpath.dirname(name), address), posixpath.dirname(NAME))})"

    if "@import" in text:
        raise RuntimeError(f"{name} imports a style sheet, which page_styles.py can't merge")
    return re.sub(r"""url\((["']?)([^"')]+)\1\)""", move, text)


def merge(app, error) -> None:
    """Write styles.css from what 404.html links: each build writes it anew, and finish_page gives it all styles."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = {page: page.read_text(encoding="utf-8") for page in out.rglob("*.html")}
    names = [
        urlsplit(re.search(r'href="([^"]*)"', link)[1]).path.partition("_static/")[2]
        for link in LINK.findall(pages[out / "404.html"])
    ]
    scripts = "".join(script.read_text(encoding="utf-8") for script in (out / "_static").rglob("*.js"))
    words = set(re.findall(r"[\w-]+", scripts + "".join(pages.values())))
    ours = [name.startswith("genbook/") for name in names]  # their scripts put class names together
    styles = squeeze([read(out / "_static", name) for name in names], ours, words)
    write_whole(styles.encode(), out / "_static" / NAME)
    version = hashlib.sha256(styles.encode()).hexdigest()[:8]
    for page, text in pages.items():
        links = LINK.findall(text)
        if not links:
            continue
        place = re.search(r'href="([^"]*_static/)', links[0])[1]
        link = f'  <link rel="stylesheet" href="{place}{NAME}?v={version}" />\n'
        merged = LINK.sub("", text.replace(links[0], "\0", 1)).replace("\0", link)
        merged = merged.replace(' data-theme="auto"', "", 1)  # which has no colours until a script has chosen some
        if merged != text:
            write_whole(merged.encode(), page)


def setup(app) -> dict:
    app.connect("build-finished", merge, priority=750)  # when all styles and pages are written, before they are packed
    return {"parallel_read_safe": True, "parallel_write_safe": True}
