// What all live figures share: a frame with its buttons, seed and status line, and helpers to draw with.
//
// A figure is a module `export default { render({ model, el }) }`, as anywidget wants it in a live notebook; index.js
// calls it in the same way on a page of the site. model.get("state") is what the cell gave to live.figure(…).

/** An HTML element. Attributes that are functions are listeners: { click: () => … }. Children: elements or texts. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element, made in the same way. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const button = (text, click) => element("button", { type: "button", click }, text);

/** A slider in its label, with its value as a text. input(value) is called while it moves, change() at the end. */
export function slider({ text, min, max, step, value, input, change }) {
  const shown = element("span", { class: "live-value" });
  const range = element("input", { type: "range", min, max, step, value });
  const show = () => {
    shown.textContent = number(Number(range.value), 2);
    range.setAttribute("aria-valuetext", shown.textContent);
  };
  range.addEventListener("input", () => {
    show();
    input(Number(range.value));
  });
  range.addEventListener("change", change);
  show();
  const label = element("label", { class: "live-slider" }, `${text} `, shown, range);
  const set = (to) => {
    range.value = to;
    show();
  };
  return { label, set };
}

/** A list to choose from. options: { value: text }. */
export function choice({ text, options, change }) {
  const entries = Object.entries(options).map(([value, name]) => element("option", { value }, name));
  const select = element("select", { change: () => change(select.value) }, ...entries);
  return { label: element("label", { class: "live-choice" }, `${text} `, select), select };
}

/** A number with so many decimals and a true minus sign; "–" for NaN. */
export const number = (value, decimals) =>
  Number.isNaN(value) ? "–" : value.toFixed(decimals).replace(/^-(?=0\.?0*$)/, "").replace("-", "−");

/** A count in groups of three digits: 10 000. */
export const count = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/**
 * A canvas with the given ratio of width to height. start() makes its pixels those of the screen and gives
 * { context, width, height, colour }: an empty drawing, its size as in CSS, and colour("first") as in figure.css.
 */
export function canvas(ratio, label) {
  const drawing = element("canvas", { role: "img", "aria-label": label, style: `aspect-ratio: ${ratio}` });
  function start() {
    const [width, height] = [drawing.clientWidth, drawing.clientHeight];
    const density = devicePixelRatio;
    drawing.width = Math.round(width * density);
    drawing.height = Math.round(height * density);
    const context = drawing.getContext("2d");
    context.scale(density, density);
    const style = getComputedStyle(drawing);
    context.font = `12px ${style.fontFamily}`;
    const colour = (name) => style.getPropertyValue(`--live-${name}`);
    return { context, width, height, colour };
  }
  return { drawing, start };
}

/**
 * A square drawing of the plane, both axes from -reach to reach. Its start() also gives at([x, y]), the place of a point
 * on the canvas, line(points, colour's name, thickness) and dots(points, colour's name, radius).
 */
