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

// A page without an origin, as in a folder or a sandboxed frame, may not fetch other pages for their excerpts.
if (origin === "null") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Not by the attribute: a browser complains of it where the page is shown in another one.
if (self === top) document.querySelector(".bd-search-container input[type=search]").focus();
