"""The pages around the chapters: what they say is so, and one finds the way to them."""

import doctest
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
MISTAKES = BOOK / "mistakes.md"


def demonstrations() -> list[tuple[int, str]]:
    """The examples of the page of mistakes: (line, text of the block)."""
    text = MISTAKES.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
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
