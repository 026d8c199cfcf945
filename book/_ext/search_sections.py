"""What the search page knows of each section, and each word of the glossary: title and text, in one file, sections.js.

So results lead to sections. Sphinx's own search leads to the top of a page, and fetches all of them for a few words.
"""

import json
import re
from pathlib import Path

from docutils import nodes

from genbook.files import write_whole

NOT_TEXT = (nodes.title, nodes.literal_block, nodes.math_block, nodes.raw, nodes.comment)
START, END = "const SECTIONS = ", ";\n"


def is_section(node: nodes.Node) -> bool:
    """Whether it has a title: the body of a box is a section to docutils, too."""
    return isinstance(node, nodes.section) and isinstance(node.children[0], nodes.title)


def text(node: nodes.Node) -> str:
    """The text of a section without those in it, code and displayed formulas; other formulas as TeX."""
    if isinstance(node, nodes.Text):
        return node.astext()
    parts = [text(child) for child in node.children if not (isinstance(child, NOT_TEXT) or is_section(child))]
    return "".join(parts) if isinstance(node, nodes.TextElement) else " ".join(parts)


def note(app, doctree: nodes.document, docname: str) -> None:
    sections = [
        [section["ids"][0], section[0].astext(), re.sub(r"\s+", " ", text(section)).strip()]
        for section in doctree.findall(is_section)
    ]
    for entry in doctree.findall(nodes.definition_list_item):
        *names, meaning = entry.children
        sections += [[name["ids"][0], name.astext(), text(meaning)] for name in names if name.get("ids")]
    app.search_sections[docname] = sections


def start(app) -> None:
    app.search_sections = {}


def write(app, error) -> None:
    """Write sections.js: of the pages that this build did not write anew, what an earlier one knew."""
    if error or app.builder.format != "html":
        return
    path = Path(app.outdir, "_static", "genbook", "sections.js")
    earlier = path.read_text(encoding="utf-8") if path.exists() else f"{START}{{}}{END}"
    pages = json.loads(earlier.removeprefix(START).removesuffix(END)) | app.search_sections
    pages = {name: pages[name] for name in sorted(pages) if name in app.env.found_docs}
    write_whole(f"{START}{json.dumps(pages, ensure_ascii=False)}{END}".encode(), path)


def setup(app) -> dict:
    app.connect("builder-inited", start)
    app.connect("doctree-resolved", note)
    app.connect("build-finished", write, priority=600)  # before the pages are packed
    return {"parallel_read_safe": True, "parallel_write_safe": False}
