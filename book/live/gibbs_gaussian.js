// Gibbs sampling on a correlated Gaussian: the path, the trace of x, and how much each x resembles the one before.
import { button, chart, count, element, facts, frame, movable, number, plane, slider } from "./figure.js";
import { ellipse, gaussianSweep, lagOne, sweepsPerDraw } from "./gibbs.js";
import { seeded } from "./rng.js";

const REACH = 4; // the plane is shown from -REACH to REACH
const RECENT = 40; // sweeps whose moves are drawn as lines
const DOTS = 2000; // sweeps that are drawn as dots: a long walk must not make a drawing slow
const TRACE = 200; // sweeps in the trace

export default {
  render({ model, el }) {
    const given = model.get("state");
    let { rho, start } = given;
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
      first() {
        ({ rho, start } = given);
        correlation.set(rho);
      },
      showMe() {
        rho = 0.99;
        correlation.set(rho);
        ui.restart();
        sweeps(300);
      },
    });

    const walk = plane(REACH, "The walk in the plane of x and y");
    const trace = chart("2.4", "x against the sweep");
    const handle = movable(walk, { ui, move: moveStart });
    const beside = facts({
      sweeps: "sweeps",
      measured: "autocorrelation at lag 1",
      exact: "the same, exactly: ρ²",
      cost: "sweeps per independent draw, τ",
    });
    ui.stage.append(handle.board, element("div", { class: "live-side" }, trace.drawing, beside.list));

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
    ui.settle();
    return ui.destroy;

    function moveStart(to) {
      start = to;
      ui.restart();
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
      beside.show({
        sweeps: count(points.length - 1),
        measured: number(measured(), 3),
        exact: number(rho ** 2, 3),
        cost: number(sweepsPerDraw(rho), 1),
      });
      const [x, y] = start.map((v) => number(v, 1));
      handle.show(start, `Start of the walk, x = ${x}, y = ${y}: move it with the arrow keys`);
      drawPlane();
      drawTrace();
    }

    function drawPlane() {
      const { context, width, height, colour, line, dots } = walk.start();
      line([[-REACH, 0], [REACH, 0]], "line", 1);
      line([[0, -REACH], [0, REACH]], "line", 1);
      for (const k of [1, 2]) line(ellipse(rho, k), "muted", 1.2);

      const first = Math.max(0, points.length - 1 - RECENT);
      context.globalAlpha = 0.45;
      dots(points.slice(1).slice(-DOTS), "first", 1.6);
      context.globalAlpha = 1;
      const recent = points.slice(first + 1);
      const moves = recent.flatMap(([x, y], i) => [[x, points[first + i][1]], [x, y]]); // x moves, then y
      line([points[first], ...moves], "first", 1.2);
      dots(recent, "first", 2.4);
      dots(points.slice(1).slice(-1), "second", 5);

      context.fillStyle = colour("text");
      context.fillText("x", width - 12, height / 2 - 6);
      context.fillText("y", width / 2 + 6, 12);
    }

    function drawTrace() {
      const first = Math.max(1, points.length - TRACE);
      const { curve } = trace.start({
        x: [0, TRACE],
        y: [-3.5, 3.5],
        ticks: [-2, 0, 2].map((x) => [x, number(x, 0)]),
        below: `x, sweeps ${count(first)} to ${count(first + TRACE - 1)}`,
      });
      curve(points.slice(first).map(([x], i) => [i, x]), "first");
    }
  },
};
