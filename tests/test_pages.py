"""The pages around the chapters: what they say is so, and one finds the way to them."""

import doctest
import json
import re
import tomllib
from pathlib import Path

import reproductions_page
import scaling_page

from genbook.published import PAPERS
from tests.benchmarks import command

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
MISTAKES = BOOK / "mistakes.md"


def demonstrations() -> list[tuple[int, str]]:
    """The examples of the page of mistakes: (line, text of the block)."""
    text = MISTAKES.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```{code-block} pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text[: block.start(1)].count("\n"), block[1]) for block in blocks]


def test_each_line_on_the_page_of_mistakes_gives_what_it_says():
    parser, names, report = doctest.DocTestParser(), {}, []
    runner = doctest.DocTestRunner(verbose=False)
    for line, block in demonstrations():
        test = parser.get_doctest(block, {}, "mistakes.md", str(MISTAKES), line)
        test.globs = names  # each block goes on where the one before it ended
        runner.run(test, out=report.append, clear_globs=False)
    assert runner.tries > 30 and not runner.failures, "".join(report)


def test_each_mistake_has_one_line_that_shows_it():
    sections = re.split(r"^##+ ", MISTAKES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    mistakes = {section.splitlines()[0]: section.count("\n>>> ") for section in sections if section.startswith('"')}
    assert len(mistakes) >= 27 and set(mistakes.values()) == {1}, mistakes


def test_every_page_and_every_chapter_is_in_the_contents():
    contents = re.findall(r"^\W*(?:file|root): (\S+)$", (ROOT / "_toc.yml").read_text(encoding="utf-8"), re.MULTILINE)
    files = [*BOOK.glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert sorted(contents) == sorted(file.relative_to(ROOT).as_posix() for file in files)


def test_every_chapter_is_on_the_map_in_the_plan_and_in_the_notation():
    for number, notebook in enumerate(sorted((ROOT / "notebooks").glob("*.ipynb")), 1):
        for page in ("index.md", "instructors.md"):
            assert f"(../notebooks/{notebook.name})" in (BOOK / page).read_text(encoding="utf-8"), page
        assert f"\n## Chapter {number}: " in (BOOK / "notation.md").read_text(encoding="utf-8")


def test_the_repository_address_is_not_typed_into_a_page():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project["urls"]["Repository"].removeprefix("https://github.com/")
    assert not [page.name for page in BOOK.glob("*.md") if address in page.read_text(encoding="utf-8")]


def test_the_table_of_processes_is_that_of_the_stored_measurement():
    rates = {"64": {"plain loop": 1000.4, "1 processes": 1250.0, "2 processes": 2000.0}}
    rates["256"] = {"plain loop": 1500.0, "1 processes": 2000.0, "2 processes": 3800.0}
    made = {"images per second": rates, "device": "CPU (a)", "versions": {"torch": "2.9"}, "command": "measure"}
    text = scaling_page.markdown(made | {"settings": {"options": "vae --size 32"}})
    assert "| plain loop over a DataLoader | 64 | 1000 | 0.80 × |" in text
    assert "| one process | 64 | 1250 | 1.00 × |" in text and "| two processes | 64 | 2000 | 1.60 × |" in text
    assert text.count("| two processes |") == 2 and "| two processes | 256 | 3800 | 1.90 × |" in text
    assert "Measured by `measure` on CPU (a), one thread for each process, torch 2.9: `vae --size 32`." in text

    stored = json.loads(scaling_page.RESULTS.read_text(encoding="utf-8"))
    assert stored["settings"]["options"] == " ".join(command.OPTIONS)
    assert stored["command"] == f"python -m {command.__name__}"
    assert list(stored["images per second"]) == [str(batch) for batch in command.BATCHES]
    for rates in stored["images per second"].values():
        assert set(rates) == set(scaling_page.NAMES) and all(rate > 0 for rate in rates.values())


def test_what_is_said_of_reproductions_is_so():
    results = json.loads(reproductions_page.RESULTS.read_text(encoding="utf-8"))

    def whole(size):
        made = {paper: results[paper].get(size, {"rows": {}})["rows"] for paper in PAPERS}
        return {paper for paper, rows in made.items() if set(rows) == set(PAPERS[paper]["rows"])}

    assert len(PAPERS) == 5 and len(whole("full")) == 1 and len(whole("quick") | whole("full")) == 5
    for page in ("index.md", "changelog.md"):
        text = " ".join((BOOK / page).read_text(encoding="utf-8").split())
        assert re.search(r"[nN]umbers of five papers.*of one in full and (those )?of four in small", text), page