export function plane(reach, label) {
  const { drawing, start: open } = canvas("1", label);
  function start() {
    const paper = open();
    const { context, width, height, colour } = paper;
    const at = ([x, y]) => [(width * (1 + x / reach)) / 2, (height * (1 - y / reach)) / 2];
    function line(points, name, thickness) {
      context.beginPath();
      for (const point of points) context.lineTo(...at(point));
      context.strokeStyle = colour(name);
      context.lineWidth = thickness;
      context.stroke();
    }
    function dots(points, name, radius) {
      context.fillStyle = colour(name);
      for (const point of points) {
        context.beginPath();
        context.arc(...at(point), radius, 0, 2 * Math.PI);
        context.fill();
      }
    }
    return { ...paper, at, line, dots };
  }
  return { drawing, start, reach };
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * A plane with a point that the reader moves: by a tap on the plane, by dragging, or by the arrow keys, one grain a key,
 * five with Shift. ui: the figure's frame. move([x, y]) is called with the new place, which lies on the plane and is a
 * multiple of the grain. Returns { board, show }: what to put into the stage, and show([x, y], text), which puts the
 * point there, with a text for screen readers.
 */
export function movable({ drawing, reach }, { ui, grain = 0.1, move }) {
  const handle = element("button", {
    type: "button", class: "live-handle", pointerdown: grab, keydown: nudge,
    "aria-label": "A point: move it with the arrow keys", // until show() says where it is
  });
  const board = element("div", { class: "live-board" }, drawing, handle);
  let point = [0, 0];
  drawing.addEventListener("click", ui.act((event) => go(under(event))));

  /** The point of the plane under the pointer. */
  function under(event) {
    const box = drawing.getBoundingClientRect();
    const x = (2 * (event.clientX - box.left)) / box.width - 1;
    const y = 1 - (2 * (event.clientY - box.top)) / box.height;
    return [reach * x, reach * y];
  }

  function go(to) {
    const perUnit = Math.round(1 / grain); // to divide by 10 gives 0.3, to multiply by 0.1 does not
    point = to.map((v) => Math.round(perUnit * Math.max(-reach, Math.min(reach, v))) / perUnit);
    move(point);
  }

  function grab(event) {
    handle.setPointerCapture(event.pointerId);
    const follow = (moved) => {
      go(under(moved));
      ui.changed();
    };
    const drop = ui.act(() => handle.removeEventListener("pointermove", follow));
    handle.addEventListener("pointermove", follow);
    handle.addEventListener("lostpointercapture", drop, { once: true });
  }

  function nudge(event) {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault(); // the page stays where it is
    const far = grain * (event.shiftKey ? 5 : 1);
    ui.act(() => go(point.map((v, i) => v + far * arrow[i])))();
  }

  function show(at, text) {
    point = at;
    handle.style.left = `${50 + (50 * point[0]) / reach}%`;
    handle.style.top = `${50 - (50 * point[1]) / reach}%`;
    handle.setAttribute("aria-label", text);
  }
  return { board, show };
}

/**
 * A drawing of curves. Its start({ x, y, ticks, below, names }) takes what the axes go from and to, [from, to] each, the
 * lines across as [y, its text], a text below the axis of x, and what the colours of the curves stand for as
 * { colour's name: text }; it also gives curve(points, colour's name, thickness).
 */
export function chart(ratio, label) {
  const { drawing, start: open } = canvas(ratio, label);
  const [top, bottom] = [8, 20];
  function start({ x: [left, right], y: [low, high], ticks, below, names = {} }) {
    const paper = open();
    const { context, width, height, colour } = paper;
    const margin = 12 + Math.max(...ticks.map(([, text]) => context.measureText(text).width));
    const at = ([x, y]) => [
      margin + ((width - margin) * (x - left)) / (right - left),
      top + ((height - top - bottom) * (high - y)) / (high - low),
    ];
    function curve(points, name, thickness = 1.4) {
      context.strokeStyle = colour(name);
      context.lineWidth = thickness;
      context.lineJoin = "round";
      context.beginPath();
      for (const point of points) context.lineTo(...at(point));
      context.stroke();
    }
    context.fillStyle = colour("muted");
    context.textAlign = "right";
    for (const [y, text] of ticks) {
      context.fillText(text, margin - 6, at([left, y])[1] + 4);
      curve([[left, y], [right, y]], "line", 1);
    }
    context.fillText(below, width - 2, height - 5);
    context.textAlign = "left";
    let place = margin + 6;
    for (const [name, text] of Object.entries(names)) {
      context.fillStyle = colour(name);
      context.fillText(text, place, top + 14);
      place += context.measureText(text).width + 14;
    }
    return { ...paper, at, curve };
  }
  return { drawing, start };
}

/** A list of numbers beside a drawing. names: { key: name }; show({ key: text }) puts the texts behind the names. */
export function facts(names) {
  const list = element("dl", { class: "live-facts" });
  const values = {};
  for (const [key, name] of Object.entries(names)) {
    values[key] = element("dd");
    list.append(element("div", {}, element("dt", {}, name), values[key]));
  }
  function show(texts) {
    for (const [key, text] of Object.entries(texts)) values[key].textContent = text;
  }
  return { list, show };
}

const TRAIN = 10; // ms of the 16 that a frame has: so long steps are made, and the rest is the page's
const LOOK = 100; // ms: a long run is drawn ten times a second, for a drawing takes time from the steps

/**
 * The frame of a figure: builds it in el and returns { stage, controls, changed, act, run, settle, restart, destroy }.
 *
 * figure.reset(seed)     start afresh with this seed, and with the reader's settings
 * figure.first()         put all settings back to what they were at first; a reset comes after it
 * figure.step()          one step of what Play shows, every `figure.every` milliseconds, or as many as a frame has time
 *                        for if that is 0; `figure.leap` of them, undrawn, for readers who asked their system for less
 *                        motion
 * figure.draw()          show the present state; called once a frame at most, and only while the figure is in view
 * figure.describe()      the present state in words, for the status line
 * figure.state()         what Python may read, as JSON
 * figure.showMe()        set the figure to what the caption asks for
 *
 * The figure puts its drawings into stage and its own buttons into controls, and calls settle() when it is complete.
 * act(f) makes a listener of f: it stops Play, calls f, and then settle(), which draws and says what is there now.
 * run(n, { text, next }) makes n steps, over as many frames as they need, and then calls next, if there is one. Meanwhile
 * a bar shows how far it is, with the text of what is going on.
 * changed() only draws. restart() is figure.reset with the present seed. destroy() ends all that still watches the page.
 */
export function frame({ model, el }, figure) {
  const given = model.get("state").seed ?? 0;
  let seed = given;
  let running = false;
  let left = 0; // steps that are still to be made: no end of them while it plays
  let next; // what comes after them
  let begun = 0; // how many they were when they began
  let seen = false; // is it on the screen, or nearly?
  let due = true; // has something changed since the last drawing?
  let waiting = 0; // the number of the next frame that was asked for, or 0
  let last = 0; // when Play made its last step
  let drawn = 0; // when it was last drawn

  const stage = element("div", { class: "live-stage" });
  const controls = element("div", { class: "live-controls" });
  const seedShown = element("span", { class: "live-seed" });
  const status = element("p", { class: "live-status", role: "status" });
  const playButton = button("", () => (running ? stop() : run(calm.matches ? figure.leap : Infinity)));
  const stop = act(() => {});
  const again = [
    button("Restart", act(() => figure.reset(seed))),
    button("Reset all", act(() => {
      figure.first();
      figure.reset((seed = given));
    })),
    button("New seed", act(() => figure.reset(++seed))),
  ];
  const doing = element("span");
  const bar = element("progress");
  const progress = element("label", { class: "live-progress" }, doing, bar);
  el.classList.add("live");
  if (model.get("caption")) el.append(element("p", {}, model.get("caption"))); // a page of the site has it already
  const play = element("div", { class: "live-controls live-play" }, playButton, button("Show me", act(figure.showMe)));
  const others = element("div", { class: "live-controls live-again" }, ...again, seedShown);
  const said = element("div", { class: "live-said" }, status, progress);
  el.append(element("div", { class: "live-app" }, stage, controls, play, others, said));

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  function label() {
    const [begin, end] = calm.matches ? [`${figure.leap} steps`, "Stop"] : ["Play", "Pause"];
    playButton.textContent = running ? end : begin;
  }

  function changed() {
    due = true;
    schedule();
  }

  // One request for a frame at a time, and none while the figure is out of view: there it costs nothing.
  function schedule() {
    if (seen && !waiting && (due || running)) waiting = requestAnimationFrame(nextFrame);
  }

  function nextFrame(now) {
    waiting = 0;
    const many = left < Infinity || !figure.every;
    if (left > 0 && many && (!due || calm.matches || now - drawn < LOOK)) {
      manySteps();
    } else {
      if (left > 0 && !many && now - last >= figure.every) {
        last = now;
        figure.step();
        due = true;
      }
      if (running && left === 0) finish();
      if (due) {
        due = false;
        drawn = now;
        figure.draw();
      }
    }
    schedule();
  }

  function manySteps() {
    const end = performance.now() + TRAIN;
    let [before, now] = [0, performance.now()];
    do {
      figure.step();
      left -= 1;
      [before, now] = [now, performance.now()];
    } while (left > 0 && now + (now - before) < end); // the next one will take as long as this one
    if (begun) bar.value = 1 - left / begun;
    due = true;
  }

  function run(n, { text = `${count(n)} steps`, next: andThen } = {}) {
    [running, left, next, begun] = [true, n, andThen, n < Infinity ? n : 0];
    [doing.textContent, bar.value] = [text, 0];
    settle();
  }

  function halt() {
    [running, left, next, begun] = [false, 0, undefined, 0];
  }

  function finish() {
    const andThen = next;
    halt();
    if (andThen) andThen();
    else settle();
  }

  function act(f) {
    return (...given) => {
      halt();
      f(...given);
      settle();
    };
  }

  function settle() {
    label();
    seedShown.textContent = `seed ${seed}`;
    status.textContent = running ? "" : figure.describe().replaceAll(" = ", "\u00a0=\u00a0"); // a screen reader would not keep up
    progress.classList.toggle("live-shown", begun > 0);
    model.set("state", { ...figure.state(), seed });
    model.save_changes();
    changed();
  }

  const onScreen = new IntersectionObserver(
    (entries) => {
      seen = entries.at(-1).isIntersecting;
      schedule();
    },
    { rootMargin: "200px" },
  );
  const size = new ResizeObserver(changed);
  const theme = new MutationObserver(changed); // a canvas does not follow the style sheet by itself
  onScreen.observe(el);
  size.observe(stage);
  theme.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  calm.addEventListener("change", stop);

  function destroy() {
    cancelAnimationFrame(waiting);
    for (const observer of [onScreen, size, theme]) observer.disconnect();
    calm.removeEventListener("change", stop);
  }

  figure.reset(seed);
  return { stage, controls, changed, act, run, settle, restart: () => figure.reset(seed), destroy };
}
