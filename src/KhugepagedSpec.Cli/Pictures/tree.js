const outcomes = [
  ["collapsed", "collapsed"], ["failed", "tried and failed"], ["skipped", "skipped"], ["empty", "run without any page"], ["off", "not enabled"]];

// The windows of one pass, a row an order, each placed and sized as it lies in the table. pick(step) is told of clicks.
function treeOf(pmdOrder, steps, firstStep, pick) {
  const count = 1 << pmdOrder, blocks = steps.map(() => []), rows = new Map();
  steps.forEach((step, i) => {
    for (let w = 0; w < (step.windows ?? []).length; w += 2) {
      const [offset, order] = [step.windows[w], step.windows[w + 1]];
      const block = el("button", {
        type: "button", tabindex: "-1", class: `block ${step.outcome}`, title: step.text, "data-step": firstStep + i, "data-window": `${offset}/${order}`,
        "aria-label": step.text, onclick: () => pick(firstStep + i),
      }, (1 << order) / count >= 1 / 16 ? `${offset}/${order}` : null);
      block.style.left = `${offset / count * 100}%`;
      block.style.width = `${(1 << order) / count * 100}%`;
      if (!rows.has(order)) rows.set(order, []);
      rows.get(order).push(block);
      blocks[i].push(block);
    }
  });
  const orders = [...rows.keys()].sort((a, b) => b - a);
  const chart = el("div", { class: "chart" }, ...orders.map(order => el("div", { class: "order" }, ...rows.get(order))));
  // A window of order 2 is never thinner than two or three pixels.
  chart.style.minWidth = `${count * 0.7}px`;
  const scrolled = el("div", { class: "scrolled" }, chart);
  const present = new Set(steps.flatMap(step => step.windows ? [step.outcome] : []));
  return {
    element: el("div", { class: "tree" },
      el("div", { class: "rows" }, el("div", { class: "numbers", "aria-hidden": "true" }, ...orders.map(order => el("span", null, String(order)))), scrolled),
      legendOf(outcomes.filter(([kind]) => present.has(kind)).map(([kind, words]) => [`block ${kind}`, "", words]))),
    isEmpty: orders.length === 0,
    show(step) {
      chart.querySelectorAll("[aria-current]").forEach(block => block.removeAttribute("aria-current"));
      for (const block of blocks[step - firstStep]) block.setAttribute("aria-current", "step");
      reveal(scrolled, blocks[step - firstStep][0]);
    },
  };
}
