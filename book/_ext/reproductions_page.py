"""What `python -m genbook.reproduce` made, beside what the papers printed: a table for each paper."""

import json
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from genbook.published import PAPERS, goal_of, machines, shown

RESULTS = Path(__file__).parents[2] / "genbook" / "results" / "reproductions.json"


def markdown(paper: str, results: dict) -> str:
    """The table of a paper, and for its full and its quick result where it comes from and what deviates.

    results: {"full": …, "quick": …}, each if it has been made. What has not is OPEN, with its command.
    """
    of, command = PAPERS[paper], f"`python -m genbook.reproduce {paper}"
    cite = ", ".join(f"{{cite}}`{key}`" for key in of["citations"])
    head = ["", "Published", "Goal", "In full", "Difference", "Quick", "Difference"]
    rows = [head]
    for key, row in of["rows"].items():
        cells = [row["name"], shown(row["published"], row["error"], row["digits"]), goal_of(row)]
        for size in ("full", "quick"):
            ours, digits = results.get(size, {}).get("rows", {}).get(key), row.get("our digits", row["digits"])
            if ours is None:
                cells += ["OPEN", "–"]
                continue
            mark = {True: " ✓", False: "", None: ""}[ours["reached"]]
            cells.append(shown(ours["ours"], ours["standard error"], digits) + mark)
            cells.append(shown(ours["difference"], ours["standard error of the difference"], digits, "+"))
        rows.append(cells)
    lines = [
        f"````{{list-table}} {of['by']} ({cite}): {of['quantity']}.",
        ":header-rows: 1",
        ":class: reproduction",
        "",
        *(("* - " if i == 0 else "  - ") + (text or "Row") for cells in rows for i, text in enumerate(cells)),
        "````",
        "",
    ]
    for size, name, option in (("full", "In full", ""), ("quick", "Quick", " --quick")):
        result = results.get(size)
        missing = "" if result and len(result["rows"]) == len(of["rows"]) else f"OPEN. {command}{option}` makes it. "
        if not result:
            lines += [f"**{name}.** {missing}", ""]
            continue
        over = sorted({f"{row['over']}" for row in result["rows"].values() if row["over"]})
        errors = f"; standard errors over {' and '.join(over)}" * bool(over)
        lines += [
            f"**{name}.** {missing}`{result['command']}`: {machines(result)}{errors}. Deviations from the paper:",
            "",
            *(f"- {text}" for text in result["deviations"]),
            "",
        ]
    return "\n".join(lines)


class Reproduction(SphinxDirective):
    """The table of one paper: hinton, ppca, iwae, pacgan or rbm."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(RESULTS))
        (paper,) = self.arguments
        if paper not in PAPERS:
            raise self.error(f"expected one of {', '.join(PAPERS)}, got {paper}")
        results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        lines = markdown(paper, results.get(paper, {})).splitlines()
        box = nodes.container()
        self.state.nested_parse(StringList(lines, source=str(RESULTS)), self.content_offset, box)
        return box.children


def setup(app) -> dict:
    app.add_directive("reproduction", Reproduction)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
