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
 * The frame of a figure: builds it in el and returns { stage, controls, changed, act, settle, restart, destroy }.
 *
 * figure.reset(seed)     start afresh with this seed
 * figure.step()          one step of what Play shows, every `figure.every` milliseconds; `figure.leap` of them at once
 *                        for readers who asked their system for less motion
 * figure.draw()          show the present state; called once a frame at most, and only while the figure is in view
 * figure.describe()      the present state in words, for the status line
 * figure.state()         what Python may read, as JSON
 * figure.showMe()        set the figure to what the caption asks for
 *
 * The figure puts its drawings into stage and its own buttons into controls, and calls settle() when it is complete.
 * act(f) makes a listener of f: it stops Play, calls f, and then settle(), which draws and says what is there now.
 * changed() only draws. restart() is figure.reset with the present seed. destroy() ends all that still watches the page.
 */
export function frame({ model, el }, figure) {
  let seed = model.get("state").seed ?? 0;
  let playing = false;
  let seen = false; // is it on the screen, or nearly?
  let due = true; // has something changed since the last drawing?
  let waiting = 0; // the number of the next frame that was asked for, or 0
  let last = 0; // when Play made its last step

  const stage = element("div", { class: "live-stage" });
  const controls = element("div", { class: "live-controls" });
  const seedShown = element("span", { class: "live-seed" });
  const status = element("p", { class: "live-status", role: "status" });
  const playButton = button("", () => (calm.matches ? leap() : playing ? stop() : play()));
  const common = [
    playButton,
    button("Show me", act(figure.showMe)),
    button("Reset", act(() => figure.reset(seed))),
    button("New seed", act(() => figure.reset(++seed))),
    seedShown,
  ];
  el.classList.add("live");
  if (model.get("caption")) el.append(element("p", {}, model.get("caption"))); // a page of the site has it already
  const below = element("div", { class: "live-controls" }, ...common);
  el.append(element("div", { class: "live-app" }, stage, controls, below, status));

  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  function label() {
    playButton.textContent = calm.matches ? `${figure.leap} steps` : playing ? "Pause" : "Play";
  }

  function changed() {
    due = true;
    schedule();
  }

  // One request for a frame at a time, and none while the figure is out of view: there it costs nothing.
  function schedule() {
    if (seen && !waiting && (due || playing)) waiting = requestAnimationFrame(nextFrame);
  }

  function nextFrame(now) {
    waiting = 0;
    if (playing && now - last >= figure.every) {
      last = now;
      figure.step();
      due = true;
    }
    if (due) {
      due = false;
      figure.draw();
    }
    schedule();
  }

  function play() {
    playing = true;
    settle();
  }

  function stop() {
    playing = false;
    settle();
  }

  function leap() {
    for (let i = 0; i < figure.leap; i++) figure.step();
    settle();
  }

  function act(f) {
    return (...given) => {
      playing = false;
      f(...given);
      settle();
    };
  }

  function settle() {
    label();
    seedShown.textContent = `seed ${seed}`;
    status.textContent = playing ? "" : figure.describe(); // a screen reader would not keep up
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
  return { stage, controls, changed, act, settle, restart: () => figure.reset(seed), destroy };
}
