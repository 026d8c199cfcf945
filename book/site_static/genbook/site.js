// What scrolls sideways on this screen can be reached with the keyboard: wide formulas, tables, code and outputs. To ask
// for a width makes the browser lay out what is still far below the screen: it is done box by box, when nothing else is.
const wide = ".katex-display, .pst-scrollable-table-container, .cell_output, .highlight pre, .text_html";
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(work, 1, { timeRemaining: () => 10 }));
let waiting = [];

function markSome(idle) {
  const changes = []; // made at the end: one width, one change, one width would lay out everything again and again
  for (let first = true; waiting.length && (first || idle.timeRemaining() > 5); first = false) {
    const box = waiting.shift();
    const scrolls = box.scrollWidth > box.clientWidth;
    if (scrolls !== (box.tabIndex === 0)) changes.push([box, scrolls]);
  }
  for (const [box, scrolls] of changes) scrolls ? (box.tabIndex = 0) : box.removeAttribute("tabindex");
  if (waiting.length) whenIdle(markSome);
  else document.documentElement.dataset.marked = innerWidth;
}

function markAll() {
  const begun = waiting.length > 0;
  waiting = [...document.querySelectorAll(wide)];
  if (!begun) whenIdle(markSome);
}
addEventListener("load", markAll);
addEventListener("resize", markAll);
