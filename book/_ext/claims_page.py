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


def how_often(trials: dict) -> str:
    """A sentence on a chapter's trials: {"seeds": [...], "claims": {text: times}}."""
    held = [times == len(trials["seeds"]) for times in trials["claims"].values()]
    words = f"Run under {len(trials['seeds'])} random seeds: "
    return words + ("each claim held under all of them." if all(held) else "what held under fewer says so.")


def unlike_all(trials: dict, text: str) -> str:
    """What a claim has of its own to say of those trials: mostly ''."""
    if text not in trials["claims"]:
        return "not yet run under other seeds"
    held, seeds = trials["claims"][text], len(trials["seeds"])
    return "" if held == seeds else f"held under {held} of {seeds}"


class Claims(SphinxDirective):
    """All claims by chapter and section, each with a link to its cell.

    How often they held under other seeds stands once above a chapter's claims, and behind those that are exceptions.
    """

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
                        if trials["seeds"]:
                            section += nodes.paragraph("", how_often(trials), classes=["seeds"])
                    else:
                        heading, items = nodes.rubric("", "", *words), None
            elif cell.cell_type == "code":
                for text in made_by(cell):
                    if items is None:
                        items = nodes.bullet_list(classes=["claims"])
                        section += [heading, items] if heading else [items]
                    link = nodes.reference("", text, refuri=f"{page}#claim-{index}", internal=True)
                    line = nodes.paragraph("", "", link)
                    if trials["seeds"] and (exception := unlike_all(trials, text)):
                        line += nodes.inline("", f" {exception}", classes=["seeds"])
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
