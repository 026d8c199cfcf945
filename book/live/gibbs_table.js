// Gibbs sampling on the 2×2 table: the weights can be changed, the walk goes one draw at a time.
import { button, choice, count, element, frame, number, svg } from "./figure.js";
import {
  draw, probabilities, startTableWalk, tableProblem, totalVariation, visitShares, xGivenY, yGivenX,
} from "./gibbs.js";
import { seeded } from "./rng.js";

const TABLES = {
  lecture: { name: "the lecture’s", weights: [[0.1, 0.4], [0.3, 0.2]] },
  almost: { name: "almost two blocks", weights: [[0.49, 0.01], [0.01, 0.49]] },
  hole: { name: "one empty cell", weights: [[0, 0.4], [0.3, 0.3]] },
  blocks: { name: "two blocks", weights: [[0.5, 0], [0, 0.5]] },
};
const BITS = [0, 1];
const PLOT = { width: 340, height: 210, left: 46, right: 20, top: 10, bottom: 38 };

export default {
  render({ model, el }) {
    const given = model.get("state").joint;
    let table = given;
    let walk, random;
    let distances; // [n, distance after n sweeps], for the plot
    let complaint = ""; // about the weight that was typed last

    function reset(seed) {
      random = seeded(seed);
      walk = startTableWalk(table);
      distances = [];
    }

    function step() {
      draw(walk, table, random);
      if (walk.next !== "x") return; // in the middle of a sweep
      const n = walk.sweeps;
      // On logarithmic axes points 2 % apart are close enough: the plot stays small however long the walk.
      if (n < 50 || n >= 1.02 * distances.at(-1)[0]) distances.push([n, distance()]);
    }

    function sweeps(n) {
      const end = walk.sweeps + n;
      while (walk.sweeps < end) step();
    }

    const distance = () => totalVariation(visitShares(walk), probabilities(table));

    // --- What is shown ---

    const ui = frame({ model, el }, {
      reset, step, every: 600, leap: 20, draw: show, describe,
      state: () => ({ joint: table, sweeps: walk.sweeps, visits: walk.visits, x: walk.x, y: walk.y }),
      first: () => setTable(given),
      showMe() {
        setTable(TABLES.blocks.weights);
        sweeps(1000);
      },
    });

    const cells = BITS.map((y) => BITS.map((x) => cell(x, y)));
    const heads = BITS.map((x) => element("th", { scope: "col" }, `X = ${x}`));
    const rows = BITS.map((y) => {
      const head = element("th", { scope: "row" }, `Y = ${y}`);
      return element("tr", {}, head, ...cells[y].map((it) => it.box));
    });
    const plot = distancePlot();
    ui.stage.append(
      element("table", { class: "live-table" }, element("tr", {}, element("td"), ...heads), ...rows),
      plot.drawing,
    );
    const options = { own: "your own" };
    for (const key of Object.keys(TABLES)) options[key] = TABLES[key].name;
    const preset = choice({ text: "Table", options, change: ui.act((key) => setTable(TABLES[key]?.weights ?? table)) });
    const moves = [
      button("One draw", ui.act(step)),
      button("100 sweeps", ui.act(() => sweeps(100))),
      button("10 000 sweeps", ui.act(() => sweeps(10_000))),
    ];
    ui.controls.append(preset.label, ...moves);
    setTable(table);
    ui.settle();
    return ui.destroy;

    /** One cell of the table: its weight, and how often the walk has been there. */
    function cell(x, y) {
      const input = element("input", {
        type: "number", min: 0, step: 0.05, inputmode: "decimal", "aria-label": `weight of x = ${x}, y = ${y}`,
        change: ui.act(readTable),
      });
      const visited = element("span", { class: "live-fill" });
      const wanted = element("span", { class: "live-mark" });
      const bar = element("span", { class: "live-bar", "aria-hidden": "true" }, visited, wanted);
      const small = () => element("span", { class: "live-small" });
      const [share, target, chance] = [small(), small(), small()];
      const box = element("td", {}, input, bar, share, target, chance);
      return { box, input, visited, wanted, share, target, chance };
    }

    function setTable(weights) {
      table = weights;
      showWeights();
      const known = Object.keys(TABLES).find((key) => String(TABLES[key].weights) === String(table));
      preset.select.value = known ?? "own";
      ui.restart();
    }

    function showWeights() {
      for (const y of BITS) for (const x of BITS) cells[y][x].input.value = table[y][x];
    }

    /** A weight was typed: take the new table, or say what is wrong with it and keep the old one. */
    function readTable() {
      const weights = BITS.map((y) => BITS.map((x) => cells[y][x].input.valueAsNumber));
      complaint = tableProblem(weights);
      if (complaint) showWeights();
      else setTable(weights);
    }

    function describe() {
      if (complaint) {
        const text = `${complaint} The table stays as it was.`;
        complaint = "";
        return text;
      }
      const { x, y, next } = walk;
      if (next === "y") return `x = ${x} was drawn from the row Y = ${y}. Next: y, from the column X = ${x}.`;
      if (walk.sweeps === 0) return `The walk starts at x = ${x}, y = ${y}. Next: x, from the row Y = ${y}.`;
      const ended = `Sweep ${count(walk.sweeps)} ended at x = ${x}, y = ${y}.`;
      const far = `Distance from the table: ${number(distance(), 3)}.`;
      const missed = [[0, 0], [1, 0], [0, 1], [1, 1]].filter(([x, y]) => table[y][x] > 0 && walk.visits[y][x] === 0);
      if (walk.sweeps < 100 || missed.length === 0) return `${ended} ${far} Next: x, from the row Y = ${y}.`;
      return `${ended} ${far} Never visited: ${missed.map(([x, y]) => `x = ${x}, y = ${y}`).join("; ")}.`;
    }

    function show() {
      const target = probabilities(table);
      const shares = visitShares(walk);
      const chances = walk.next === "x" ? xGivenY(table, walk.y) : yGivenX(table, walk.x);
      for (const y of BITS) {
        for (const x of BITS) {
          const it = cells[y][x];
          const drawn = walk.next === "x" ? y === walk.y : x === walk.x; // can the next draw end here?
          it.box.classList.toggle("live-here", x === walk.x && y === walk.y);
          it.box.classList.toggle("live-band", drawn);
          it.visited.style.width = `${100 * shares[y][x]}%`;
          it.wanted.style.left = `${100 * target[y][x]}%`;
          it.share.textContent = `visited ${number(shares[y][x], 3)}`;
          it.target.textContent = `P = ${number(target[y][x], 3)}`;
          it.chance.textContent = drawn ? `next: ${number(chances[walk.next === "x" ? x : y], 2)}` : "";
        }
      }
      plot.show(walk.sweeps ? [...distances, [walk.sweeps, distance()]] : []);
    }
  },
};

