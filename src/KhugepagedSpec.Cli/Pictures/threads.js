// The claims, thread by thread; one opens to what was run for it, and its walk is drawn there, one walk at a time.
pages.threads = (main, data) => {
  const box = el("section", { id: "walk" });
  const openers = [];
  function draw(number, walk, after) {
    openers.forEach(one => one.setAttribute("aria-expanded", String(one === after)));
    place.set("claim", number);
    after.after(box);
    box.replaceChildren(el("h3", null, data.walks[walk].title), walkView(data.walks[walk], data.kinds, 0));
    box.scrollIntoView({ block: "nearest" });
  }
  function runOf(claim, run) {
    const parts = [el("pre", null, [`$ khugepaged-spec ${run.command}`, ...run.lines.map(line => `  ${line.trim()}`)].join("\n"))];
    if (run.amiss !== undefined) parts.push(el("p", { class: "unexpected" }, `NOT SHOWN: ${run.amiss}`));
    if (run.unless !== undefined) parts.push(el("p", null, `otherwise with ${run.unless}`));
    if (run.walk !== undefined) {
      const button = el("button", { type: "button", "data-walk": run.walk, "aria-expanded": "false", onclick: () => draw(claim.number, run.walk, button) }, "the walk");
      openers.push(button);
      parts.push(button);
    }
    return parts;
  }
  const claimOf = claim => el("details", { class: "claim", id: `claim-${claim.number}`, "data-verdict": claim.verdict },
    el("summary", null, `${claim.number}  ${claim.who}, ${claim.date}: ${claim.text} `, el("strong", null, claim.verdict)),
    el("p", null, `${claim.verdict}${claim.note === undefined ? "" : `: ${claim.note}`}`), ...claim.runs.flatMap(run => runOf(claim, run)));
  main.append(headOf("threads", [["command", data.command], ["claims", data.verdicts]]),
    ...data.threads.map(thread => el("section", { "data-thread": thread.name }, el("h2", null, thread.title), ...thread.claims.map(claimOf))));
  const wanted = document.getElementById(`claim-${place.get("claim")}`);
  if (wanted) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
};
