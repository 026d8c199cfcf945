"""Claims: the statements that the prose rests on, checked each time the book runs."""

import json
import os


def claim(text: str, ok) -> None:
    """Print `✓ text` when `ok` is true, raise AssertionError with the text when it is not.

    ok: a bool, or a NumPy or PyTorch boolean of one element that the notebook has computed.
    Raises TypeError for anything else: a number or an array as `ok` is nearly always a slip.
    With GENBOOK_CLAIMS set to a file, the outcome is appended there and nothing is raised (`make claims`).
    """
    if getattr(ok, "ndim", None) == 0 and str(ok.dtype) in ("bool", "torch.bool"):
        ok = bool(ok)
    if not isinstance(ok, bool):
        raise TypeError(f"claim needs one boolean, got {type(ok).__name__}: {ok!r}; use .all() or compare it")
    log = os.environ.get("GENBOOK_CLAIMS")
    if log:
        with open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps({"claim": text, "ok": ok}, ensure_ascii=False) + "\n")
    elif not ok:
        raise AssertionError(f"✗ {text}")
    print("✓" if ok else "✗", text)


def glue(name: str, value) -> None:
    """Show a measured number and store it in the notebook under `name`, for the prose to quote.

    The format is MyST-NB's glue, written here so that readers need not install a site builder.
    """
    from IPython.display import display

    value = float(value)
    metadata = {"scrapbook": {"name": name, "mime_prefix": ""}}
    display({"text/plain": repr(value)}, metadata=metadata, raw=True)
