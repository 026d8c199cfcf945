// One draw u from N(0, I) in two planes of digits: the VAE takes it as its z, and so does the autoencoder, or it gets the
// draw moved to where its codes are, z = m + L·u with their mean m and covariance L·Lᵀ.
import { button, choice, count, element, facts, frame, movable, number, plane } from "./figure.js";
import { circle, codeMap, cross, pair, sheet } from "./digits.js";
import { seeded } from "./rng.js";
import { codesOf, decode, gaussianOf, median, nearestCode, unpack, usualDistance } from "./vae.js";

const DRAWS = 100; // are shown: the last ones
const SIDE = 10; // pictures in a row
const FAR = 4; // u goes from -FAR to FAR, as far as the VAE's plane is shown
const TIME = 5; // ms in one frame for the pictures of the sheets: more would hold up the page
const SHOWN = { vae: { reach: FAR, centre: [0, 0] }, autoencoder: { reach: 11, centre: [0, 5] } }; // of the planes
const NAMES = { vae: "VAE", autoencoder: "Autoencoder" };
const WORDS =
  "u: a draw from N(0, I), the prior. z: what the decoder gets, u itself or u moved to the autoencoder’s codes, m + Lu, with m " +
  "their mean and LLᵀ their covariance. Usual: the median distance of a code from the one nearest to it.";
const FACTS = {
  z: "z",
  label: "nearest test digit",
  distance: "distance ÷ usual",
  median: "median of all draws",
  rare: "digits hardly drawn",
};

