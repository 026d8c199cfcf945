// What scrolls sideways on this screen can be reached with the keyboard: wide formulas, tables, code and outputs.
const wide = ".katex-display, .pst-scrollable-table-container, .cell_output, .highlight pre, .text_html";
const mark = () => {
  for (const box of document.querySelectorAll(wide)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
addEventListener("load", mark);
addEventListener("resize", mark);
