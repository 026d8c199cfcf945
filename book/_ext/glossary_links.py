"""Links both ways: a word of the glossary where a chapter explains it, and in the glossary where it is used.

In each chapter the term in bold, or else its first mention, becomes a link to the glossary. The source holds no mark-up
for it: a notebook on Colab would show that as raw text. Other pages link by {term}, which is found as well.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

# Words that have an everyday meaning, too: a program's code, the rate of a convergence, a torch.Generator.
AMBIGUOUS = {"claim", "code", "distortion", "generator", "mixing", "packing", "rate"}
NOT_PROSE = (nodes.literal, nodes.FixedTextElement, nodes.math, nodes.math_block, nodes.raw, nodes.reference)
NOT_PROSE += (nodes.Titular, addnodes.pending_xref, nodes.citation)


def terms(glossary: Path) -> list[str]:
    """The entries of the glossary: unindented lines with an indented one below; of several names the first one."""
    return re.findall(r"^(\w[^\n]*)\n(?:\w[^\n]*\n)* {2,}\S", glossary.read_text(encoding="utf-8"), re.MULTILINE)


def forms(term: str) -> list[str]:
    """How a text may write it: in lower case, with spaces for hyphens, singular or plural; or its abbreviation."""
    name, _, short = term.removesuffix(")").partition(" (")
    singular = [name, short] if short.isupper() else [name]
    return [plain(word) + ending for word in singular for ending in ("", "s", "es")]


def plain(text: str) -> str:
    return re.sub(r"[\s-]+", " ", text.lower())


def pattern(forms: dict[str, str]) -> re.Pattern:
    """Any of these; the longest first, so that the VAE of a "conditional VAE" is not taken for the term."""
    longest_first = sorted(forms, key=len, reverse=True)
    written = "|".join(re.escape(form).replace(r"\ ", r"[\s-]+") for form in longest_first)
    return re.compile(rf"(?<![\w-])(?:{written})(?!\w)", re.IGNORECASE)


def is_prose(text: nodes.Text) -> bool:
    """Whether readers meet it as a running text: not in code, a formula, a link, a title, or hidden in a solution."""
    node, in_paragraph = text.parent, False
    while node is not None:
        hidden = type(node).__name__ == "solution_node" or node.get("nb_element") == "cell_code"
        if hidden or isinstance(node, NOT_PROSE):
            return False
        in_paragraph = in_paragraph or isinstance(node, nodes.paragraph)
        node = node.parent
    return in_paragraph


def link_terms(app, doctree: nodes.document) -> None:
    """Turn words of the glossary into links in a chapter, and note for any page where it uses which term."""
    env, docname = app.env, app.env.docname
    uses = env.glossary_uses.setdefault(docname, {})
    if docname == app.config.glossary_page:
        return
    if Path(env.doc2path(docname)).suffix == ".ipynb":
        glossary = Path(env.doc2path(app.config.glossary_page))
        env.note_dependency(str(glossary))  # other terms, other links: then the chapter is read again
        linked = {link["reftarget"].lower() for link in term_links(doctree)}
        entries = {form: term for term in terms(glossary) if term.lower() not in linked for form in forms(term)}
        link_words(doctree, docname, entries)
    for link in term_links(doctree):
        term = link["reftarget"].lower()
        if term not in uses:
            uses[term] = f"word-{nodes.make_id(term)}"
            link[0]["ids"].append(uses[term])


def term_links(doctree: nodes.document) -> list[addnodes.pending_xref]:
    links = doctree.findall(addnodes.pending_xref)
    return [link for link in links if (link["refdomain"], link["reftype"]) == ("std", "term")]


def link_words(doctree: nodes.document, docname: str, entries: dict[str, str]) -> None:
    """Link each term, a value of entries, where a form of it stands first in bold, or else where one stands first."""
    join_lines(doctree)
    found = {}  # term -> (in bold, the text that holds it, from, to)
    for text in [text for text in doctree.findall(nodes.Text) if is_prose(text)]:
        bold = isinstance(text.parent, nodes.strong)
        for match in pattern(entries).finditer(text):
            term = entries[plain(match[0])]
            better = term not in found or (bold and not found[term][0])
            if better and (term.lower() not in AMBIGUOUS or (bold and match[0] == text)):
                found[term] = bold, text, *match.span()
    for text in {id(text): text for _, text, _, _ in found.values()}.values():
        parts, done = [], 0
        for start, end, term in sorted((a, b, term) for term, (_, holder, a, b) in found.items() if holder is text):
            word = nodes.inline("", text[start:end], classes=["xref", "std", "std-term"])
            goal = {"refdomain": "std", "reftype": "term", "reftarget": term, "refexplicit": True, "refdoc": docname}
            parts += [nodes.Text(text[done:start]), addnodes.pending_xref("", word, **goal)]
            done = end
        parts.append(nodes.Text(text[done:]))
        text.parent.replace(text, [part for part in parts if part.astext()])


def join_lines(doctree: nodes.document) -> None:
    """MyST makes a text of each line of a paragraph: join them, so that words are found across a line's end."""
    for text in list(doctree.findall(nodes.Text)):
        before = text.parent[text.parent.index(text) - 1] if text.parent.index(text) else None
        if isinstance(before, nodes.Text):
            parent = text.parent
            parent.remove(before)
            parent.replace(text, nodes.Text(before + text))


