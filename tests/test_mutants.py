"""The list of mutations fits the code, and the runner tells what is caught from what escapes."""

import ast

import pytest

from tests import mutants

ALL = [
    (group, *mutation)
    for kind in (mutants.MUTATIONS, mutants.RIVALS)
    for group, mutations in kind.items()
    for mutation in mutations
]


@pytest.mark.parametrize("group, file, old, new, breaks", ALL)
def test_the_mutation_fits_the_code(group, file, old, new, breaks):
    assert (mutants.ROOT / file).read_text(encoding="utf-8").count(old) == 1
    assert old != new
    if breaks.startswith("tests/"):
        path, name = breaks.split("[")[0].split("::")
        tree = ast.parse((mutants.ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    else:
        chapter = mutants.chapter_of(breaks)
        assert group == chapter.stem[:2]


SOURCE = """\
```{code-cell}
from genbook.claims import claim
from genbook.sums import add
```

```{code-cell}
:tags: [claim]
claim("Sums commute", add(1, 2) == add(2, 1))
```

```{code-cell}
:tags: [claim]
claim("Two and two make four", add(2, 2) == 4)
```
"""
TEST = "from genbook.sums import add\ndef test_add():\n    assert add(1, 2) == 3\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("mutants")
    for folder in ("genbook", "notebooks/src", "tests"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_bytes((mutants.ROOT / "pyproject.toml").read_bytes())
    for name in ("__init__.py", "claims.py"):
        (root / "genbook" / name).write_bytes((mutants.ROOT / "genbook" / name).read_bytes())
    (root / "genbook" / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (root / "notebooks" / "src" / "01_sums.md").write_text(SOURCE)
    (root / "tests" / "test_sums.py").write_text(TEST)
    return root


@pytest.mark.parametrize(
    "new, breaks, outcome",
    [
        ("a - b", "tests/test_sums.py::test_add", "caught"),
        ("b + a", "tests/test_sums.py::test_add", "ESCAPED"),
        ("a +", "tests/test_sums.py::test_add", "pytest could not run it"),
        ("a - b", "tests/test_sums.py::test_gone", "fails without the mutation"),
        ("a - b", "Sums commute", "caught"),
        ("b + a", "Sums commute", "ESCAPED"),
        ("a - b", "Two and two make four", "something else broke: AssertionError: ✗ Sums commute"),
    ],
)
def test_the_runner_tells_what_happened(root, new, breaks, outcome):
    file = root / "genbook" / "sums.py"
    before = file.read_text()
    assert mutants.try_mutation(root, "genbook/sums.py", "a + b", new, breaks).startswith(outcome)
    assert file.read_text() == before


def test_a_text_that_does_not_occur_once_is_reported(root):
    assert "0 times" in mutants.try_mutation(root, "genbook/sums.py", "a * b", "a", "Sums commute")
    assert "2 times" in mutants.try_mutation(root, "genbook/sums.py", " b", "a", "Sums commute")
