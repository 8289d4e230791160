// Two runs side by side: a map each, their lines in rows, one row shown in both maps.
pages.diff = (main, data) => {
  const fields = [["command", data.command], ...data.searched ? [["searched", data.searched]] : [], ...data.explain ? [["explain", data.explain]] : []];
  if (data.sides.length === 0) {
    main.append(headOf(`${data.versions[0]} and ${data.versions[1]}`, fields), el("p", { class: "verdict" }, `${data.versions[0]} and ${data.versions[1]} do the same`));
    return;
  }
  const tables = data.tables.map(table => tableOf(table, data.pmdOrder));
  const maps = data.versions.map(() => mapOf(data.pmdOrder, data.kinds));
  const count = Math.max(...data.sides.map(side => side.length));
  const lineAt = (side, row) => data.sides[side][row];
  const says = el("p", { class: "says", id: "reason", "aria-live": "polite" });
  const rows = Array.from({ length: count }, (_, row) => {
    const differs = lineAt(0, row)?.text !== lineAt(1, row)?.text;
    return el("tr", { "data-step": row, class: differs ? row === data.differsAt ? "differs first" : "differs" : null, onclick: () => steps.go(row) },
      el("td", { class: "mark" }, row === data.differsAt ? "first" : differs ? "|" : ""),
      ...[0, 1].map(side => el("td", { class: lineAt(side, row) ? null : "absent-line" }, lineAt(side, row)?.text ?? "\u2013")));
  });
  const table = el("table", { class: "compared" }, el("thead", null, el("tr", null, el("th", { class: "mark" }), ...data.versions.map(name => el("th", { scope: "col" }, name)))), el("tbody", null, ...rows));
  function show(row) {
    maps.forEach((map, side) => {
      // A run that has ended stays as it ended.
      const line = lineAt(side, row) ?? data.sides[side].at(-1), drawn = tables[line.table];
      map.show(drawn, drawn, () => false, line.window && lineAt(side, row) ? [line.window] : []);
    });
    rows.forEach((one, i) => i === row ? one.setAttribute("aria-current", "step") : one.removeAttribute("aria-current"));
    const [a, b] = [0, 1].map(side => lineAt(side, row)?.text ?? "nothing more");
    says.textContent = a === b ? a : `${data.versions[0]}: ${a}; ${data.versions[1]}: ${b}`;
    bringUp(rows[row]);
  }
  let steps = { go: () => {} };
  steps = stepper(count, show, data.differsAt);
  main.append(
    headOf(`${data.versions[0]} and ${data.versions[1]}`, fields),
    el("div", { class: "bar" }, steps.element, says),
    el("div", { class: "sides" }, ...data.versions.map((name, side) => el("section", { "data-side": side }, el("h2", null, name), maps[side].element))),
    mapLegend(tables, data.kinds), table);
};