/** The distance against the number of sweeps, on logarithmic axes, beside the 0.5/√n of independent draws. */
function distancePlot() {
  const { width, height, left, right, top, bottom } = PLOT;
  const line = svg("polyline", { class: "live-first" });
  const guide = svg("polyline", { class: "live-guide" });
  const ticks = svg("g", { class: "live-ticks" });
  const guideLabel = svg("text", { "text-anchor": "end" }, "0.5/√n");
  const below = svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, "sweeps n");
  const turned = `translate(11 ${(top + height - bottom) / 2}) rotate(-90)`;
  const beside = svg("text", { transform: turned, "text-anchor": "middle" }, "distance");
  const drawing = svg(
    "svg",
    { class: "live-plot", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Distance against sweeps" },
    ticks, guide, line, guideLabel, below, beside,
  );

  function show(distances) {
    const decades = Math.max(3, Math.ceil(Math.log10(distances.at(-1)?.[0] ?? 1))); // of the axis of n
    const x = (n) => left + ((width - left - right) * Math.log10(n)) / decades;
    const y = (d) => top + ((height - top - bottom) * Math.log10(Math.max(d, 1e-3))) / -3; // 1 at the top, 0.001 below
    const points = (list) => list.map(([n, d]) => `${x(n).toFixed(1)},${y(d).toFixed(1)}`).join(" ");
    line.setAttribute("points", points(distances));
    const end = Math.min(10 ** decades, 250_000); // where 0.5/√n meets the floor of the plot
    guide.setAttribute("points", points([[1, 0.5], [end, 0.5 / Math.sqrt(end)]]));
    guideLabel.setAttribute("x", x(end) - 4);
    guideLabel.setAttribute("y", y(0.5 / Math.sqrt(end ** 0.75)) - 5); // above the line where the text begins
    ticks.replaceChildren();
    for (let k = 0; k <= decades; k++) {
      const at = x(10 ** k);
      ticks.append(
        svg("line", { x1: at, x2: at, y1: top, y2: height - bottom }),
        svg("text", { x: at, y: height - bottom + 15, "text-anchor": "middle" }, count(10 ** k)),
      );
    }
    for (const d of [1, 0.1, 0.01, 0.001]) {
      ticks.append(
        svg("line", { x1: left, x2: width - right, y1: y(d), y2: y(d) }),
        svg("text", { x: left - 5, y: y(d) + 4, "text-anchor": "end" }, String(d)),
      );
    }
  }
  return { drawing, show };
}
