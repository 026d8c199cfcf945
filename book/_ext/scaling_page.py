"""What one and two processes of `python -m genbook.train` do in a second, as a table."""

import json
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).parents[2] / "genbook" / "results" / "scaling.json"
NAMES = {"plain loop": "plain loop over a DataLoader", "1 processes": "one process", "2 processes": "two processes"}


def markdown(made: dict) -> str:
    """The table, and where it was measured."""
    lines = ["| | Batches of | Images per second | Against one process |", "|---|---|---|---|"]
    for batch, rates in made["images per second"].items():
        for key, name in NAMES.items():
            lines.append(f"| {name} | {batch} | {rates[key]:.0f} | {rates[key] / rates['1 processes']:.2f} × |")
    where = f"{made['device']}, one thread for each process, torch {made['versions']['torch']}"
    return "\n".join([*lines, "", f"Measured by `{made['command']}` on {where}: `{made['settings']['options']}`."])


class Scaling(SphinxDirective):
    """What one and two processes do in a second."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(RESULTS))
        lines = markdown(json.loads(RESULTS.read_text(encoding="utf-8"))).splitlines()
        box = nodes.container()
        self.state.nested_parse(StringList(lines, source=str(RESULTS)), self.content_offset, box)
        return box.children


def setup(app) -> dict:
    app.add_directive("scaling", Scaling)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