export default {
  weights: ["vae_decoder", "autoencoder_decoder"],

  render({ model, el }) {
    const given = model.get("state");
    let { point: u, moved } = given;
    let draws; // of u
    let total; // of draws: the next one goes to the place total % DRAWS
    let told; // is the point the last draw, as the status line then says?
    let random;
    const due = new Set(); // places in the sheets whose pictures are not up to date

    const sides = {};
    for (const name of Object.keys(SHOWN)) {
      const content = globalThis.genbookWeights[`${name}_decoder`];
      const { codes, labels } = codesOf(content);
      sides[name] = { decoder: unpack(content), codes, labels, usual: usualDistance(codes), found: [], ...SHOWN[name] };
    }
    const { mean: m, root: [[a], [b, c]] } = gaussianOf(sides.autoencoder.codes);
    const toCodes = ([x, y]) => [m[0] + a * x, m[1] + b * x + c * y];
    const fromCodes = ([x, y]) => [(x - m[0]) / a, (y - m[1] - (b * (x - m[0])) / a) / c];
    const place = (name, u) => (name === "autoencoder" && moved ? toCodes(u) : u);

    function reset(seed) {
      random = seeded(seed);
      [draws, total] = [[], 0];
      hundred();
      [u, told] = [given.point, false];
    }

    function one() {
      u = [random.normal(), random.normal()];
      draws[total % DRAWS] = u;
      decodeLater(total % DRAWS);
      [total, told] = [total + 1, true];
    }

    /** The k-th draw has changed, or its place: measure it now, decode it when there is time. */
    function decodeLater(k) {
      for (const [name, { found }] of Object.entries(sides)) found[k] = nearest(name, place(name, draws[k]));
      due.add(k);
    }

    function hundred() {
      for (let i = 0; i < DRAWS; i++) one();
    }

    /** The code that is nearest to a point, how far it is, in units of what is usual between codes, and its label. */
    function nearest(name, z) {
      const { codes, labels, usual } = sides[name];
      const { distance, index } = nearestCode(z, codes);
      return { distance: distance / usual, label: labels[index] };
    }

    /** Of all draws in one plane: the median of those distances, and the labels that come once or never. */
    function summary({ found }) {
      const times = new Array(10).fill(0);
      for (const { label } of found) times[label] += 1;
      return {
        median: number(median(found.map(({ distance }) => distance)), 1),
        rare: [...times.keys()].filter((digit) => times[digit] < 2).join(",\u00a0") || "none",
      };
    }

    // --- What is shown ---

    const ui = frame({ model, el }, {
      reset, step: one, every: 700, leap: 20, draw: show, describe,
      state: () => ({ point: u, moved, draws }),
      first: () => setMoved(given.moved),
      showMe() {
        setMoved(true);
        // To the draw that is far from the autoencoder's codes, and not from the VAE's.
        const { vae, autoencoder } = sides;
        const strange = draws.map((_, k) => autoencoder.found[k].distance / Math.max(vae.found[k].distance, 1));
        [u, told] = [draws[strange.indexOf(Math.max(...strange))], false];
      },
    });

    const columns = element("div", { class: "live-pair" });
    for (const [name, side] of Object.entries(sides)) {
      side.map = plane(side.reach, `${NAMES[name]}: the codes of 1000 test digits, the draws and the point`);
      side.handle = movable(side.map, { ui, move: (at) => go(name, at) });
      side.drawCodes = codeMap(side.codes, side.labels);
      side.decoded = sheet(1, 1, `${NAMES[name]}: the point, decoded`);
      side.sheet = sheet(SIDE, SIDE, `${NAMES[name]}: the hundred draws, decoded`);
      side.facts = facts(FACTS);
      side.rule = element("span", { class: "live-small" });
      const pictures = element("div", { class: "live-pictures" }, side.decoded.drawing, side.sheet.drawing);
      const title = element("strong", {}, NAMES[name]);
      const axes = side.centre.map((v, i) => `z${"₁₂"[i]} from ${number(v - side.reach, 0)} to ${number(v + side.reach, 0)}`);
      const below = element("div", {}, ...axes.map((text) => element("span", { class: "live-small" }, text)));
      columns.append(element("div", {}, title, side.rule, side.handle.board, below, pictures, side.facts.list));
    }
    ui.stage.append(columns, element("p", { class: "live-words" }, WORDS));

    const options = { no: "as they are", yes: "moved to codes" };
    const rule = choice({ text: "Autoencoder’s draws", options, change: ui.act((key) => setMoved(key === "yes")) });
    ui.controls.append(rule.label, button("One draw", ui.act(one)), button("100 draws", ui.act(hundred)));
    setMoved(moved);
    ui.settle();
    return ui.destroy;

    function setMoved(to) {
      moved = to;
      rule.select.value = moved ? "yes" : "no";
      for (const k of draws.keys()) decodeLater(k);
    }

    /** The point was moved in one of the planes; at: from the centre of what is shown. */
    function go(name, at) {
      const z = at.map((v, i) => v + sides[name].centre[i]);
      const to = name === "autoencoder" && moved ? fromCodes(z) : z;
      [u, told] = [to.map((v) => Math.max(-FAR, Math.min(FAR, v))), false];
    }

    // --- Words and drawings ---

    function describe() {
      const words = Object.keys(sides).map((name) => {
        const { distance, label } = nearest(name, place(name, u));
        return `${NAMES[name]}: nearest to a ${label}, at ${number(distance, 1)}\u00a0× the usual distance.`;
      });
      return `${told ? `Draw ${count(total)}: ` : ""}u = ${pair(u)}. ${words.join(" ")}`;
    }

    function show() {
      for (const [name, side] of Object.entries(sides)) {
        const z = place(name, u);
        const { distance, label } = nearest(name, z);
        const { median, rare } = summary(side);
        side.facts.show({ z: pair(z), label: `a ${label}`, distance: number(distance, 1), median, rare });
        side.rule.textContent = name === "autoencoder" && moved ? "z = m + Lu" : "z = u";
        side.handle.show(fromCentre(side, z), `${NAMES[name]}: the point z = ${pair(z)}, move it with the arrow keys`);
        side.decoded.show(0, decode(side.decoder, z));
        if (!drawPlane(name, side)) ui.changed(); // the rest in the next frames
      }
      const end = performance.now() + TIME;
      for (const k of due) {
        for (const [name, side] of Object.entries(sides)) side.sheet.show(k, decode(side.decoder, place(name, draws[k])));
        due.delete(k);
        if (performance.now() > end) break;
      }
      if (due.size) ui.changed();
    }

    /** Gives whether all codes are drawn. */
    function drawPlane(name, side) {
      const paper = side.map.start();
      const { context, colour } = paper;
      const whole = side.drawCodes(paper, (z) => paper.at(fromCentre(side, z)));
      const put = (u) => fromCentre(side, place(name, u));
      for (const k of [1, 2]) paper.line(circle(k).map(put), "muted", 1.2);
      context.strokeStyle = colour("text");
      context.lineWidth = 1.2;
      context.beginPath();
      for (const draw of draws) cross(context, paper.at(put(draw)), 3);
      context.stroke();
      return whole;
    }
  },
};

const fromCentre = ({ centre }, z) => z.map((v, i) => v - centre[i]);
