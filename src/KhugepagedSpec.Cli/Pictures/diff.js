// Two runs side by side: a map each, their lines in rows, one row shown in both maps. Of a row that only one has the other side is empty.
pages.diff = (main, data) => {
  const fields = [["command", data.command], ...data.searched ? [["searched", data.searched]] : [], ...data.explain ? [["explain", data.explain]] : []];
  if (data.sides.length === 0) {
    main.append(headOf(`${data.versions[0]} and ${data.versions[1]}`, fields), el("p", { class: "verdict" }, `${data.versions[0]} and ${data.versions[1]} do the same`));
    return;
  }
  const tables = data.tables.map(table => tableOf(table, data.pmdOrder));
  const maps = data.versions.map(() => mapOf(data.pmdOrder, data.kinds));
  const count = data.sides[0].length, lineAt = (side, row) => data.sides[side][row];
  // Where a run has nothing it stays as it is; both begin with the same table.
  const lastAt = (side, row) => data.sides[side].slice(0, row + 1).findLast(line => line) ?? data.sides.flat().find(line => line);
  const says = el("p", { class: "says", id: "reason", "aria-live": "polite" });
  const rows = Array.from({ length: count }, (_, row) => {
    const differs = lineAt(0, row)?.text !== lineAt(1, row)?.text;
    return el("tr", { "data-step": row, class: differs ? row === data.differsAt ? "differs first" : "differs" : null, onclick: () => steps.go(row) },
      el("td", { class: "mark" }, row === data.differsAt ? "first" : differs ? "|" : ""),
      ...[0, 1].map(side => el("td", { class: lineAt(side, row) ? null : "absent-line" }, lineAt(side, row)?.text ?? "\u2013")));
  });
  const ends = data.versions.flatMap((name, side) => [[lastAt(side, 0), "before"], [lastAt(side, count), "in the end"]]
    .map(([line, when]) => printedMap(data.pmdOrder, tables[line.table], data.kinds, `${name}, ${when}`)));
  const table = el("table", { class: "compared" }, el("thead", null, el("tr", null, el("th", { class: "mark" }), ...data.versions.map(name => el("th", { scope: "col" }, name)))), el("tbody", null, ...rows));
  function show(row) {
    maps.forEach((map, side) => {
      const drawn = tables[lastAt(side, row).table], window = lineAt(side, row)?.window;
      map.show(drawn, drawn, () => false, window ? [window] : []);
    });
    rows.forEach((one, i) => i === row ? one.setAttribute("aria-current", "step") : one.removeAttribute("aria-current"));
    const [a, b] = [0, 1].map(side => lineAt(side, row)?.text ?? "nothing");
    says.textContent = a === b ? a : `${data.versions[0]}: ${a}; ${data.versions[1]}: ${b}`;
    bringUp(rows[row]);
  }
  let steps = { go: () => {} };
  steps = stepper(count, show, data.differsAt);
  main.append(
    headOf(`${data.versions[0]} and ${data.versions[1]}`, fields),
    el("div", { class: "bar" }, steps.element, says),
    el("div", { class: "sides" }, ...data.versions.map((name, side) => el("section", { "data-side": side }, el("h2", null, name), maps[side].element))),
    mapLegend(tables, data.kinds), ...ends, table);
};