def add_uses(app, doctree: nodes.document, docname: str) -> None:
    """Below each entry of the glossary: the chapters and pages that use it."""
    if docname != app.config.glossary_page:
        return
    numbers, last = app.env.toc_secnumbers, (1000,)
    pages = sorted(app.env.glossary_uses, key=lambda page: (numbers.get(page, {}).get("") or last, page))
    for entry in doctree.findall(nodes.definition_list_item):
        names = [name.astext().lower() for name in entry.findall(nodes.term)]
        line = nodes.paragraph("", "Used in: ", classes=["uses"])
        for page in pages:
            for anchor in [app.env.glossary_uses[page][name] for name in names if name in app.env.glossary_uses[page]]:
                number = numbers.get(page, {}).get("")
                label = f"chapter {number[0]}" if number else app.env.titles[page].astext()
                address = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
                line += [nodes.Text(", ")] if len(line) > 1 else []
                line += nodes.reference("", label, refuri=address, internal=True)
        if len(line) > 1:
            entry[-1] += line


def add_letters(app, doctree: nodes.document, docname: str) -> None:
    """Above the glossary: the letters that its entries begin with, each a link to the first of them."""
    if docname != app.config.glossary_page:
        return
    for glossary in list(doctree.findall(addnodes.glossary)):  # it changes on the way
        line, seen = nodes.paragraph("", classes=["letters"]), set()
        for entry in glossary.findall(nodes.definition_list_item):
            letter = entry[0].astext()[0].upper()
            if letter not in seen:
                seen.add(letter)
                line += [nodes.reference("", letter, refid=entry[0]["ids"][0], internal=True), nodes.Text(" ")]
        glossary.parent.insert(glossary.parent.index(glossary), line)


def start(app, env, docnames) -> None:
    if not hasattr(env, "glossary_uses"):
        env.glossary_uses = {}  # page -> {term in lower case: anchor}


def forget(app, env, docname: str) -> None:
    env.glossary_uses.pop(docname, None)


def merge(app, env, docnames, other) -> None:
    env.glossary_uses |= {docname: other.glossary_uses[docname] for docname in docnames}


def rewrite_glossary(app, env) -> list[str]:
    """It shows what other pages say, so it is written anew whenever one of them was read."""
    return [app.config.glossary_page] if app.config.glossary_page in env.found_docs else []


def setup(app) -> dict:
    app.add_config_value("glossary_page", "book/glossary", "env")
    app.connect("env-before-read-docs", start)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", link_terms)
    app.connect("env-updated", rewrite_glossary)
    app.connect("doctree-resolved", add_uses)
    app.connect("doctree-resolved", add_letters)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
