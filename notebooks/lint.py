"""The house rules for chapters that a program can check. Each check gives a list of messages; none is good."""

import ast
import builtins
import re
import symtable
from statistics import median

LONGEST_CELL, MEDIAN_CELL = 40, 10  # lines
LARGEST_NOTEBOOK = 1_000_000  # bytes
# Names that do not make a claim's condition depend on anything that the chapter computed.
NEUTRAL = {*dir(builtins), "np", "numpy", "torch", "math"}
LITERAL = (
    ast.Constant,
    ast.Compare,
    ast.cmpop,
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    ast.operator,
)
# Draw from the global random state, unless they get a generator; the others always do.
DRAWS = {"rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson"}
GLOBAL_DRAWS = {"rand_like", "randn_like", "randint_like", "sample", "rsample", "manual_seed", "seed"}
CHECK_IMPORT = "from genbook.exercises import check"
MIME_TYPES = {"text/plain", "text/html", "text/latex", "text/markdown", "image/png"}


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell) -> list[str]:
    return cell.metadata.get("tags", [])


def calls(source: str, name: str) -> list[ast.Call]:
    """The calls of the function `name` in the order of the text; a module may stand before the name."""
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and name in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
    ]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def claim_texts(cell) -> list[str]:
    """The texts of the cell's claims; '' stands for a text that is not a plain string."""
    texts = []
    for call in calls(cell.source, "claim"):
        text = call.args[0] if call.args else None
        texts.append(text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else "")
    return texts


def all_claims(notebook) -> list[str]:
    """The texts of a chapter's claims, in order."""
    return [text for cell in code_cells(notebook) for text in claim_texts(cell)]


def duplicate_claims(chapters: dict) -> list[str]:
    """chapters: name -> notebook. A claim's text is its name on the claims page, so no two are the same."""
    seen, messages = {}, []
    for chapter, notebook in chapters.items():
        for number, cell in enumerate(code_cells(notebook), 1):
            for text in claim_texts(cell):
                place = f"{chapter}, code cell {number}"
                if text in seen:
                    messages.append(f"{place}: the claim {text!r} was already made in {seen[text]}")
                seen.setdefault(text, place)
    return messages


def fixed_names(source: str) -> set[str]:
    """Names that are only ever bound to a literal such as `True` or `1 == 1`."""
    bound, literal = [], []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.append(node.id)
        if isinstance(node, ast.Assign) and all(isinstance(part, LITERAL) for part in ast.walk(node.value)):
            literal += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return {name for name in literal if bound.count(name) == literal.count(name)}


def is_constant(condition: ast.expr, fixed: set[str]) -> bool:
    """Whether the condition holds nothing that the chapter has computed."""
    names = [node for node in ast.walk(condition) if isinstance(node, ast.Name)]
    own = {name.id for name in names if isinstance(name.ctx, ast.Store)}  # of comprehensions
    return {name.id for name in names} - own <= NEUTRAL | fixed


