"""Mistakes on purpose: the way from a source to the site. See __init__.py."""

MUTATIONS = [
    (
        "notebooks/lint.py",
        "if alien := sorted(read - mine - fixed):",
        "if alien := []:",
        "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
    ),
    (
        "notebooks/lint.py",
        "taken := sorted(bound & (wanted - rebound))",
        "taken := []",
        "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
    ),
    (
        "notebooks/claims.py",
        '{"setup", "check", "live"} &',
        '{"setup", "live"} &',
        "tests/test_notebooks.py::test_a_report_must_fit_its_chapter",
    ),
    (
        "notebooks/build.py",
        "if stored.metadata != expected.metadata:",
        "if False:",
        "tests/test_notebooks.py::test_the_guard_notices_an_altered_source",
    ),
    (
        "notebooks/build.py",
        "if cell[key] != wanted[key]]",
        'if cell[key] != wanted[key] and key != "metadata"]',
        "tests/test_notebooks.py::test_the_guard_notices_an_altered_notebook",
    ),
    (
        "notebooks/build.py",
        "    if not messages:\n        write_whole",
        "    if True:\n        write_whole",
        "tests/test_notebooks.py::test_an_output_against_the_rules_is_not_written",
    ),
    (
        "notebooks/build.py",
        'cell.id = f"{source.stem}-{i:03d}"',
        "pass",
        "tests/test_notebooks.py::test_two_builds_are_byte_identical_and_the_environment_does_not_count",
    ),
    (
        "notebooks/conftest.py",
        "os.environ.clear()\n",
        "environment = {}\n",
        "tests/test_notebooks.py::test_nbval_passes_what_is_right_and_fails_each_altered_output",
    ),
    (
        "notebooks/lint.py",
        "<= NEUTRAL | fixed",
        "<= NEUTRAL",
        "tests/test_notebooks.py::test_a_source_against_the_rules_is_named",
    ),
    (
        "notebooks/claims.py",
        'if not run["error"]}  # a failed run gets a second chance',
        "}",
        "tests/test_notebooks.py::test_claims_are_counted_over_seeds_and_a_stopped_run_goes_on",
    ),
]
