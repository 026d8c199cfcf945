// --- Links land, and reload and back find the place again. What is far below the screen has a guessed height, so a place
// is an element, not a number: it is aimed at until it rests, unless the reader moves. ---
const units = [...document.querySelectorAll("article section > :not(section)")];
const arrived = history.state?.place; // before another script forgets it
let aims = 0, moved;

function aim(scroll) {
  const mine = ++aims;
  let rest = 0;
  const step = () => {
    if (mine !== aims) return;
    const before = scrollY;
    scroll();
    rest = Math.abs(scrollY - before) < 1 && document.readyState === "complete" && document.fonts.status === "loaded" ? rest + 1 : 0;
    if (rest < 9) requestAnimationFrame(step);
  };
  step();
}

for (const event of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(event, () => aims++, { passive: true, capture: true });

function unfold(target) { // what it is folded in
  let folded = false;
  for (let element = target; element; element = element.parentElement) {
    if (element.tagName === "DETAILS" && !element.open) folded = element.open = true;
    if (element.matches(".sd-tab-content")) element.previousElementSibling.previousElementSibling.checked = folded = true;
  }
  if (!folded) return;
  if (target.tabIndex < 0) target.tabIndex = -1;
  target.focus({ preventScroll: true });
}

function land() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  unfold(target);
  aim(() => target.scrollIntoView());
}

function comeBack([index, top]) {
  aim(() => scrollBy(0, units[index].getBoundingClientRect().top - top));
}

function remember() {
  const edge = parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
  const index = units.findIndex((unit) => unit.getBoundingClientRect().bottom > edge);
  if (index >= 0) history.replaceState({ place: [index, units[index].getBoundingClientRect().top] }, "");
}

if (units[arrived?.[0]]) comeBack(arrived);
else if (location.hash) land();
addEventListener("popstate", ({ state }) => (state?.place ? comeBack(state.place) : land()));
addEventListener("pagehide", remember);
addEventListener("click", remember, { capture: true }); // before a link leads on
addEventListener("scroll", () => {
  clearTimeout(moved);
  moved = setTimeout(remember, 200);
}, { passive: true });
addEventListener("click", ({ target }) => {
  const link = target.closest?.("a[href]");
  if (link?.hash && link.href === location.href) land(); // once more
});

// --- The code of plots and checks: all of it, or as the reader opens it. ---
const codes = document.querySelectorAll("details.fold");
const codeSwitch = document.querySelector(".fold-switch");

function showCode(shown) {
  for (const fold of codes) fold.open = shown;
  codeSwitch.setAttribute("aria-pressed", shown);
}

codeSwitch?.addEventListener("click", () => {
  const shown = codeSwitch.getAttribute("aria-pressed") === "false";
  localStorage.setItem("code", shown ? "shown" : "folded");
  showCode(shown);
});
if (codeSwitch && localStorage.getItem("code") === "shown") showCode(true);

// --- Print, from the dark theme, too, in the light one; and with all fonts of formulas, for a browser loads a font when it
// is first seen, and doesn't wait for it to print. ---
const { dataset } = document.documentElement;
let theme;
addEventListener("beforeprint", () => ([theme, dataset.theme] = [dataset.theme, "light"]));
addEventListener("afterprint", () => (dataset.theme = theme));

function loadFonts() {
  for (const font of formulaFonts) document.fonts.load(font).catch(() => {}); // not where the server gives none to this frame
}

if (window.formulaFonts) addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(loadFonts));

// --- What scrolls sideways on this screen can be reached with the keyboard: wide formulas, tables, code and outputs. To ask
// for a box's width lays it out, however far below the screen it is: so only boxes that come near are asked, and all of
// them as soon as somebody uses a keyboard.
const wide = ".katex-display, .pst-scrollable-table-container, .cell_output, .highlight pre, .text_html";
const boxes = [...document.querySelectorAll(wide)];

function mark(some) {
  const scrolls = some.map((box) => box.scrollWidth > box.clientWidth); // all widths before the first change
  some.forEach((box, i) => (scrolls[i] ? (box.tabIndex = 0) : box.removeAttribute("tabindex")));
}

const nearby = new IntersectionObserver(
  (seen) => mark(seen.filter((entry) => entry.isIntersecting).map((entry) => entry.target)),
  { rootMargin: "50%" },
);

function watch() {
  nearby.disconnect();
  for (const box of boxes) nearby.observe(box); // tells at once which are near
}

function markAll() {
  mark(boxes);
  addEventListener("resize", () => mark(boxes));
}

watch();
addEventListener("resize", watch);
addEventListener("keydown", markAll, { once: true, capture: true });
addEventListener("toggle", ({ target }) => mark(boxes.filter((box) => target.contains(box))), { capture: true });

// --- A frame that may run scripts but send no forms: the search's Enter key follows a link instead. ---
function search(event) {
  const form = event.target.closest?.("form.bd-search");
  if (event.key !== "Enter" || event.isComposing || !form) return;
  event.preventDefault();
  const address = new URL(form.action);
  address.searchParams.set("q", new FormData(form).get("q"));
  location.assign(address);
}

if (self !== top) addEventListener("keydown", search);