class AsGenerators(ast.NodeTransformer):
    """Every comprehension as a generator expression: of the others, Python 3.12 and later know no scope."""

    def visit_ListComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node):
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def global_names(source: str) -> tuple[set[str], set[str]]:
    """The notebook's names that a cell binds, and those that it reads."""
    tree = AsGenerators().visit(ast.parse(source))
    top = symtable.symtable(ast.unparse(ast.fix_missing_locations(tree)), "cell", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    read = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    inner = top.get_children()
    while inner:
        table = inner.pop()
        inner += table.get_children()
        names = [symbol for symbol in table.get_symbols() if symbol.is_global()]
        bound |= {symbol.get_name() for symbol in names if symbol.is_assigned()}
        read |= {symbol.get_name() for symbol in names}
    return bound, read


def root(node: ast.expr) -> str:
    """The name that a chain such as a.b[0].c begins with; '' if it begins with something else."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def check_problems(cells: list) -> list[str]:
    """What ties the cells tagged check, readers' exercises, to the others: without them the chapter is the same."""
    messages = []
    chapter = [cell.source for cell in cells if "check" not in tags(cell)]
    statements = [node for source in chapter for node in ast.parse(source).body]
    imports = [alias for node in statements if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    functions = {node.name for node in statements if isinstance(node, ast.FunctionDef)}
    fixed = {*dir(builtins), "check", *functions, *((alias.asname or alias.name).split(".")[0] for alias in imports)}
    for number, cell in enumerate(cells, 1):
        bound, read = global_names(cell.source)
        mine = {name for name in bound | read if name.startswith("my_")}
        if "check" not in tags(cell):
            if taken := sorted(mine | (bound | read) & {"check"}):
                messages.append(f"code cell {number}: {', '.join(taken)}: only cells tagged check have such names")
            continue
        place = f"code cell {number}, tagged check,"
        nodes = [*ast.walk(ast.parse(cell.source))]
        if tags(cell) != ["check"]:
            messages.append(f"{place} has other tags, too")
        if not any(isinstance(node, ast.Attribute) and root(node) == "check" for node in nodes):
            messages.append(f"{place} calls no check")
        imported = [ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
        if imported != [CHECK_IMPORT]:
            messages.append(f"{place} must have one import, {CHECK_IMPORT}")
        if alien := sorted(bound - mine - {"check"}):
            messages.append(f"{place} binds {', '.join(alien)}: its names begin with my_")
        if alien := sorted(read - mine - fixed):
            messages.append(f"{place} reads {', '.join(alien)}, which is neither its own nor a module nor a function")
        changed = {root(node) for node in nodes if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))}
        if alien := sorted(changed & (read - mine)):
            messages.append(f"{place} changes {', '.join(alien)}")
        for node in nodes:
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            given = name and "generator" in [keyword.arg for keyword in node.keywords]
            if name in GLOBAL_DRAWS or (name in DRAWS and not given) or getattr(node, "attr", "") == "random":
                messages.append(f"{place} draws without a generator: {ast.unparse(node)}")
    return messages


def live_problems(cells: list) -> list[str]:
    """What ties the cells tagged live, live figures, to the others: without them the chapter is the same."""
    messages = []
    for number, cell in enumerate(cells, 1):
        place = f"code cell {number}"
        bound, read = global_names(cell.source)
        if ("live" in tags(cell)) != ("live.figure(" in cell.source):
            messages.append(f"{place}: live.figure and the tag live go together")
        if "live" not in tags(cell):
            continue
        if "claim" in read:
            messages.append(f"{place}, tagged live, makes a claim")
        for after, other in enumerate(cells, 1):
            rebound, wanted = global_names(other.source)
            if "live" not in tags(other) and (taken := sorted(bound & (wanted - rebound))):
                messages.append(f"{place}, tagged live, binds {', '.join(taken)}, which code cell {after} reads")
    return messages


def source_problems(chapter: str, notebook, setup: str) -> list[str]:
    """What is wrong with a chapter before it is run. setup: what its setup cell must hold."""
    messages = []
    cells = code_cells(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "{code-cell}" in cell.source:
            messages.append(f"{chapter}: a code cell inside another directive does not run:\n{cell.source}")
    for number, cell in enumerate(cells, 1):
        try:
            ast.parse(cell.source)
        except SyntaxError as error:
            messages.append(f"{chapter}, code cell {number}: not plain Python: {error}")
    if messages:
        return messages
    fixed = fixed_names("\n".join(cell.source for cell in cells))
    for number, cell in enumerate(cells, 1):
        messages += [f"{chapter}, code cell {number}: {text}" for text in cell_problems(cell, fixed)]
    messages += [f"{chapter}, {text}" for text in check_problems(cells) + live_problems(cells)]
    if [cell.source for cell in cells if "setup" in tags(cell)] != [setup]:
        messages.append(f"{chapter}: expected one code cell tagged setup that holds one comment line")
    lengths = [len(cell.source.splitlines()) for cell in cells if "setup" not in tags(cell)]
    if lengths and median(lengths) > MEDIAN_CELL:
        messages.append(
            f"{chapter}: the median code cell has {median(lengths):g} lines, at most {MEDIAN_CELL} are fine"
        )
    return messages


def cell_problems(cell, fixed: set[str]) -> list[str]:
    """What is wrong with one code cell before it is run."""
    messages = []
    lines = len(cell.source.splitlines())
    if not cell.source.strip():
        messages.append("is empty")
    if lines > LONGEST_CELL:
        messages.append(f"has {lines} lines, at most {LONGEST_CELL} are fine")

    claims = calls(cell.source, "claim")
    if bool(claims) != ("claim" in tags(cell)):
        messages.append("the tag claim and a call of claim(…) go together")
    for call, text in zip(claims, claim_texts(cell), strict=True):
        if not text:
            messages.append(f"a claim's text must be a plain string: {ast.unparse(call)}")
        conditions = call.args[1:] + [keyword.value for keyword in call.keywords]
        if len(conditions) != 1 or is_constant(conditions[0], fixed):
            messages.append(f"a claim needs a condition that the chapter has computed: {ast.unparse(call)}")

    for tag in tags(cell):
        if tag == "raises-exception" or (tag.startswith("nbval") and tag != "nbval-ignore-output"):
            messages.append(f"the tag {tag} is not allowed: it weakens the validation")
    if re.search(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE)", cell.source, re.M):
        messages.append("an NBVAL comment is not allowed: use a tag, which the reader does not see")
    if "nbval-ignore-output" in tags(cell):
        if claims:
            messages.append("a claim's output is always compared: move it out of the cell tagged nbval-ignore-output")
        elif "training-log" not in tags(cell) and not calls(cell.source, "glue"):
            messages.append("nbval-ignore-output is only for cells that glue a number or are tagged training-log")
    return messages


def output_problems(chapter: str, notebook, size: int) -> list[str]:
    """What is wrong with a chapter that has run. size: of its file, in bytes."""
    messages = []
    cells = code_cells(notebook)
    if [cell.execution_count for cell in cells] != [*range(1, len(cells) + 1)]:
        messages.append(f"{chapter}: was not run once from top to bottom")
    if size > LARGEST_NOTEBOOK:
        messages.append(f"{chapter}: has {size} bytes, at most {LARGEST_NOTEBOOK} are fine")
    for number, cell in enumerate(cells, 1):
        messages += [f"{chapter}, code cell {number}: {text}" for text in cell_output_problems(cell)]
    verdicts = "".join(o.get("text", "") for cell in cells if "check" in tags(cell) for o in cell.outputs)
    for name in sorted(set(re.findall(r"^… (\w+): ", verdicts, re.M)) - set(re.findall(r"^✓ (\w+): ", verdicts, re.M))):
        messages.append(f"{chapter}: no solution passes check.{name}")
    return messages


def cell_output_problems(cell) -> list[str]:
    """What is wrong with the outputs of one code cell."""
    messages = []
    streams = {"stdout": "", "stderr": ""}
    shown = []  # MIME types, one for each output that has it
    for output in cell.outputs:
        if output.output_type == "error":
            messages.append(f"ended in an error: {output.ename}: {output.evalue}")
        elif output.output_type == "stream":
            streams[output.name] += output.text
        else:
            shown += output.data
            if re.search(r"\bat 0x[0-9a-f]{6}", output.data.get("text/plain", "")):
                messages.append("shows an object's address, which differs each time: " + output.data["text/plain"])
    if streams["stderr"]:
        messages.append("wrote to stderr: " + streams["stderr"])
    if alien := sorted(set(shown) - MIME_TYPES):
        messages.append(f"shows {', '.join(alien)}; images are PNG")
    claimed = [line[2:] for line in streams["stdout"].splitlines() if line.startswith("✓ ")]
    if "check" in tags(cell):
        if alien := [line for line in streams["stdout"].splitlines() if not line.startswith(("✓ ", "… ", "  "))]:
            messages.append(f"an exercise is neither a stub nor right: {alien[0]}")
    elif claimed != claim_texts(cell):
        messages.append(f"its claims are {claim_texts(cell)}, its output holds {claimed}")

    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    live = sum('<figure class="live"' in output.get("data", {}).get("text/html", "") for output in cell.outputs)
    images = shown.count("image/png") + live
    if images and not (figure.get("caption") and figure.get("name") and (alt or live)):  # a live one has its own alt
        messages.append("a figure needs a caption, a name (mystnb.figure) and an alt text (mystnb.image)")
    if images > 1 or (figure and not images):
        messages.append(f"shows {images} images: a figure's cell shows one")
    return messages
