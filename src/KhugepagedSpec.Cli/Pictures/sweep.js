// What each max_ptes_none that makes a difference comes to: memory added against memory that large folios map, a line a choice of sizes.
function sweepOf(sweep, kb, barOf) {
  const sizes = [...new Set(sweep.map(one => one.sizes))], kinds = ["one", "other"];
  const [width, height, left, bottom] = [720, 300, 90, 34];
  const mostAdded = Math.max(1, ...sweep.map(one => one.addedKb)), mostLarge = Math.max(1, ...sweep.map(one => one.largeAfterKb)), leastLarge = Math.min(...sweep.map(one => one.largeAfterKb));
  const most = Math.max(mostAdded, mostLarge);
  const x = one => left + (width - left - 60) * one.addedKb / mostAdded, y = one => (height - bottom - 10) - (height - bottom - 36) * (one.largeAfterKb - leastLarge) / Math.max(1, mostLarge - leastLarge);
  const svg = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "memory added against memory mapped by large folios, for each max_ptes_none" });
  chart.append(svg("polyline", { class: "axis", points: `${left},10 ${left},${height - bottom} ${width - 20},${height - bottom}` }),
    svg("text", { x: 4, y: 12 }, "large"), svg("text", { x: 4, y: 30 }, kb(mostLarge)), svg("text", { x: 4, y: height - bottom - 6 }, kb(leastLarge)),
    svg("text", { x: left, y: height - 6 }, "0 added"), svg("text", { x: width - 20, y: height - 6, "text-anchor": "end" }, `${kb(mostAdded)} added`));
  sizes.forEach((name, i) => {
    const points = sweep.filter(one => one.sizes === name);
    chart.append(svg("polyline", { class: kinds[i], points: points.map(one => `${x(one)},${y(one)}`).join(" ") }));
    const labels = [];
    for (const one of points) {
      chart.append(svg("circle", { class: kinds[i], cx: x(one), cy: y(one), r: 3.5, "data-none": one.maxPtesNone }));
      // A label where no other is yet.
      const at = [x(one) + 6, y(one) + (i === 0 ? 14 : -6)];
      if (labels.every(([a, b]) => Math.abs(a - at[0]) > 30 || Math.abs(b - at[1]) > 12)) {
        labels.push(at);
        chart.append(svg("text", { x: at[0], y: at[1] }, one.maxPtesNone));
      }
    }
  });
  const table = stacked(el("table", null,
    el("thead", null, el("tr", null, ...["max_ptes_none", "sizes", "large folios map", "added"].map(text => el("th", { scope: "col" }, text)))),
    el("tbody", null, ...sweep.map(one => el("tr", { "data-sweep": `${one.sizes} ${one.maxPtesNone}` }, el("th", { scope: "row" }, String(one.maxPtesNone)), el("td", null, `${one.sizes}${one.settled ? "" : ", not settled"}`),
      el("td", { class: "number" }, kb(one.largeAfterKb), barOf(most, ["made", one.largeAfterKb])), el("td", { class: "number" }, kb(one.addedKb), barOf(most, ["cost", one.addedKb])))))));
  return el("section", { class: "sweep" }, el("h2", null, "max_ptes_none, each value that takes in more ranges"), chart,
    legendOf(sizes.map((name, i) => [i === 0 ? "made" : "mark", " ", name])),
    el("p", null, "Below the PMD's size a value between 0 and the highest counts as 0 from Linux 7.2 on."), table);
}
