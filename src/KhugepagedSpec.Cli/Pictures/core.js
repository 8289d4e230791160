"use strict";

// What shows each kind of page, by its name.
const pages = {};

// An element with attributes ("on..." are listeners; null leaves one out) and children, elements or texts.
function el(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

// The title and what there is to be said before anything is shown: [name, text] each.
function headOf(title, fields) {
  document.title = title;
  return el("header", null, el("h1", null, title),
    el("dl", null, ...fields.flatMap(([name, text]) => [el("dt", null, name), el("dd", { "data-field": name }, text)])));
}

function details(summary, text) {
  return el("details", null, el("summary", null, summary), el("pre", null, text));
}

// A table that is one of cards where it is too wide: each cell knows the head of its column.
function stacked(table) {
  const heads = [...table.querySelectorAll("thead th")].map(head => head.textContent);
  for (const row of table.querySelectorAll("tbody tr"))
    [...row.children].forEach((cell, i) => cell.setAttribute("data-label", heads[i] ?? ""));
  table.classList.add("stacked");
  return table;
}

// Swatches and what they stand for: [class, symbol, words] each.
function legendOf(entries) {
  return el("ul", { class: "legend" }, ...entries.map(([kind, symbol, words]) =>
    el("li", null, el("span", { class: kind, "aria-hidden": "true" }, symbol), " ", words)));
}

// Shows an element of a scrolled box, and moves nothing but the box.
function reveal(box, element) {
  if (!element) return;
  const [outer, inner] = [box.getBoundingClientRect(), element.getBoundingClientRect()];
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom;
  if (inner.left < outer.left) box.scrollLeft -= outer.left - inner.left;
  else if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right;
}

// Brings a row under the bar into sight, once it is on the page.
function bringUp(row) {
  requestAnimationFrame(() => row.scrollIntoView({ block: "nearest" }));
}

// What the address says after '#', as in #step=3, so that a link leads to what is shown.
const place = {
  get: key => new URLSearchParams(location.hash.slice(1)).get(key),
  set(key, value) {
    const all = new URLSearchParams(location.hash.slice(1));
    all.set(key, value);
    history.replaceState(null, "", `#${all}`);
  },
};

// The stepper that keys go to.
let stepping = null;

// Steps through numbers from 0, by buttons, keys and the address; show(i) shows one.
function stepper(count, show, first = 0) {
  let at = 0, timer = 0;
  const number = el("output", { id: "step-count" });
  const play = el("button", { type: "button", id: "play", title: "Space", "aria-pressed": "false", onclick: () => toggle() }, "play");
  const button = (id, keys, go) => el("button", { type: "button", id, title: keys, onclick: () => steps.go(go()) }, id);
  const steps = {
    element: el("div", { class: "controls", role: "group", "aria-label": "steps" },
      button("first", "Home", () => 0), button("back", "Left or k", () => at - 1), button("next", "Right or j", () => at + 1),
      button("last", "End", () => count - 1), play, number),
    get at() { return at; },
    go(to, stay) {
      if (!stay) stop();
      at = Math.max(0, Math.min(count - 1, to));
      number.textContent = `step ${at + 1} of ${count}`;
      place.set("step", at + 1);
      show(at);
    },
    toggle,
    stop,
  };
  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "play";
    play.setAttribute("aria-pressed", "false");
  }
  function toggle() {
    if (timer) return stop();
    if (at === count - 1) steps.go(0);
    timer = setInterval(() => at < count - 1 ? steps.go(at + 1, true) : stop(), 900);
    play.textContent = "pause";
    play.setAttribute("aria-pressed", "true");
  }
  if (stepping) stepping.stop();
  stepping = steps;
  steps.go((Number.parseInt(place.get("step"), 10) || first + 1) - 1);
  return steps;
}

const keys = {
  ArrowRight: () => stepping.go(stepping.at + 1), j: () => stepping.go(stepping.at + 1),
  ArrowLeft: () => stepping.go(stepping.at - 1), k: () => stepping.go(stepping.at - 1),
  Home: () => stepping.go(0), End: () => stepping.go(Infinity), " ": () => stepping.toggle(),
};

document.addEventListener("keydown", event => {
  if (!stepping || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey || !Object.hasOwn(keys, event.key)) return;
  // Space presses a button that has the focus.
  if (event.key === " " && event.target.closest("button, summary")) return;
  event.preventDefault();
  keys[event.key]();
});

// What is folded is printed too, where the style sheet cannot unfold it.
addEventListener("beforeprint", () => document.querySelectorAll("details:not([open])").forEach(one => {
  one.open = true;
  addEventListener("afterprint", () => { one.open = false; }, { once: true });
}));

addEventListener("hashchange", () => stepping?.go((Number.parseInt(place.get("step"), 10) || 1) - 1));
