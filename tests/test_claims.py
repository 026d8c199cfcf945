"""claim and glue: what a notebook prints, stores and refuses."""

import json

import numpy as np
import pytest
import torch
from myst_nb import glue as myst_glue

from genbook.claims import claim, glue


@pytest.fixture(autouse=True)
def no_log(monkeypatch):
    monkeypatch.delenv("GENBOOK_CLAIMS", raising=False)


TRUE = [True, np.True_, np.array(True), torch.tensor(True), torch.ones(2).gt(0).all(), np.ones(2).all()]
FALSE = [False, np.False_, np.array(False), torch.tensor(False), torch.tensor(float("nan")) < 1]


@pytest.mark.parametrize("ok", TRUE, ids=repr)
def test_a_true_claim_prints_its_text(ok, capsys):
    claim("R-hat is below 1.01", ok)
    assert capsys.readouterr().out == "✓ R-hat is below 1.01\n"


@pytest.mark.parametrize("ok", FALSE, ids=repr)
def test_a_false_claim_raises_with_its_text(ok, capsys):
    with pytest.raises(AssertionError, match=r"^✗ R-hat is below 1\.01$"):
        claim("R-hat is below 1.01", ok)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "ok",
    [1, 0, 0.5, "yes", None, [True], np.array([True]), torch.tensor([True]), np.array(1), torch.tensor(1.0)],
    ids=repr,
)
def test_what_is_not_one_boolean_is_refused(ok):
    with pytest.raises(TypeError, match="one boolean"):
        claim("nothing", ok)


def test_a_log_takes_both_outcomes_and_nothing_is_raised(tmp_path, monkeypatch, capsys):
    log = tmp_path / "claims.jsonl"
    monkeypatch.setenv("GENBOOK_CLAIMS", str(log))
    claim("π is stationary", np.True_)
    claim("never", torch.tensor(False))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines == [{"claim": "π is stationary", "ok": True}, {"claim": "never", "ok": False}]
    assert capsys.readouterr().out == "✓ π is stationary\n✗ never\n"


def published(monkeypatch, call) -> list:
    """What `call` displays, as (data, metadata)."""
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    shown = []

    class Shell:
        display_pub = DisplayPublisher()

    Shell.display_pub.publish = lambda data, metadata=None, **_: shown.append((data, metadata))
    monkeypatch.setattr(InteractiveShell, "initialized", classmethod(lambda cls: True))
    monkeypatch.setattr(InteractiveShell, "instance", classmethod(lambda cls, **_: Shell))
    call()
    return shown


@pytest.mark.parametrize("value", [0.1234567890123, 3, np.float64(2.5), torch.tensor(0.25)], ids=repr)
def test_glue_stores_what_myst_nb_stores(value, monkeypatch):
    ours = published(monkeypatch, lambda: glue("chapter/number", value))
    monkeypatch.setattr(
        "IPython.core.formatters.format_display_data", lambda value: ({"text/plain": repr(value)}, {})
    )  # IPython's own needs a running shell
    theirs = published(monkeypatch, lambda: myst_glue("chapter/number", float(value)))
    assert ours == theirs
    assert ours[0][0] == {"text/plain": repr(float(value))}


def test_glue_refuses_what_is_not_a_number():
    with pytest.raises(ValueError):
        glue("chapter/word", "three")
