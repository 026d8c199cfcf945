"""What a page folds behind one line: solutions, and the code that draws, checks and imports. A fold is a <details>.

Which cells fold is decided by their tags and metadata: notebooks stay as they are.
"""

import ast
import re

from docutils import nodes
from sphinx.util.docutils import SphinxTranslator
from sphinx_exercise.nodes import solution_node


class fold(nodes.Element):
    """The code of a cell, closed: `kind` names it for the style sheet, `line` is what one clicks."""


def visit_fold(self: SphinxTranslator, node: fold) -> None:
    self.body.append(f'<details class="fold fold-{node["kind"]}"><summary>{node["line"]}</summary>\n')


def depart_fold(self: SphinxTranslator, node: fold) -> None:
    self.body.append("</details>\n")


def visit_solution(self: SphinxTranslator, node: solution_node) -> None:
    self.body.append(self.starttag(node, "details", CLASS="admonition"))


def depart_solution(self: SphinxTranslator, node: solution_node) -> None:
    self.body.append("</details>\n")


def imports(code: str) -> bool:
    """Whether a cell is there for its imports: most of its statements are."""
    statements = ast.parse(code).body
    return 2 * sum(isinstance(statement, ast.Import | ast.ImportFrom) for statement in statements) > len(statements)


def kind_of(cell: nodes.container) -> tuple[str, str] | None:
    """What folds a cell's code, and the line that stands for it; None if it is the lesson."""
    metadata = cell["cell_metadata"]
    tags = metadata.get("tags", [])
    if "setup" in tags:
        return "setup", "Where the book is missing: install it"
    if "claim" in tags:
        return "claim", "How it is checked"
    if "live" in tags:
        return "plot", "The figure’s code"
    if "plot" in tags or "figure" in metadata.get("mystnb", {}):
        return "plot", "The plot’s code"
    if imports(cell.children[0].astext()):
        return "imports", "Imports"
    return None


def fold_cells(app, doctree: nodes.document) -> None:
    cells = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    for cell in cells:
        code = cell.children[0]
        if code.get("nb_element") == "cell_code_source" and (found := kind_of(cell)):
            kind, line = found
            cell.replace(code, folded := fold(kind=kind, line=line))
            folded.append(code)


def title_solutions(app, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Make a solution's title what opens it: without the link to the exercise, which stands right above."""

    def summary(found: re.Match) -> str:
        words = re.sub(r"</?a\b[^>]*>", "", found[2])
        return f'{found[1]}<summary class="admonition-title">{words}</summary>'

    body = context.get("body", "")
    title = r'(<details class="[^"]*\badmonition\b[^>]*>\s*)<p class="admonition-title">(.*?)</p>'
    context["body"] = re.sub(title, summary, body, flags=re.DOTALL)


def fold_solutions(app) -> None:
    app.add_node(solution_node, override=True, html=(visit_solution, depart_solution))


def setup(app) -> dict:
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.connect("builder-inited", fold_solutions)
    app.connect("doctree-read", fold_cells)
    app.connect("html-page-context", title_solutions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
