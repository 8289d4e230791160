// The steps of all passes as one sequence.
function sequenceOf(walk) {
  const all = [];
  walk.passes.forEach((pass, number) => pass.steps.forEach((step, i) => all.push({ step, pass, number, i, isLast: i === pass.steps.length - 1 })));
  return all;
}

// Pairs of a flat list.
const pairs = flat => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

// A run: a map, the tree of windows, the list of steps, one step marked in all of them. first is the step to begin with, from 0.
function walkView(walk, kinds, first = 0) {
  const all = sequenceOf(walk), tables = walk.tables.map(table => tableOf(table, walk.pmdOrder));
  const windowsOf = step => pairs(step.windows ?? []).map(([offset, order]) => [offset, 1 << order]);
  const covers = (step, pte) => windowsOf(step).some(([from, pages]) => from <= pte && pte < from + pages);
  const go = to => steps.go(to);
  const map = mapOf(walk.pmdOrder, kinds, pte => {
    const later = [...all.keys()].map(i => (steps.at + 1 + i) % all.length).find(i => covers(all[i].step, pte));
    if (later !== undefined) go(later);
  });
  const caption = el("h2", { id: "caption" }), where = el("span", { id: "where" }), reason = el("span", { id: "reason" });
  const treeBox = el("div", { class: "tree-box" }), lines = [];
  const list = el("div", { class: "list" }, ...walk.passes.map((pass, number) => el("section", { "data-pass": number + 1 },
    el("h3", null, pass.title), number === 0 ? printedMap(walk.pmdOrder, tables[pass.before], kinds, `before ${pass.name}`) : null,
    el("ol", null, ...all.map((one, index) => one.number !== number ? null : lineOf(one, index))),
    printedMap(walk.pmdOrder, tables[pass.after], kinds, `after ${pass.name}`),
    pass.statistics ? details("statistics", pass.statistics.replaceAll(" ", "\n")) : null,
    pass.trace ? details("trace", pass.trace.join("\n")) : null)));
  const drawings = el("div", { class: "drawings" }, caption, map.element, mapLegend(tables, kinds), treeBox);
  const view = el("section", { class: `walk${walk.pmdOrder > 10 ? " wide" : ""}` });
  let tree = null, treeOfPass = -1;

  function lineOf({ step }, index) {
    const line = el("button", { type: "button", "data-step": index, tabindex: "-1", class: step.outcome ?? "plain", onclick: () => go(index) },
      step.label ? el("span", { class: "label" }, step.label) : null, el("span", { class: "text" }, step.text),
      step.where ? el("span", { class: "elsewhere" }, `elsewhere: ${step.where}`) : null);
    lines.push(line);
    return el("li", null, line);
  }

  function show(at) {
    const { step, pass, number, i, isLast } = all[at];
    const before = tables[pass.before], after = tables[pass.after], changed = new Set();
    for (const earlier of pass.steps.slice(0, i + 1))
      for (const [from, pages] of pairs(earlier.changed ?? []))
        for (let pte = from; pte < from + pages; pte++) changed.add(pte);
    map.show(before, after, pte => isLast || changed.has(pte), windowsOf(step));
    caption.textContent = isLast ? `after ${pass.name}` : i === 0 ? `before ${pass.name}` : `in ${pass.name}`;
    where.textContent = `${pass.name}  ${step.label}${step.where ? ` (${step.where})` : ""}`;
    reason.textContent = step.text;
    if (treeOfPass !== number) {
      tree = treeOf(walk.pmdOrder, pass.steps, at - i, go);
      treeOfPass = number;
      treeBox.replaceChildren(...tree.isEmpty ? [] : [el("h2", null, `windows of ${pass.name}, a row an order`), tree.element]);
    }
    tree.show(at);
    for (const line of lines) {
      const isCurrent = Number(line.dataset.step) === at;
      if (isCurrent) line.setAttribute("aria-current", "step");
      else line.removeAttribute("aria-current");
      line.tabIndex = isCurrent ? 0 : -1;
    }
    reveal(list, lines[at].parentElement);
  }

  const says = el("p", { class: "says", "aria-live": "polite" }, where, " ", reason);
  const bar = el("div", { class: "bar" });
  view.append(bar, el("div", { class: "columns" }, drawings, list));
  const steps = stepper(all.length, show, first);
  bar.append(steps.element, says);
  return view;
}
