// All figures by the names that live.figure(…) knows, and their start on a page of the site.
import dirac_gan from "./dirac_gan.js";
import gan_ring from "./gan_ring.js";
import gibbs_gaussian from "./gibbs_gaussian.js";
import gibbs_table from "./gibbs_table.js";

export const figures = { dirac_gan, gan_ring, gibbs_gaussian, gibbs_table };

/** Bring the figures of a page to life. Each holds its state as JSON; what is set later stays in the page. */
function start(page) {
  for (const el of page.querySelectorAll("figure.live")) {
    const values = { state: JSON.parse(el.querySelector("script").textContent) };
    const model = {
      get: (key) => values[key],
      set: (key, value) => (values[key] = value),
      save_changes: () => {},
    };
    figures[el.dataset.live].render({ model, el });
    el.classList.add("live-runs"); // hides the static picture, except on paper
  }
}

// In a notebook anywidget loads this file as a module, and calls render itself.
if (document.currentScript) start(document);
