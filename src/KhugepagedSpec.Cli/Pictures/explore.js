// An interleaving: a lane a process, a row a step, and the state as of the step that is marked. Without one: the searches.
pages.explore = (main, data) => {
  const fields = [["command", data.command], ...data.verdict ? [["verdict", data.verdict]] : [], ...data.broken?.property ? [["broken", data.broken.property]] : [],
    ...data.broken ? [["expected", data.broken.expected], ["found", data.broken.found]] : [],
    ...data.way ? [["replay", data.way.replay]] : []];
  main.append(headOf(data.title, fields));
  if (data.way) main.append(lanesOf(data.way, data.broken));
  if (data.results.length > 0) main.append(el("h2", null, "searches"), el("div", { class: "scroller" }, resultsOf(data.results)));
};

function resultsOf(results) {
  const heads = ["entries", "table", "beside khugepaged", "ended", "breaks", "generated", "distinct", "left", "depth"];
  return stacked(el("table", { class: "results" }, el("thead", null, el("tr", null, ...heads.map(text => el("th", { scope: "col" }, text)))),
    el("tbody", null, ...results.map(one => el("tr", null, el("td", { class: "number" }, one.entries), el("td", null, one.table), el("td", null, one.actors), el("td", null, one.ending),
      el("td", null, one.broken ?? ""), ...[one.generated, one.distinct, one.left, one.depth].map(value => el("td", { class: "number" }, value.toLocaleString("en-US"))))))));
}

// broken: the property that the last step breaks, or after which all wait; the lanes where that is seen are marked.
function lanesOf(way, broken) {
  const blamed = new Map((broken?.lanes ?? []).map(one => [one.lane, one]));
  const classOf = lane => blamed.has(lane) ? "blamed" : null;
  const says = el("p", { class: "says", id: "reason", "aria-live": "polite" }), stateRows = new Map();
  const moving = new Set(way.steps.flatMap(step => step.changes.map(([name]) => name)));
  const valuesOf = isShown => el("table", null, el("tbody", null, ...way.start.filter(([name]) => isShown(name)).map(([name]) => {
    const value = el("td");
    const row = el("tr", { "data-variable": name }, el("th", { scope: "row" }, name), value);
    stateRows.set(name, { row, value });
    return row;
  })));
  const state = el("aside", { class: "state", hidden: way.start.length > 0 ? null : "" }, el("h2", { id: "caption" }), valuesOf(name => moving.has(name)),
    el("details", null, el("summary", null, "what never changes on this way"), valuesOf(name => !moving.has(name))));
  const rows = way.steps.map((step, i) => el("tr", { "data-step": i, onclick: () => steps.go(i) }, el("td", null, i + 1),
    ...way.processes.map((_, lane) => lane !== step.lane ? el("td", { class: classOf(lane) }) : el("td", { "data-lane": lane, class: classOf(lane) }, el("button", { type: "button", tabindex: "-1" }, step.function), el("div", null, step.says),
      step.changes.length === 0 ? null : el("div", { class: "changes" }, step.changes.map(([name, value]) => `${name}=${value}`).join(" "))))));
  const holds = [...blamed.values()].filter(one => one.locks).map(one => `${way.processes[one.lane]} holds ${one.locks}`).join("; ");
  const verdict = broken ? el("tr", { class: "breaks" }, el("td"), el("td", { colspan: way.processes.length },
    el("div", { class: "verdict" }, broken.verdict), el("dl", null,
      ...[["found", broken.found], ["expected", broken.expected], ...holds ? [["locks", holds]] : []].flatMap(([name, text]) => [el("dt", null, name), el("dd", null, text)])))) : null;
  const headOfLane = (name, lane) => el("th", { scope: "col", class: classOf(lane) }, name, blamed.has(lane) ? el("span", { class: "breaks-it" }, ` ${blamed.get(lane).says}`) : null);
  const lanes = el("table", { class: "lanes" }, el("thead", null, el("tr", null, el("th"), ...way.processes.map(headOfLane))), el("tbody", null, ...rows, verdict ?? ""));

  function show(at) {
    const now = new Map(way.start), moved = new Set();
    for (const { changes } of way.steps.slice(0, at + 1))
      for (const [name, value] of changes) {
        now.set(name, value);
        moved.add(name);
      }
    const changed = new Set(way.steps[at].changes.map(([name]) => name));
    for (const [name, { row, value }] of stateRows) {
      value.textContent = now.get(name);
      row.className = changed.has(name) ? "now" : moved.has(name) ? "moved" : "";
    }
    state.firstChild.textContent = `state after step ${at + 1}`;
    rows.forEach((row, i) => i === at ? row.setAttribute("aria-current", "step") : row.removeAttribute("aria-current"));
    const step = way.steps[at];
    says.textContent = `${way.processes[step.lane]}  ${step.function}  ${step.says}${broken && at === rows.length - 1 ? `: ${broken.verdict}` : ""}`;
    bringUp(rows[at]);
    for (const { row } of stateRows.values())
      if (row.className === "now") { reveal(state, row); break; }
  }

  const bar = el("div", { class: "bar" }), view = el("section", null, bar, el("div", { class: way.start.length > 0 ? "columns" : null }, el("div", null, lanes), state));
  let steps = { go: () => {} };
  steps = stepper(way.steps.length, show);
  bar.append(steps.element, says);
  return view;
}
