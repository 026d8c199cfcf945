// The Dirac-GAN: where simultaneous and alternating steps lead, what R1 does to them, and what the eigenvalue says.
import { button, chart, choice, count, element, facts, frame, movable, number, plane, slider } from "./figure.js";
import { eigenvalues, growth, modulus, path, radius, step, velocity } from "./dirac.js";
import { seeded } from "./rng.js";

const REACH = 3; // the plane is shown from -REACH to REACH
const ARROWS = 12; // of the field, across the plane and up
const DOTS = 300; // steps that are drawn as dots
const LENGTH = 200; // steps that the picture of the radius has room for at least
const ORDERS = { simultaneous: "simultaneous", alternating: "alternating" };

export default {
  render({ model, el }) {
    const given = { seed: 0, ...model.get("state") };
    const settings = { h: given.h, gamma: given.gamma, alternating: given.alternating };
    let states; // [θ, ψ] at the start, and after each step

    // Nothing is random here but the start: the given one with the given seed, and with each other seed another.
    function reset(seed) {
      const random = seeded(seed);
      const [angle, far] = [2 * Math.PI * random.uniform(), 0.5 + random.uniform()];
      const other = [far * Math.cos(angle), far * Math.sin(angle)].map((v) => Math.round(10 * v) / 10);
      states = [seed === given.seed ? given.start : other];
    }

    const forward = () => states.push(step(states.at(-1), settings));

    /** The same number of steps anew, from another start or with other settings. */
    function again(start = states[0]) {
      states = path(start, states.length - 1, settings);
    }

    // --- What is shown ---

    const ui = frame({ model, el }, {
      reset, step: forward, every: 50, leap: 50, draw: show, describe,
      state: () => ({ ...settings, start: states[0], steps: states.length - 1, point: states.at(-1) }),
      first: () => Object.assign(settings, { h: given.h, gamma: given.gamma, alternating: given.alternating }),
      showMe() {
        Object.assign(settings, { gamma: 1, alternating: false });
        states = path(states[0], 100, settings);
      },
    });

    const board = plane(REACH, "The path in the plane of θ and ψ");
    const distance = chart("1.8", "The radius against the step");
    const handle = movable(board, { ui, move: again });
    const beside = facts({
      steps: "steps",
      radius: "radius",
      measured: "its growth per step, measured",
      exact: "by the eigenvalue: |λ|",
      values: "λ",
    });
    ui.stage.append(handle.board, element("div", { class: "live-side" }, distance.drawing, beside.list));

    const order = choice({
      text: "Steps",
      options: ORDERS,
      change(name) {
        settings.alternating = name === "alternating";
        again();
        ui.settle();
      },
    });
    const sliders = {
      h: slider({ text: "step size h", min: 0.05, max: 0.5, step: 0.05, value: settings.h, input: set("h"), change: ui.settle }),
      gamma: slider({ text: "R1, γ", min: 0, max: 2, step: 0.05, value: settings.gamma, input: set("gamma"), change: ui.settle }),
    };
    const moves = [button("One step", ui.act(forward)), button("100 steps", () => ui.run(100))];
    ui.controls.append(order.label, sliders.h.label, sliders.gamma.label, ...moves);
    ui.settle();
    return ui.destroy;

    function set(name) {
      return (value) => {
        settings[name] = value;
        again();
        ui.changed();
      };
    }

    // --- Words and drawings ---

    function describe() {
      const [theta, psi] = states.at(-1).map((v) => number(v, 2));
      const exact = modulus(settings);
      const way = exact > 1 + 1e-9 ? "outwards" : exact < 1 - 1e-9 ? "inwards" : "round and round";
      const predicted = `Near the solution the path leads ${way}, |λ| = ${number(exact, 3)}.`;
      const steps = states.length - 1;
      return `${steps ? `Step ${count(steps)}` : "Start"}: θ = ${theta}, ψ = ${psi}. ${predicted}`;
    }

    function show() {
      const [first, second] = eigenvalues(settings);
      beside.show({
        steps: count(states.length - 1),
        radius: size(radius(states.at(-1))),
        measured: number(growth(states, settings), 3),
        exact: number(modulus(settings), 3),
        values: first.im
          ? `${number(first.re, 3)} ± ${number(first.im, 3)} i`
          : `${number(first.re, 3)} and ${number(second.re, 3)}`,
      });
      order.select.value = settings.alternating ? "alternating" : "simultaneous";
      for (const name of Object.keys(sliders)) sliders[name].set(settings[name]);
      const [theta, psi] = states[0].map((v) => number(v, 1));
      handle.show(states[0], `Start of the path, θ = ${theta}, ψ = ${psi}: move it with the arrow keys`);
      drawPlane();
      drawRadius();
    }

    function drawPlane() {
      const { context, width, height, colour, line, dots } = board.start();
      line([[-REACH, 0], [REACH, 0]], "line", 1);
      line([[0, -REACH], [0, REACH]], "line", 1);
      context.globalAlpha = 0.6;
      for (let i = 0; i < ARROWS; i++) {
        for (let j = 0; j < ARROWS; j++) arrow([i, j].map((k) => REACH * ((2 * k + 1) / ARROWS - 1)), line);
      }
      context.globalAlpha = 1;
      line(states, "first", 1);
      dots(states.slice(-DOTS), "first", 1.8);
      dots(states.slice(1).slice(-1), "second", 5);
      context.fillStyle = colour("text");
      context.fillText("θ", width - 12, height / 2 - 6);
      context.fillText("ψ", width / 2 + 6, 12);
    }

    /** Which way the two go from here: the longer the faster, up to a limit. */
    function arrow([x, y], line) {
      const [u, v] = velocity([x, y], settings.gamma);
      const speed = Math.hypot(u, v);
      const length = ((1.6 * REACH) / ARROWS) * Math.tanh(speed);
      const [a, b] = [(length * u) / speed, (length * v) / speed];
      const tip = [x + a / 2, y + b / 2];
      line([[x - a / 2, y - b / 2], tip], "muted", 1);
      line([[tip[0] - 0.3 * (a + b), tip[1] - 0.3 * (b - a)], tip, [tip[0] - 0.3 * (a - b), tip[1] - 0.3 * (b + a)]], "muted", 1);
    }

    function drawRadius() {
      const steps = states.length - 1;
      const logs = states.map((state) => Math.log10(Math.max(radius(state), 1e-300))); // of 0 there is none
      const low = Math.floor(Math.min(-1, logs.at(-1)));
      const high = Math.ceil(Math.max(1, logs.at(-1)));
      const end = Math.max(LENGTH, steps);
      const { curve } = distance.start({
        x: [0, end],
        y: [low, high],
        ticks: [high, 0, low].map((power) => [power, power < -2 ? `10${superscript(power)}` : String(10 ** power)]),
        below: `steps 0 to ${count(end)}`,
        names: { first: "radius", second: "by the eigenvalue" },
      });
      const slope = Math.log10(modulus(settings));
      const predicted = Array.from({ length: 201 }, (_, i) => [(end * i) / 200, logs[0] + (slope * end * i) / 200]);
      curve(predicted.filter(([, log]) => log > low && log < high), "second", 1.4);
      curve(logs.map((log, i) => [i, log]), "first", 2);
    }
  },
};

/** A radius, however small, in three digits. */
function size(r) {
  if (r >= 0.01 || r === 0) return number(r, r < 1 ? 3 : 2);
  const power = Math.floor(Math.log10(r));
  const digits = number(r / 10 ** power, 1);
  return `${digits === "1.0" ? "" : `${digits} · `}10${superscript(power)}`;
}

const superscript = (power) => [...String(power)].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
