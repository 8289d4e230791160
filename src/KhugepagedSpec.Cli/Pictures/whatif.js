// The page of whatif: a line a case with bars, one of them chosen, and of that one all there is. Bars of memory share one scale.
pages.whatif = (main, data) => {
  const kb = value => `${value.toLocaleString("en-US")} kB`;
  const count = value => value.toLocaleString("en-US");
  const size = order => kb(data.pageKb * 2 ** order).replaceAll(",", "");
  const orders = made => Object.keys(made).map(Number).sort((a, b) => b - a);
  const folios = made => orders(made).map(order => `${made[order]} x ${size(order)}`).join(", ") || "none";
  const areSeveral = data.pid === undefined, commandOf = new Map(data.processes.map(one => [one.pid, one.command]));
  const most = Math.max(1, ...data.cases.map(one => Math.max(data.beforeKb.anonymous + one.addedKb + one.swappedInKb, one.faultsAddKb)));
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
      cell(kb(one.addedKb), bar(most, ["cost", one.addedKb])),
      cell(kb(one.faultsAddKb), bar(most, ["cost", one.faultsAddKb])),
      cell(kb(one.swappedInKb)),
      cell(`${count(one.tried)}, ${count(one.wasted)}`, bar(mostTried, ["made", one.tried - one.wasted], ["cost", one.wasted])),
      cell(count(one.wastedAgain), bar(mostTried, ["cost", one.wastedAgain])),
      cell(`${count(one.wakeUps)}, ${count(one.secondsAScan)} s`),
      el("td", null, folios(one.foliosMadeByOrder), one.settled ? null : ", not settled"));
  }

  const versions = [...new Set(data.cases.map(one => one.version))];
  const head = ["settings", "ranges", "large folios map", "added", "at faults, at most", "swapped in", "tried, wasted", "wasted again", "wake-ups", "folios made"];
  const tables = versions.map(version => el("section", null, el("h2", null, version),
    stacked(el("table", { class: "cases" },
      el("thead", null, el("tr", null, ...head.map(text => el("th", { scope: "col" }, text)))),
      el("tbody", null, ...data.cases.map((one, i) => one.version === version ? line(one, i) : null).filter(row => row))))));

  const tableOf = (caption, heads, rows) => rows.length === 0 ? null : stacked(el("table", null, el("caption", null, caption),
    el("thead", null, el("tr", null, ...heads.map(text => el("th", { scope: "col" }, text)))),
    el("tbody", null, ...rows)));
  const row = (attributes, name, ...cells) => el("tr", attributes, el("th", { scope: "row" }, name), ...cells.map(one => one instanceof Node ? one : el("td", null, one)));
  const whose = pid => areSeveral ? `${pid} ${commandOf.get(pid) ?? ""} ` : "";

  const before = new Map(data.processes.map(one => [one.pid, one.beforeKb]));
  function sumOf(name, key, all) {
    const anonymous = all.reduce((sum, one) => sum + before.get(one.pid).anonymous, 0), sum = get => all.reduce((total, one) => total + get(one), 0);
    const large = sum(one => one.largeAfterKb), added = sum(one => one.addedKb);
    return row({ "data-process": key }, name, cell(kb(anonymous), bar(most, ["made", sum(one => before.get(one.pid).large)], ["rest", anonymous - sum(one => before.get(one.pid).large)])),
      cell(kb(large), bar(most, ["made", large])), cell(kb(added), bar(most, ["cost", added])), cell(kb(sum(one => one.faultsAddKb)), bar(most, ["cost", sum(one => one.faultsAddKb)])));
  }
  function processesOf(one) {
    if (!areSeveral) return [];
    const heads = name => [name, "anonymous", "large folios map", "added", "at faults, at most"], groups = new Map();
    for (const process of one.processes) {
      const cgroup = data.processes.find(other => other.pid === process.pid).cgroup || "none";
      groups.set(cgroup, [...groups.get(cgroup) ?? [], process]);
    }
    const sorted = [...one.processes].sort((a, b) => before.get(b.pid).anonymous - before.get(a.pid).anonymous);
    return [
      tableOf("by process", heads("process"), sorted.map(process => sumOf(`${process.pid} ${commandOf.get(process.pid)}, visited: ${process.visited}`, process.pid, [process]))),
      tableOf("by cgroup", heads("cgroup"), [...groups].map(([cgroup, all]) => sumOf(`${cgroup} (${all.length})`, cgroup, all))),
    ];
  }

  function detailOf(one) {
    const made = orders(one.foliosMadeByOrder), inKb = order => one.foliosMadeByOrder[order] * data.pageKb * 2 ** order;
    return [
      one.warnings.length === 0 ? null : el("ul", { class: "warnings" }, ...one.warnings.map(text => el("li", null, text))),
      el("p", null, `a full scan takes ${count(one.wakeUps)} wake-ups, ${count(one.secondsAScan)} s; nothing more is made after ${count(one.allWakeUps)}, ${count(one.secondsInAll)} s`),
      ...processesOf(one),
      tableOf("folios made", ["size", "folios", "memory"], made.map(order =>
        row({ "data-order": order }, size(order), cell(count(one.foliosMadeByOrder[order])), cell(kb(inKb(order)), bar(most, ["made", inKb(order)]))))),
      tableOf("VMAs that are scanned", ["addresses", "name", "ranges", "anonymous", "large before", "added", "visited", "folios made"], one.vmas.map(vma =>
        row({ "data-vma": vma.start }, `${whose(vma.pid)}${vma.start}-${vma.end}`, vma.name || "no name", cell(count(vma.ranges)),
          cell(kb(vma.anonymousKb), bar(most, ["made", vma.largeBeforeKb], ["rest", vma.anonymousKb - vma.largeBeforeKb])), cell(kb(vma.largeBeforeKb)), cell(kb(vma.addedKb)),
          vma.visited, folios(vma.foliosMadeByOrder)))),
      one.smallerVmas === 0 ? null : el("p", null, `${count(one.smallerVmas)} smaller ones are not shown`),
      tableOf("ranges left alone", ["result", "one entry stops it", "ranges", "memory", "first at"], one.left.map(left =>
        row(null, left.result, left.entry ?? "", cell(count(left.ranges)), cell(kb(left.kb)), `${whose(left.pid)}${left.first}`))),
      tableOf("VMAs not scanned", ["why", "VMAs", "memory", "first at"], one.notScanned.map(passed =>
        row(null, passed.reason, cell(count(passed.vmas)), cell(kb(passed.kb)), `${whose(passed.pid)}${passed.first}`))),
    ].filter(part => part);
  }

  const overTime = tableOf("between captures: PMD ranges, and what of the prediction came true", ["until", "stayed", "larger", "smaller", "grew", "shrank", "other", "came", "gone", "unsure", "predicted", "came true", "as before", "otherwise"],
    data.overTime.map(({ to, ranges, prediction }) => row({ "data-until": to }, to, ...[ranges.stayed, ranges.larger, ranges.smaller, ranges.grew, ranges.shrank, ranges.otherwise, ranges.came, ranges.gone, ranges.unsure].map(value => cell(count(value))),
      ...prediction ? [prediction.predicted, prediction.cameTrue, prediction.asBefore, prediction.otherwise].map(value => cell(count(value))) : ["settings changed"])));

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
    headOf(areSeveral ? `what if: ${data.processes.length} processes (${data.asked})` : `what if: ${data.command} (${data.pid})`, [
      ["kernel", `Linux ${data.kernel}, ${data.pageKb}kB pages`],
      ["capture", `${data.at}, ${data.capture}; ${count(data.ranges)} PMD ranges, ${count(data.changedRanges)} left out because they changed while they were read`],
      ["before", `${kb(data.beforeKb.anonymous)} anonymous, ${kb(data.beforeKb.large)} of it in large folios (${kb(data.beforeKb.anonHugePages)} PMD-mapped), ${kb(data.beforeKb.swap)} swapped out; ${kb(data.beforeKb.outOfReach)} out of reach; ${kb(data.sharedKb)} shared, not judged`],
      ...data.skipped.map(one => ["left out", one.why]),
    ]),
    el("div", { class: "bar" }, steps.element, says),
    ...tables,
    legendOf([["made", " ", "in large folios, or made"], ["rest", " ", "in small pages"], ["cost", " ", "added, or wasted"]]),
    ...data.sweep ? [sweepOf(data.sweep, kb, bar)] : [], ...overTime ? [overTime] : [],
    detail,
    el("p", { class: "remark" }, "tried, wasted: folios allocated, and given back unused, in the first full scan; wasted again: in each scan once nothing changes any more. "
      + "Not known from outside, so not in this: pins, and accessed bits where a VMA was referenced in part."));
};
