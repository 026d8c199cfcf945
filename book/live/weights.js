// The trained networks of some figures: scripts of about 220 kB each, asked for when such a figure starts.
import { element } from "./figure.js";

// On a page of the site the scripts lie beside this one. In a live notebook the networks are part of the module.
const home = globalThis.document?.currentScript?.src;
const asked = {}; // name -> the promise of its script

/** The networks with these names; each is a property of globalThis.genbookWeights then. Fails if one does not come. */
export function weightsFor(names) {
  return Promise.all(names.map((name) => (asked[name] ??= script(name))));
}

function script(name) {
  return new Promise((resolve, reject) => {
    // A server may answer with a page that says "not found": that is no network either.
    const load = () => (globalThis.genbookWeights?.[name] ? resolve() : reject());
    document.head.append(element("script", { src: new URL(`weights/${name}.js`, home), load, error: reject }));
  });
}
