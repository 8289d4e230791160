// "x*16 . 4 =*15" as one symbol a PTE; nothing where there is no entry at all.
function symbolsOf(text, count) {
  if (text === "") return new Array(count).fill("");
  return text.split(" ").flatMap(run => new Array(Number(run.slice(2) || 1)).fill(run[0]));
}

// A table with, for each PTE, the folio that it is drawn in.
function tableOf(drawn, pmdOrder) {
  const count = 1 << pmdOrder, symbols = symbolsOf(drawn.cells, count), folioAt = new Array(count).fill(null);
  for (const [from, pages, order, first, isNew] of drawn.folios) {
    const folio = { from, pages, order, first, isNew: isNew === 1, isPart: pages < 1 << order };
    folioAt.fill(folio, from, from + pages);
  }
  return { count, symbols, folioAt, notes: drawn.notes ?? [], remark: drawn.remark };
}

const folioKind = folio => folio.isPart ? "part" : folio.isNew ? "new" : "folio";

// What a PTE of a table is, in words.
function wordsOf(table, pte, kinds) {
  const folio = table.folioAt[pte], symbol = table.symbols[pte];
  const note = table.notes.find(one => one.from <= pte && pte < one.from + one.pages);
  const words = folio
    ? [`page ${folio.first + pte - folio.from} of a folio of order ${folio.order}`, folio.isPart ? `${folio.pages} of its ${1 << folio.order} pages are mapped here` : null, folio.isNew ? "new" : null]
    : symbol === "" ? [table.remark] : [`${symbol} ${kinds[symbol].says}`];
  return `PTE ${pte}: ${[...words, note?.says].filter(word => word).join(", ")}`;
}

// The symbols of tables, and the folios.
function mapLegend(tables, kinds) {
  const single = new Set(), folios = new Set();
  for (const table of tables)
    for (let pte = 0; pte < table.count; pte++)
      if (table.folioAt[pte]) folios.add(folioKind(table.folioAt[pte]));
      else single.add(table.symbols[pte]);
  const folioEntries = [["folio", "4=", "folio, its order in hexadecimal"], ["new", "4#", "folio that the pass made"], ["part", "4~", "folio mapped in part"]];
  return legendOf([
    ...Object.entries(kinds).filter(([symbol]) => single.has(symbol)).map(([symbol, kind]) => [`cell ${kind.kind}`, symbol, kind.says]),
    ...folioEntries.filter(([kind]) => folios.has(kind)).map(([kind, symbol, words]) => [`cell ${kind}`, symbol, words])]);
}

// Windows as rectangles of a map: a part of a row, whole rows, the rest of a row.
function rectanglesOf(from, pages, columns) {
  const found = [];
  for (let at = from, end = from + pages; at < end;) {
    const column = at % columns, row = (at - column) / columns;
    const rows = column === 0 ? Math.max(1, Math.floor((end - at) / columns)) : 1;
    const width = Math.min(columns - column, end - at);
    found.push({ row, column, rows, width });
    at += column === 0 && width === columns ? rows * columns : width;
  }
  return found;
}

// Windows that lie side by side are outlined as one.
function joined(windows) {
  const runs = [];
  for (const [from, pages] of windows) {
    const last = runs.at(-1);
    if (last && last[0] + last[1] === from) last[1] += pages;
    else runs.push([from, pages]);
  }
  return runs;
}

// Where 64 letters do not stand side by side.
const narrow = matchMedia("(max-width: 700px)");

// A table as it is printed: letters, and the ground that their kind has.
function printedMap(pmdOrder, table, kinds, title) {
  const count = 1 << pmdOrder, columns = Math.min(count, 64);
  const kindAt = pte => table.folioAt[pte] ? folioKind(table.folioAt[pte]) : table.symbols[pte] === "" ? "absent" : kinds[table.symbols[pte]].kind;
  const lines = Array.from({ length: count / columns }, (_, row) => {
    const runs = [];
    for (let pte = row * columns; pte < (row + 1) * columns; pte++) {
      const kind = kindAt(pte), letter = table.symbols[pte] === "" ? " " : table.symbols[pte];
      if (runs.at(-1)?.kind === kind) runs.at(-1).text += letter;
      else runs.push({ kind, text: letter });
    }
    return el("div", null, el("span", { class: "number" }, String(row * columns).padStart(5)), " ", ...runs.map(run => el("span", { class: run.kind }, run.text)));
  });
  return el("section", { class: "printed" }, el("h3", null, title), el("div", { class: "letters" }, ...lines), table.remark ? el("p", { class: "remark" }, table.remark) : null);
}

