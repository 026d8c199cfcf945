"""The book's Sphinx extension: self-contained, light and accessible pages, and checks that Sphinx doesn't make."""

import base64
import hashlib
import html
import io
import json
import re
import shutil
import struct
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pydata_sphinx_theme
from docutils import nodes
from fontTools import subset
from sphinx.util import logging

from genbook.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
ICONS = Path(pydata_sphinx_theme.__file__).parent.joinpath("theme/pydata_sphinx_theme/static/vendor/fontawesome/6.5.2")
log = logging.getLogger(__name__)


# --- Before reading ---------------------------------------------------------------------------------------------


def read_address(app, config) -> None:
    """Take the repository's address, and with it the site's, from pyproject.toml: the one place that has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    repository = project["urls"]["Repository"].rstrip("/")
    owner, name = repository.split("/")[-2:]
    config.html_baseurl = f"https://{owner}.github.io/{name}/"
    config.html_context["repository"] = repository
    config.html_context["release"] = f"v{project['version']}"
    links = {"repository": f"[the repository]({repository})", "issues": f"[the list of issues]({repository}/issues)"}
    config.myst_substitutions = {**getattr(config, "myst_substitutions", {}), **links}


def forget_failed_build(app, config) -> None:
    """Start afresh after a build that gave warnings or was cut off: else the next one would skip those pages."""
    unfinished = Path(app.doctreedir, "unfinished")
    if unfinished.exists():
        Path(app.doctreedir, "environment.pickle").unlink(missing_ok=True)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    unfinished.touch()


def remember_good_build(app, error) -> None:
    if not error and not app._warncount:
        Path(app.doctreedir, "unfinished").unlink(missing_ok=True)


# --- On reading: what Sphinx passes in silence, as warnings -------------------------------------------------------


def warn(message: str, node: nodes.Node) -> None:
    while not node.line and node.parent:  # inline elements don't know their line
        node = node.parent
    log.warning(message, location=node, type="genbook", subtype="lint")


def lint(app, doctree: nodes.document) -> None:
    """Warn of images without alt text, TeX outside of formulas and errors in the outputs of notebooks."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            warn(f"this image needs alt text: {image['uri']}", image)
    for raw in doctree.findall(nodes.raw):
        for tag in re.findall(r"<img\b[^>]*>", raw.astext()):
            if not re.search(r"""\balt=(["']?)[^"'\s>]""", tag):
                warn(f"this image needs alt text: {tag[:80]}", raw)
    for text in doctree.findall(nodes.Text):
        verbatim = (nodes.literal, nodes.FixedTextElement, nodes.math, nodes.comment, nodes.raw)
        if not isinstance(text.parent, verbatim) and (tex := re.search(r"\\begin\{\w+|\$\$", text)):
            warn(f"{tex[0]} outside of a formula: put it in $$ … $$", text.parent)
    for block in doctree.findall(nodes.literal_block):
        if "traceback" in block["classes"]:
            warn(f"a cell ended with an error: {block.astext().strip().splitlines()[-1]}", block)


def unique_ids(app, doctree: nodes.document, docname: str) -> None:
    """sphinx-proof and sphinx-exercise give every proof, and the body of every box, the same id: drop it."""
    repeated = {"proof", "proof-content", "exercise-content", "solution-content"}
    for node in doctree.findall(lambda node: isinstance(node, nodes.Element) and repeated & set(node["ids"])):
        node["ids"] = []


# --- On writing ---------------------------------------------------------------------------------------------------


REPAIRS = {  # what other tools write, and what axe asks for instead
    r'<script type="text/x-thebe-config">.*?</script>': "",
    r'role="doc-biblioentry"': 'role="listitem"',
    r"<th\b[^>]*>\s*(<p>\s*</p>)?\s*</th>": "<td></td>",
    r'(<a class="headerlink" href="[^"]*" )(title="([^"]*)")': r'\1\2 aria-label="\3"',  # or else all are named "#"
    # Exercises and solutions are headings, which one can jump to.
    r'(<div class="exercise admonition"[^>]*>\s*<p class="admonition-title")': r'\1 role="heading" aria-level="3"',
    r'(<summary class="admonition-title">)(.*?)(</summary>)': r'\1<span role="heading" aria-level="4">\2</span>\3',
}
USED_WITH = {  # part of a script's name, and what a page that uses it holds
    "genbook/live": 'class="live"',
    "copy-tex": 'class="katex',
    "design-tabs": 'class="sd-tab',
    "documentation_options.pagename": "version-switcher__button",
    "sphinx-book-theme": "\0",  # it looks for notes in the margin: the book has none
    "thebe": "\0",
    "toggle": "\0",  # what folds is a <details>
}


