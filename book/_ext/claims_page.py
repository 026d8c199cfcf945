"""The page that lists every claim of every notebook, and an anchor on each cell that makes one."""

import json
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.util.docutils import SphinxDirective


def made_by(cell: nbformat.NotebookNode) -> list[str]:
    """The claims that a cell printed: its output lines that start with ✓."""
    if "claim" not in cell.metadata.get("tags", []):
        return []
    text = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    return re.findall(r"^✓ (.+)$", text, re.MULTILINE)


def headings(markdown: str) -> list[str]:
    """The headings of a Markdown cell, without their numbers of #; code blocks hold none."""
    text = re.sub(r"^(```+|~~~+).*?^\1", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#{1,6} +(.+?)\s*$", text, re.MULTILINE)


class Claims(SphinxDirective):
    """All claims by chapter and section, each with a link to its cell and how often it held under other seeds."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # the notebooks may have changed since
        paths = {docname: Path(self.env.doc2path(docname)) for docname in sorted(self.env.found_docs)}
        return [self.chapter(path, docname) for docname, path in paths.items() if path.suffix == ".ipynb"]

    def chapter(self, path: Path, docname: str) -> nodes.section:
        """One section of the page: a chapter's claims under its headings."""
        page = self.env.app.builder.get_relative_uri(self.env.docname, docname)
        report = path.parent / "claims" / f"{path.stem}.json"
        trials = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {"seeds": [], "claims": {}}
        section = nodes.section(ids=[nodes.make_id(f"claims-{path.stem}")])
        heading = items = None
        for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "markdown":
                for text in headings(cell.source):
                    words, _ = self.state.inline_text(text, self.lineno)
                    if not section.children:
                        number = path.stem.split("_")[0].lstrip("0")
                        section += nodes.title("", f"{number}. ", *words)
                    else:
                        heading, items = nodes.rubric("", "", *words), None
            elif cell.cell_type == "code":
                for text in made_by(cell):
                    if items is None:
                        items = nodes.bullet_list(classes=["claims"])
                        section += [heading, items] if heading else [items]
                    link = nodes.reference("", text, refuri=f"{page}#claim-{index}", internal=True)
                    line = nodes.paragraph("", "", link)
                    if text in trials["claims"]:
                        times = f"{trials['claims'][text]} of {len(trials['seeds'])}"
                        line += nodes.inline("", f" held under {times} seeds", classes=["seeds"])
                    items += nodes.list_item("", line)
        return section


def add_anchors(app, doctree: nodes.document) -> None:
    """Give each cell that makes claims an id that the list can link to: MyST-NB gives none."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code" and "claim" in cell["cell_metadata"].get("tags", []):
            cell["ids"].append(f"claim-{cell['cell_index']}")


def setup(app) -> dict:
    app.add_directive("claims", Claims)
    app.connect("doctree-read", add_anchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