// A map of cells, one a PTE. pick(pte) is told of clicks.
function mapOf(pmdOrder, kinds, pick) {
  const count = 1 << pmdOrder;
  let columns = 0, rows = 0, again = null;
  const cells = Array.from({ length: count }, (_, pte) => el("span", { class: "cell", "data-pte": pte }));
  const outlines = el("div", { class: "outlines" }), words = el("p", { class: "words" }, "\u00a0"), remark = el("p", { class: "remark" });
  const grid = el("div", { class: "cells", role: "img", "aria-label": `page table of ${count} PTEs` }, ...cells, outlines);
  const numbers = el("div", { class: "numbers", "aria-hidden": "true" });
  const element = el("div", null, el("div", { class: "rows" }, numbers, grid), remark, words);
  function layOut() {
    columns = Math.min(count, narrow.matches ? 32 : count > 1024 ? 128 : 64);
    rows = count / columns;
    numbers.replaceChildren(...Array.from({ length: rows }, (_, row) => el("span", null, String(row * columns))));
    element.className = `map${columns > 64 ? " wide" : ""}`;
    element.style.setProperty("--columns", columns);
  }
  layOut();
  narrow.addEventListener("change", () => { layOut(); again?.(); });
  let shown = () => null;
  const pteOf = event => event.target.closest?.("[data-pte]")?.dataset.pte;
  grid.addEventListener("mouseover", event => {
    const pte = pteOf(event);
    if (pte === undefined) return;
    words.textContent = wordsOf(shown(Number(pte)), Number(pte), kinds);
    event.target.title = words.textContent;
  });
  grid.addEventListener("mouseleave", () => { words.textContent = "\u00a0"; });
  if (pick) grid.addEventListener("click", event => { if (pteOf(event) !== undefined) pick(Number(pteOf(event))); });

  // The tables between which each PTE chooses, and the windows to be outlined: [from, pages] each.
  function show(before, after, isChanged, windows) {
    shown = pte => isChanged(pte) ? after : before;
    again = () => show(before, after, isChanged, windows);
    const folio = pte => pte < 0 || pte >= count ? null : shown(pte).folioAt[pte];
    for (let pte = 0; pte < count; pte++) {
      const mine = folio(pte), symbol = shown(pte).symbols[pte], column = pte % columns;
      const edges = mine === null ? "" : (column === 0 || folio(pte - 1) !== mine ? " l" : "") + (column === columns - 1 || folio(pte + 1) !== mine ? " r" : "")
        + (folio(pte - columns) !== mine ? " t" : "") + (folio(pte + columns) !== mine ? " b" : "");
      const style = `cell ${mine ? folioKind(mine) : symbol === "" ? "absent" : kinds[symbol].kind}${mine?.from === pte ? " head" : ""}${edges}`;
      if (cells[pte].className !== style) cells[pte].className = style;
      if (cells[pte].textContent !== symbol) cells[pte].textContent = symbol;
    }
    const remarks = new Set([before, after].filter((table, i) => table.remark && (i === 0 ? !isChanged(0) : isChanged(0))).map(table => table.remark));
    remark.textContent = [...remarks].join("; ");
    outlines.replaceChildren(...joined(windows).flatMap(([from, pages]) => rectanglesOf(from, pages, columns).map(part => {
      const outline = el("div", { "data-from": from, "data-pages": pages });
      Object.assign(outline.style, {
        left: `${part.column / columns * 100}%`, width: `${part.width / columns * 100}%`,
        top: `${part.row / rows * 100}%`, height: `${part.rows / rows * 100}%`,
      });
      return outline;
    })));
  }
  return { element, show };
}
