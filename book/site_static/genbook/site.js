// What scrolls sideways on this screen can be reached with the keyboard: wide formulas, tables, code and outputs. To ask
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

// A frame that may run scripts but send no forms: the search's Enter key follows a link instead.
function search(event) {
  const form = event.target.closest?.("form.bd-search");
  if (event.key !== "Enter" || event.isComposing || !form) return;
  event.preventDefault();
  const address = new URL(form.action);
  address.searchParams.set("q", new FormData(form).get("q"));
  location.assign(address);
}

if (self !== top) addEventListener("keydown", search);
