// All figures by the names that live.figure(…) knows, and their start on a page of the site.
import autoencoder_vae from "./autoencoder_vae.js";
import dirac_gan from "./dirac_gan.js";
import { element } from "./figure.js";
import gan_ring from "./gan_ring.js";
import gibbs_gaussian from "./gibbs_gaussian.js";
import gibbs_table from "./gibbs_table.js";
import vae_plane from "./vae_plane.js";
import { weightsFor } from "./weights.js";

export const figures = { autoencoder_vae, dirac_gan, gan_ring, gibbs_gaussian, gibbs_table, vae_plane };

/** Bring the figures of a page to life when they come near. Each holds its state as JSON; what is set stays in the page. */
function start(page) {
  const nearby = new IntersectionObserver(
    (entries) => {
      for (const { target: el, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        nearby.unobserve(el);
        weightsFor(figures[el.dataset.live].weights ?? []).then(() => run(el), () => excuse(el));
      }
    },
    { rootMargin: "200%" }, // within two screens of the view
  );
  for (const el of page.querySelectorAll("figure.live")) nearby.observe(el);
}

function run(el) {
  const values = { state: JSON.parse(el.querySelector("script").textContent) };
  const model = {
    get: (key) => values[key],
    set: (key, value) => (values[key] = value),
    save_changes: () => {},
  };
  figures[el.dataset.live].render({ model, el });
  el.classList.add("live-runs"); // hides the static picture, except on paper
}

function excuse(el) {
  const text = "This figure needs its trained networks, and they did not come. Reload the page to try again.";
  el.append(element("p", { class: "live-status", role: "status" }, text));
}

// In a notebook anywidget loads this file as a module, and calls render itself.
if (document.currentScript) start(document);
