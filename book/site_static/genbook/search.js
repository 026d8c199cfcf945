// What Sphinx's search does not see to. Runs after its words' stems are known and before its index comes.

// Its words are looked up in plain objects, which have inherited properties such as "constructor". And "Ising", whose stem
// is a stop word, is in the index as it is written, but looked up by its stem: as a small "ising" it is found. So is
// "Fréchet" by those who have no é at hand.
const words = { __proto__: null, hasOwnProperty: Object.prototype.hasOwnProperty };
const { setIndex } = Search;
Search.setIndex = (index) => {
  for (const map of [index.terms, index.titleterms]) {
    for (const [word, pages] of Object.entries(map)) {
      for (const plain of [word.toLowerCase(), word.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "")])
        if (plain !== word) map[plain] = [...new Set([pages, map[plain] ?? []].flat())];
    }
    Object.setPrototypeOf(map, words);
  }
  setIndex(index);
};
const PorterStemmer = Stemmer;
Stemmer = function () {
  const { stemWord } = new PorterStemmer();
  this.stemWord = (word) => {
    const stem = stemWord(word);
    return stopwords.includes(stem) ? word : stem;
  };
};

// A result leads to the section of its page that speaks most of what is searched for, and shows the place. (Sphinx's own
// leads to the page, which it fetches for a few words.)
function place(page, anchor, words) { // [id, title, text] of a section; words as patterns
  const counts = (text) => words.map((word) => [...text.matchAll(new RegExp(word, "giu"))].length);
  const score = ([, title, text]) => {
    const inTitle = counts(title), inText = counts(text);
    return words.reduce((sum, _, i) => sum + Math.min(inText[i], 9) + 30 * (inTitle[i] + inText[i] > 0) + 15 * (inTitle[i] > 0), 0);
  };
  const sections = (SECTIONS[page] ?? []).filter(([id]) => !anchor || anchor === `#${id}`);
  const scores = sections.map(score);
  return sections[scores.indexOf(Math.max(...scores))] ?? ["", "", ""];
}

function excerpt(text, words) { // 240 characters about the first of the words, which are marked
  const found = words.map((word) => text.search(word)).filter((at) => at >= 0);
  const start = found.length ? text.indexOf(" ", Math.min(...found) - 90) + 1 : 0;
  const more = start + 240 < text.length;
  const shown = (start > 1 ? "… " : "") + text.slice(start, start + 240).replace(more ? / [^ ]*$/ : "", "") + (more ? " …" : "");
  const paragraph = document.createElement("p");
  paragraph.className = "context";
  const any = new RegExp(`(${words.map((word) => word.source).join("|")})`, "iu");
  shown.split(any).forEach((part, i) => {
    const span = document.createElement("span");
    span.className = i % 2 ? "highlighted" : "";
    span.append(part);
    paragraph.append(span);
  });
  return paragraph;
}

Search.query = (query) => {
  const parsed = Search._parseQuery(query);
  const words = [...parsed[3]].map((word) => {
    const stem = new Stemmer().stemWord(word); // of "stationary" it is "stationari"
    const same = [...word].findIndex((letter, i) => letter !== stem[i]);
    return new RegExp(`(?<!\\p{L})${_escapeRegExp(same < 0 ? word : word.slice(0, same))}\\p{L}*`, "iu");
  });
  const results = Search._performSearch(...parsed).reverse();
  for (const [page, title, anchor, description] of results) {
    const [id, section, text] = place(page, anchor, words);
    const item = Search.output.appendChild(document.createElement("li"));
    const link = item.appendChild(document.createElement("a"));
    const top = !id || id === SECTIONS[page][0][0];
    link.href = page + DOCUMENTATION_OPTIONS.LINK_SUFFIX + (anchor || (top ? "" : `#${id}`));
    link.innerHTML = title;
    if (!top && !link.textContent.endsWith(section)) link.append(` > ${section}`);
    if (description) item.insertAdjacentHTML("beforeend", ` (${description})`);
    item.append(excerpt(text, words));
  }
  _finishSearch(results.length);
};

// Not by the attribute: a browser complains of it where the page is shown in another one.
if (self === top) document.querySelector(".bd-search-container input[type=search]").focus();
