// What Sphinx's search does not see to. Runs after its words' stems are known and before its index comes.

// A word such as "constructor" is looked up in plain objects, which have inherited properties of that name.
const words = { __proto__: null, hasOwnProperty: Object.prototype.hasOwnProperty };
const { setIndex } = Search;
Search.setIndex = (index) => {
  for (const map of [index.terms, index.titleterms]) Object.setPrototypeOf(map, words);
  setIndex(index);
};

// "Ising" is in the index as it is, for its stem, "is", is a word that the index leaves out.
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
