// The matrix of verdicts; a cell with a counterexample opens it as a walk below.
pages.check = (main, data) => {
  const words = { ".": "holds", x: "broken, as is known", "?": "known to be broken, not seen", "-": "not asked", "!": "BROKEN, though claimed to hold" };
  const box = el("section", { id: "counterexample" });
  const openers = [];
  function opener(text, found, kind, label) {
    const button = el("button", { type: "button", class: kind, "data-found": found, "aria-expanded": "false", "aria-controls": "counterexample", "aria-label": label, onclick: () => open(found) }, text);
    openers.push(button);
    return button;
  }
  function open(found) {
    const one = data.found[found];
    openers.forEach(button => button.setAttribute("aria-expanded", String(Number(button.dataset.found) === found)));
    place.set("found", found);
    box.replaceChildren(
      el("h2", { tabindex: "-1" }, `${one.title}: ${one.why}`), el("p", { id: "violation" }, one.violation), el("pre", null, `khugepaged-spec ${one.explain}`),
      walkView(one.walk, data.kinds, 0));
    box.scrollIntoView({ block: "nearest" });
  }
  const cellOf = (row, cell, i) => el("td", { title: words[cell.verdict] },
    cell.found === undefined ? cell.verdict
      : opener(cell.verdict, cell.found, cell.verdict === "!" ? "unexpected" : "broken", `${data.versions[i]}, ${row.invariant}: ${words[cell.verdict]}`));
  const matrix = el("table", { class: "matrix" },
    el("thead", null, el("tr", null, el("th"), ...data.versions.map(name => el("th", { scope: "col" }, el("span", null, name))))),
    el("tbody", null, ...data.rows.map(row => el("tr", { "data-invariant": row.invariant }, el("th", { scope: "row", title: row.statement }, row.invariant), ...row.cells.map((cell, i) => cellOf(row, cell, i))))));
  const variants = data.variants.length === 0 ? null : stacked(el("table", { class: "variants" }, el("caption", null, "known-bad variants, each by its smallest counterexample"),
    el("thead", null, el("tr", null, ...["variant", "breaks", "PTEs", "source"].map(text => el("th", { scope: "col" }, text)))),
    el("tbody", null, ...data.variants.map(row => el("tr", { "data-variant": row.name }, el("th", { scope: "row" }, row.name),
      el("td", null, row.found === undefined ? "NOT DETECTED" : opener(row.invariant, row.found, "broken", `${row.name} breaks ${row.invariant}`)), el("td", { class: "number" }, row.ptes ?? ""), el("td", null, row.source))))));
  main.append(headOf("check", [["command", data.command], ["run", data.summary]]),
    el("p", null, Object.entries(words).map(([letter, text]) => `${letter} ${text}`).join("; ")),
    ...data.rows.length > 0 && data.versions.length > 1 ? [el("div", { class: "scroller" }, matrix)] : [], box, el("div", { class: "scroller" }, variants ?? ""));
  const wanted = Number.parseInt(place.get("found"), 10);
  if (data.found[wanted]) open(wanted);
};
