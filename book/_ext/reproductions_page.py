"""What `python -m genbook.reproduce` made, beside what the papers printed: a table for each paper."""

import json
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from genbook.published import PAPERS, goal_of, machines, shown

RESULTS = Path(__file__).parents[2] / "genbook" / "results" / "reproductions.json"


def markdown(paper: str, results: dict) -> str:
    """A table in full and a quick one, each with where it comes from and what deviates from the paper.

    results: {"full": …, "quick": …}, each if it has been made. What has not is OPEN, with its command. A quick result
    with the settings of the full one is left out.
    """
    of = PAPERS[paper]
    lines = [f"{of['source']}: {of['quantity']}.", ""]
    for size, name, option in (("full", "In full", ""), ("quick", "Quick", " --quick")):
        result = results.get(size, {"rows": {}})
        full = results.get("full", {"rows": {}})
        if size == "quick" and len(full["rows"]) == len(of["rows"]) and full["settings"] == result.get("settings"):
            continue
        lines += [f"~~~{{list-table}} {name}", ":header-rows: 1", ":class: reproduction", ""]
        heads = ["What", of.get("column", "Published"), "Ours", "Difference", "Goal"]
        for cells in [heads, *table(of["rows"], result["rows"])]:
            lines += [f"{'* -' if i == 0 else '  -'} {text}" for i, text in enumerate(cells)]
        command = f"`python -m genbook.reproduce {paper}{option}`"
        lines += ["~~~", "", f"{command} makes what is OPEN." * (len(result["rows"]) < len(of["rows"])), ""]
        if result["rows"]:
            over = list(dict.fromkeys(row["over"] for row in result["rows"].values() if row["over"]))
            errors = f"; standard errors over {' and '.join(over)}" * bool(over)
            lines += [f"Made by `{result['command']}`: {machines(result)}{errors}. Deviations from the paper:", ""]
            lines += [*(f"- {text}" for text in result["deviations"]), ""]
    return "\n".join(lines)


def table(rows: dict, ours: dict) -> list[list[str]]:
    """The cells of each row: its name, published, ours, the difference, the goal."""
    cells = []
    for key, row in rows.items():
        mine, digits = ours.get(key), row.get("our digits", row["digits"])
        both = ["OPEN", "–"]
        if mine:
            both = [
                shown(mine["ours"], mine["standard error"], digits),
                shown(mine["difference"], mine["standard error of the difference"], digits, "+"),
            ]
        goal = goal_of(row) + " ✓" * bool(mine and mine["reached"])
        cells.append([row["name"], shown(row["published"], row["error"], row["digits"]), *both, goal])
    return cells


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
