// Gibbs sampling on a correlated Gaussian: the path, the trace of x, and how much each x resembles the one before.
import { button, canvas, count, element, frame, number, slider } from "./figure.js";
import { ellipse, gaussianSweep, lagOne, sweepsPerDraw } from "./gibbs.js";
import { seeded } from "./rng.js";

const REACH = 4; // the plane is shown from -REACH to REACH
const RECENT = 40; // sweeps whose moves are drawn as lines
const DOTS = 2000; // sweeps that are drawn as dots: a long walk must not make a drawing slow
const TRACE = 200; // sweeps in the trace
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export default {
  render({ model, el }) {
    let { rho, start } = model.get("state");
    let random;
    let points; // the start, then (x, y) after each sweep

    function reset(seed) {
      random = seeded(seed);
      points = [start];
    }

    const step = () => points.push(gaussianSweep(points.at(-1), rho, random));

    function sweeps(n) {
      for (let i = 0; i < n; i++) step();
    }

    const measured = () => lagOne(points.slice(1).map(([x]) => x)); // the start is no draw

    // --- What is shown ---

    const ui = frame({ model, el }, {
      reset, step, every: 120, leap: 20, draw: show, describe,
      state: () => ({ rho, start, sweeps: points.length - 1, point: points.at(-1) }),
      showMe() {
        rho = 0.99;
        correlation.set(rho);
        ui.restart();
        sweeps(300);
      },
    });

    const plane = canvas("1", "The walk in the plane of x and y");
    const trace = canvas("2.4", "x against the sweep");
    const handle = element("button", { type: "button", class: "live-handle", pointerdown: grab, keydown: nudge });
    const board = element("div", { class: "live-board" }, plane.drawing, handle);
    const facts = {};
    const list = element("dl", { class: "live-facts" });
    for (const [key, name] of [
      ["sweeps", "sweeps"],
      ["measured", "autocorrelation at lag 1"],
      ["exact", "the same, exactly: ρ²"],
      ["cost", "sweeps per independent draw, τ"],
    ]) {
      facts[key] = element("dd");
      list.append(element("div", {}, element("dt", {}, name), facts[key]));
    }
    ui.stage.append(board, element("div", { class: "live-side" }, trace.drawing, list));

    const correlation = slider({
      text: "correlation ρ", min: -0.99, max: 0.99, step: 0.01, value: rho,
      input(value) {
        rho = value;
        ui.restart();
        ui.changed();
      },
      change: ui.settle,
    });
    const moves = [
      button("One sweep", ui.act(step)),
      button("100 sweeps", ui.act(() => sweeps(100))),
      button("1000 sweeps", ui.act(() => sweeps(1000))),
    ];
    ui.controls.append(correlation.label, ...moves);
    plane.drawing.addEventListener("click", ui.act((event) => moveStart(place(event))));
    ui.settle();
    return ui.destroy;

    // --- The start of the walk: tap the plane, drag the square, or use the arrow keys on it ---

    /** The point of the plane under the pointer. */
    function place(event) {
      const box = plane.drawing.getBoundingClientRect();
      const x = (2 * (event.clientX - box.left)) / box.width - 1;
      const y = 1 - (2 * (event.clientY - box.top)) / box.height;
      return [REACH * x, REACH * y];
    }

    function moveStart(to) {
      start = to.map((v) => Math.round(10 * Math.max(-REACH, Math.min(REACH, v))) / 10);
      ui.restart();
    }

    function grab(event) {
      handle.setPointerCapture(event.pointerId);
      const move = (moved) => {
        moveStart(place(moved));
        ui.changed();
      };
      const drop = ui.act(() => handle.removeEventListener("pointermove", move));
      handle.addEventListener("pointermove", move);
      handle.addEventListener("lostpointercapture", drop, { once: true });
    }

    function nudge(event) {
      const arrow = ARROWS[event.key];
      if (!arrow) return;
      event.preventDefault(); // the page stays where it is
      const far = event.shiftKey ? 0.5 : 0.1;
      ui.act(() => moveStart(start.map((v, i) => v + far * arrow[i])))();
    }

    // --- Words and drawings ---

    function describe() {
      const n = points.length - 1;
      const [x, y] = points.at(-1).map((v) => number(v, 1));
      if (n === 0) return `The walk starts at x = ${x}, y = ${y}. Correlation ρ = ${number(rho, 2)}.`;
      if (n < 3) return `Sweep ${n} ended at x = ${x}, y = ${y}.`;
      const correlation = `the autocorrelation of x is ${number(measured(), 3)}, and ρ² ${number(rho ** 2, 3)}`;
      return `Sweep ${count(n)} ended at x = ${x}, y = ${y}. So far ${correlation}.`;
    }

    function show() {
      facts.sweeps.textContent = count(points.length - 1);
      facts.measured.textContent = number(measured(), 3);
      facts.exact.textContent = number(rho ** 2, 3);
      facts.cost.textContent = number(sweepsPerDraw(rho), 1);
      handle.style.left = `${50 + (50 * start[0]) / REACH}%`;
      handle.style.top = `${50 - (50 * start[1]) / REACH}%`;
      const [x, y] = start.map((v) => number(v, 1));
      handle.setAttribute("aria-label", `Start of the walk, x = ${x}, y = ${y}: move it with the arrow keys`);
      drawPlane();
      drawTrace();
    }

    function drawPlane() {
      const { context, width, height, colour } = plane.start();
      const at = ([x, y]) => [(width * (1 + x / REACH)) / 2, (height * (1 - y / REACH)) / 2];
      const line = (list, name, thickness) => {
        context.beginPath();
        for (const point of list) context.lineTo(...at(point));
        context.strokeStyle = colour(name);
        context.lineWidth = thickness;
        context.stroke();
      };
      line([[-REACH, 0], [REACH, 0]], "line", 1);
      line([[0, -REACH], [0, REACH]], "line", 1);
      for (const k of [1, 2]) line(ellipse(rho, k), "muted", 1.2);

      const first = Math.max(0, points.length - 1 - RECENT);
      context.fillStyle = colour("first");
      context.globalAlpha = 0.45;
      for (const point of points.slice(1).slice(-DOTS)) dot(context, at(point), 1.6);
      context.globalAlpha = 1;
      const recent = points.slice(first + 1);
      const moves = recent.flatMap(([x, y], i) => [[x, points[first + i][1]], [x, y]]); // x moves, then y
      line([points[first], ...moves], "first", 1.2);
      for (const point of recent) dot(context, at(point), 2.4);
      context.fillStyle = colour("second");
      if (points.length > 1) dot(context, at(points.at(-1)), 5);

      context.fillStyle = colour("text");
      context.fillText("x", width - 12, height / 2 - 6);
      context.fillText("y", width / 2 + 6, 12);
    }

    function drawTrace() {
      const { context, width, height, colour } = trace.start();
      const left = 26;
      const bottom = 20;
      const first = Math.max(1, points.length - TRACE);
      const at = (i, x) => [left + ((width - left) * i) / TRACE, ((height - bottom) * (1 - x / 3.5)) / 2];
      context.fillStyle = colour("muted");
      context.strokeStyle = colour("line");
      context.textAlign = "right";
      for (const x of [-2, 0, 2]) {
        const [, y] = at(0, x);
        context.fillText(number(x, 0), left - 6, y + 4);
        context.beginPath();
        context.moveTo(left, y);
        context.lineTo(width, y);
        context.stroke();
      }
      context.fillText(`x, sweeps ${count(first)} to ${count(first + TRACE - 1)}`, width - 2, height - 5);
      context.strokeStyle = colour("first");
      context.lineWidth = 1.4;
      context.lineJoin = "round";
      context.beginPath();
      points.slice(first).forEach(([x], i) => context.lineTo(...at(i, x)));
      context.stroke();
    }
  },
};

function dot(context, [x, y], radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
