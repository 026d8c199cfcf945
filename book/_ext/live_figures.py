"""The figures that run in the page: esbuild bundles book/live into the site, and into the package for notebooks."""

import re
import subprocess
import tempfile
from pathlib import Path

from katex_math import node_binary

from genbook.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
FILES = ("live.js", "live.css")


def bundle() -> dict[str, bytes]:
    """The bundled figures: {"live.js": …, "live.css": …}. Raises RuntimeError with esbuild's message where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        command = [node_binary(), ROOT / "book/_ext/bundle.js", ROOT / "book/live", folder]
        run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if run.returncode:
            raise RuntimeError(f"esbuild could not bundle book/live; has `npm ci` been run?\n{run.stderr}")
        return {name: Path(folder, name).read_bytes() for name in FILES}


def write(app) -> None:
    """Write the bundle to the site, and to genbook/, where notebooks find it: a wheel is made without esbuild."""
    if app.builder.format != "html":
        return
    for name, content in bundle().items():
        write_whole(content, Path(app.outdir, "_static", "genbook", name))
        write_whole(content, ROOT / "genbook" / name)
    for script in (ROOT / "genbook" / "weights" / "live").glob("*.js"):  # which figures load when they come near
        write_whole(script.read_bytes(), Path(app.outdir, "_static", "genbook", "weights", script.name))
    app.add_js_file("genbook/live.js")
    app.add_css_file("genbook/live.css", priority=950)  # after site.css


WITHOUT = "(Without JavaScript there is this picture instead of the figure.)"


def explain(app, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Say below the captions, which ask readers to do something, what is there without scripts."""
    said = r'(<figure class="live"(?:(?!</figure>).)*?)(</figcaption>)'
    context["body"] = re.sub(said, rf"\1<noscript> {WITHOUT}</noscript>\2", context.get("body", ""), flags=re.DOTALL)


def setup(app) -> dict:
    app.connect("builder-inited", write)
    app.connect("html-page-context", explain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