def finish_page(app, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Drop the scripts that a page doesn't use, describe it, and link it to its sources."""
    body = context.get("body", "")
    for pattern, repaired in REPAIRS.items():
        body = re.sub(pattern, repaired, body, flags=re.DOTALL)
    context["body"] = body = with_light_images(app, body, context["pathto"])
    context["script_files"] = lean(context["script_files"], body)
    context["css_files"] = list(
        dict.fromkeys(style for style in context["css_files"] if not re.search("thebe|togglebutton", str(style)))
    )
    context.setdefault("pagetitle", context.get("title", "Search"))  # the heading in print
    if 'name="description"' not in context.get("metatags", ""):
        text = html.escape(describe(context, doctree))
        context["metatags"] = context.get("metatags", "") + f'\n<meta name="description" content="{text}" />'
    if pagename == "404":  # served at any depth: its links start from the site's folder, or else from the server's root
        base = urlsplit(app.config.html_baseurl).path
        test = f"location.pathname.startsWith({json.dumps(base)})"
        context["metatags"] += f"\n<script>{test} || document.write('<base href=\"/\" />');</script>"
        context["metatags"] += f'\n<base href="{base}" />'  # of two the first counts
        context["pageurl"] = None
    elif doctree:
        source = Path(app.env.doc2path(pagename)).relative_to(app.srcdir)
        repository = app.config.html_context["repository"]
        if source.suffix == ".ipynb":
            context["body"] = body.replace("<section ", '<section class="chapter" ', 1)
            context["notebook"] = context["pathto"](f"_sources/{source.as_posix()}", True)
            colab = repository.replace("https://github.com", "https://colab.research.google.com/github")
            # The release that the setup cell installs: notebook and package belong together.
            context["colab"] = f"{colab}/blob/{app.config.html_context['release']}/{source.as_posix()}"
            source = source.parent / "src" / f"{source.stem}.md"  # what people edit
        context["edit"] = f"{repository}/edit/main/{source.as_posix()}"
        context["issue"] = f"{repository}/issues/new?title=On%20{source.as_posix()}%3A%20"


def with_light_images(app, body: str, pathto) -> str:
    """The page with its images on the way only when they come near the screen, but for the first, and room for each.

    Images that a notebook carries inside of its HTML, such as those of live figures, become files.
    """
    sources = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}
    seen = 0

    def lighten(found: re.Match) -> str:
        nonlocal seen
        tag, seen = found[0], seen + 1
        address = re.search(r'\bsrc="([^"]*)"', tag)[1]
        name = address.rpartition("/")[2]
        if address.startswith("data:image/png;base64,"):
            content = base64.b64decode(address.partition(",")[2])
            name = f"{hashlib.sha256(content).hexdigest()[:32]}.png"
            write_whole(content, Path(app.outdir, "_images", name))
            tag = tag.replace(address, pathto(f"_images/{name}", True))
        elif name in sources and sources[name].suffix == ".png":
            content = sources[name].read_bytes()
        else:
            return tag
        width, height = struct.unpack(">II", content[16:24])  # of the PNG's header
        sized = re.search(r"\b(width|height|style)=", tag)
        more = "" if sized else f' width="{width}" height="{height}"'
        more += ' loading="lazy" decoding="async"' if seen > 1 else ""
        return tag.replace("<img", f"<img{more}", 1)

    return re.sub(r"<img\b[^>]*>", lighten, body)


def lean(assets: list, body: str) -> list:
    """The scripts that a page uses, each once, and deferred."""
    kept, seen = [], set()
    for asset in assets:
        name, inline = str(asset.filename or ""), asset.attributes.get("body") or ""
        unused = any(key in name + inline.lower() and mark not in body for key, mark in USED_WITH.items())
        if unused or (name, inline) in seen:
            continue
        seen.add((name, inline))
        if name.endswith(".js"):
            asset.attributes["defer"] = "defer"
        kept.append(asset)
    return kept


def describe(context: dict, doctree: nodes.document | None) -> str:
    """The first paragraph of a page, cut to about 155 characters, for search engines."""
    paragraphs = doctree.findall(nodes.paragraph) if doctree else ()
    text = next((p.astext() for p in paragraphs if isinstance(p.parent, nodes.section)), "")
    text = " ".join(text.split()) or f"{context.get('title', 'Search')}: {context['docstitle']}"
    return text if len(text) <= 155 else text[:155].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def page_not_found(app):
    title = "This page does not exist"
    body = (
        f"<h1>{title}</h1>"
        f'<p>It may have moved. <a href="{app.config.root_doc}.html">Start at the beginning</a>, '
        'or <a href="search.html">search the book</a>.</p>'
    )
    yield "404", {"title": title, "body": body}, "page.html"


# --- After writing ------------------------------------------------------------------------------------------------


