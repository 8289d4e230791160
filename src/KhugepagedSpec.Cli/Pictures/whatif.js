// The page of whatif: a line a case with bars, one of them chosen, and of that one all there is.
pages.whatif = (main, data) => {
  const kb = value => `${value.toLocaleString("en-US")} kB`;
  const count = value => value.toLocaleString("en-US");
  const size = order => kb(data.pageKb * 2 ** order).replaceAll(",", "");
  const orders = made => Object.keys(made).map(Number).sort((a, b) => b - a);
  const folios = made => orders(made).map(order => `${made[order]} x ${size(order)}`).join(", ") || "none";
  const most = Math.max(1, ...data.cases.map(one => data.beforeKb.anonymous + one.addedKb + one.swappedInKb));
  const mostAdded = Math.max(1, ...data.cases.map(one => one.addedKb));
  const mostTried = Math.max(1, ...data.cases.map(one => Math.max(one.tried, one.wastedAgain)));

  const bar = (whole, ...parts) => el("div", { class: "bars", "aria-hidden": "true" },
    ...parts.map(([kind, value]) => el("span", { class: kind, style: `width:${(100 * value / whole).toFixed(3)}%` })));
  const cell = (text, drawn) => el("td", { class: "number" }, text, drawn ?? null);

  function line(one, i) {
    const all = data.beforeKb.anonymous + one.addedKb + one.swappedInKb;
    return el("tr", { "data-step": i, tabindex: -1, onclick: () => steps.go(i) },
      el("th", { scope: "row" }, el("button", { type: "button", class: "plain", tabindex: -1 }, one.name)),
      cell(count(one.ranges)),
      cell(kb(one.largeAfterKb), bar(most, ["made", one.largeAfterKb], ["rest", Math.max(0, all - one.largeAfterKb)])),
      cell(kb(one.addedKb), bar(mostAdded, ["cost", one.addedKb])),
      cell(kb(one.swappedInKb)),
      cell(`${count(one.tried)}, ${count(one.wasted)}`, bar(mostTried, ["made", one.tried - one.wasted], ["cost", one.wasted])),
      cell(count(one.wastedAgain), bar(mostTried, ["cost", one.wastedAgain])),
      cell(`${count(one.wakeUps)}, ${count(one.secondsAScan)} s`),
      el("td", null, folios(one.foliosMadeByOrder), one.settled ? null : ", not settled"));
  }

  const versions = [...new Set(data.cases.map(one => one.version))];
  const head = ["settings", "ranges", "large folios map", "added", "swapped in", "tried, wasted", "wasted again", "wake-ups", "folios made"];
  const tables = versions.map(version => el("section", null, el("h2", null, version),
    el("div", { class: "scroll" }, el("table", { class: "cases" },
      el("thead", null, el("tr", null, ...head.map(text => el("th", { scope: "col" }, text)))),
      el("tbody", null, ...data.cases.map((one, i) => one.version === version ? line(one, i) : null).filter(row => row))))));

  const tableOf = (caption, heads, rows) => rows.length === 0 ? null : el("div", { class: "scroll" }, el("table", null, el("caption", null, caption),
    el("thead", null, el("tr", null, ...heads.map(text => el("th", { scope: "col" }, text)))),
    el("tbody", null, ...rows)));

  function detailOf(one) {
    const made = orders(one.foliosMadeByOrder), inKb = order => one.foliosMadeByOrder[order] * data.pageKb * 2 ** order;
    const mostKb = Math.max(1, ...made.map(inKb)), mostVma = Math.max(1, ...one.vmas.map(vma => vma.anonymousKb));
    return [
      tableOf("folios made", ["size", "folios", "memory"], made.map(order =>
        el("tr", { "data-order": order }, el("th", { scope: "row" }, size(order)), cell(count(one.foliosMadeByOrder[order])), cell(kb(inKb(order)), bar(mostKb, ["made", inKb(order)]))))),
      tableOf("VMAs that are scanned", ["addresses", "name", "ranges", "anonymous", "large before", "added", "folios made"], one.vmas.map(vma =>
        el("tr", { "data-vma": vma.start }, el("th", { scope: "row" }, `${vma.start}-${vma.end}`), el("td", null, vma.name), cell(count(vma.ranges)),
          cell(kb(vma.anonymousKb), bar(mostVma, ["made", vma.largeBeforeKb], ["rest", vma.anonymousKb - vma.largeBeforeKb])), cell(kb(vma.largeBeforeKb)), cell(kb(vma.addedKb)),
          el("td", null, folios(vma.foliosMadeByOrder))))),
      tableOf("ranges left alone", ["result", "one entry stops it", "ranges", "memory", "first at"], one.left.map(left =>
        el("tr", null, el("th", { scope: "row" }, left.result), el("td", null, left.entry ?? ""), cell(count(left.ranges)), cell(kb(left.kb)), el("td", null, left.first)))),
    ].filter(part => part);
  }

  const says = el("p", { class: "says", id: "reason", "aria-live": "polite" });
  const detail = el("section", { id: "detail" });
  const rows = tables.flatMap(table => [...table.querySelectorAll("[data-step]")]).sort((a, b) => a.dataset.step - b.dataset.step);
  let steps = { go: () => {} };
  const show = i => {
    const one = data.cases[i];
    rows.forEach((row, j) => j === i ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current"));
    says.textContent = `${one.version}, ${one.name}: ${one.settings}`;
    detail.replaceChildren(el("h2", null, `${one.version}, ${one.name}`), ...detailOf(one));
  };
  const asked = data.cases.findIndex(one => one.name === "as asked" && one.ranges > 0);
  steps = stepper(data.cases.length, show, asked >= 0 ? asked : Math.max(0, data.cases.findIndex(one => one.ranges > 0)));
  main.append(
    headOf(`what if: ${data.command} (${data.pid})`, [
      ["kernel", `Linux ${data.kernel}, ${data.pageKb}kB pages`],
      ["capture", `${data.at}, ${data.capture}; ${count(data.ranges)} PMD ranges, ${count(data.changedRanges)} left out because they changed while they were read`],
      ["before", `${kb(data.beforeKb.anonymous)} anonymous, ${kb(data.beforeKb.large)} of it in large folios (${kb(data.beforeKb.anonHugePages)} PMD-mapped), ${kb(data.beforeKb.swap)} swapped out; ${kb(data.beforeKb.outOfReach)} out of reach`],
    ]),
    el("div", { class: "bar" }, steps.element, says),
    ...tables,
    legendOf([["made", " ", "in large folios, or made"], ["rest", " ", "in small pages"], ["cost", " ", "added, or wasted"]]),
    detail,
    el("p", { class: "remark" }, "tried, wasted: folios allocated, and given back unused, in the first full scan; wasted again: in each scan once nothing changes any more. "
      + "Not known from outside, so not in this: pins, and accessed bits where a VMA was referenced in part."));
};