def cut_icon_fonts(app, error) -> None:
    """Replace Font Awesome, 1.5 MB of script and 300 kB of fonts, by the icons that the site shows: a few kB."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    out = static / "genbook" / "icons"
    out.mkdir(parents=True, exist_ok=True)
    pages = "".join(page.read_text(encoding="utf-8") for page in Path(app.outdir).rglob("*.html"))
    styles = "".join(css.read_text(encoding="utf-8") for css in static.glob("styles/*.css"))
    names = set(re.findall(r"\bfa-([a-z0-9-]+)", pages))
    css = (ICONS / "css" / "all.min.css").read_text(encoding="utf-8")
    template = (ROOT / "book/_ext/icons.css").read_text(encoding="utf-8")
    rules = {
        name: code
        for selectors, code in re.findall(r'([^{}]+)\{content:"\\([0-9a-f]+)"\}', css)
        for name in re.findall(r"\.fa-([a-z0-9-]+)::?before", selectors)
        if name in names
    }
    codes = {int(code, 16) for code in rules.values()}
    codes |= {int(code, 16) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", styles)}
    codes |= {ord(character) for character in styles if "\ue000" <= character <= "\uf8ff"}
    for font in ("fa-solid-900", "fa-brands-400"):
        options = subset.Options(flavor="woff2", layout_features=[])
        loaded = subset.load_font(str(ICONS / "webfonts" / f"{font}.ttf"), options)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=codes)
        cutter.subset(loaded)
        packed = io.BytesIO()
        subset.save_font(loaded, packed, options)
        loaded.close()
        # In the style sheet itself: a frame without an origin may load a font only where the server says so.
        inline = f"data:font/woff2;base64,{base64.b64encode(packed.getvalue()).decode()}"
        template = template.replace(f"{font}.woff2", inline)
    icons = "".join(f'.fa-{name}::before{{content:"\\{code}"}}\n' for name, code in sorted(rules.items()))
    (out / "icons.css").write_text(template + icons, encoding="utf-8")


def tidy_output(app, error) -> None:
    """Write the site's root page and remove what no page uses."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    start = f"{app.config.root_doc}.html"
    description = html.escape(app.config.html_title)
    (out / "index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{description}</title>\n'
        f'<meta name="description" content="{description}"><meta http-equiv="refresh" content="0; url={start}">\n'
        '<link rel="icon" href="_static/favicon.svg">\n'
        f'<link rel="canonical" href="{app.config.html_baseurl}{start}"></head>\n'
        f'<body><main><h1>{description}</h1><p><a href="{start}">Read the book</a></p></main></body></html>\n',
        encoding="utf-8",
    )
    for page in out.rglob("*.html"):  # of sources that are gone
        if page.relative_to(out).with_suffix("").as_posix() not in {*app.env.found_docs, "index", "search", "404"}:
            page.unlink()
    for folder in ("vendor", "locales"):
        shutil.rmtree(out / "_static" / folder, ignore_errors=True)
    for unused in [*out.glob("_static/**/*.map"), *out.glob("_static/*thebe*"), *out.glob("_static/togglebutton*")]:
        unused.unlink()


THEME_MARKS = (
    'document.querySelectorAll("pre, .nboutput > .output_area, .cell_output > .output, .jp-RenderedHTMLCommon")'
)
SPARED = "[/* left to site.js */]"


def spare_layout(app, error) -> None:
    """Take out of the theme's script what site.js does better: it lays out a long page once for each piece of code."""
    if error or app.builder.format != "html":
        return
    path = Path(app.outdir, "_static", "scripts", "pydata-sphinx-theme.js")
    script = path.read_text(encoding="utf-8")
    if THEME_MARKS not in script and SPARED not in script:  # it is there from an earlier build if nothing has changed
        raise RuntimeError(f"{path.name} is not the one that spare_layout knows: has the theme's version changed?")
    path.write_text(script.replace(THEME_MARKS, SPARED), encoding="utf-8")


def pack(app, error) -> None:
    """Put the site into one file, genbook.zip, to be read offline: the same bytes whenever the site is the same.

    Left out is what only a server, or another Sphinx, has a use for.
    """
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    left_out = {"404.html", ".buildinfo", "objects.inv", "genbook.zip", "genbook.pdf"}
    here, online = b'href="../genbook.zip"', f'href="{app.config.html_baseurl}genbook.zip"'.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            name = path.relative_to(out).as_posix()
            if name in left_out or (name.startswith("_sources/") and path.suffix != ".ipynb"):  # readers download those
                continue
            content = path.read_bytes()
            if path.suffix == ".html":  # the file isn't inside itself
                content = content.replace(here, online)
            entry = zipfile.ZipInfo(f"genbook/{name}")  # with 1980 as its time
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            squeezed = zipfile.ZIP_STORED if path.suffix in (".png", ".woff2") else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, squeezed)
    write_whole(packed.getvalue(), out / "genbook.zip")


def setup(app) -> dict:
    app.connect("config-inited", read_address)
    app.connect("config-inited", forget_failed_build)
    app.connect("doctree-read", lint)
    app.connect("doctree-resolved", unique_ids)
    app.connect("html-collect-pages", page_not_found)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", cut_icon_fonts, priority=300)
    app.connect("build-finished", tidy_output, priority=400)
    app.connect("build-finished", spare_layout, priority=700)
    app.connect("build-finished", pack, priority=800)  # the themes, too, write files at 500
    app.connect("build-finished", remember_good_build, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
