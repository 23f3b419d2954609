// Pictures of one size in a table; a column can be chosen by its head or by any of its pictures.

const TRAITS = [
  "rows", "columns", "pictures", "masks", "outlines", "attributions", "overlay", "opacity",
  "outlined", "heads", "sides", "captions", "size_px", "label", "chosen", "mask_name",
  "outline_name", "attribution_name",
];

function render({ model, el }) {
  const life = new Life(model);
  const head = make("tr");
  const body = make("tbody");
  const table = make("table", { class: "wb-grid-table" }, make("thead", {}, head), body);
  const box = make("div", { class: "wb-grid-box" }, table);
  const tools = make("div", { class: "wb-row-tools" });
  el.classList.add("wb", "wb-grid");
  el.append(box, tools);

  const draw = () => {
    const [rows, columns] = [model.get("rows"), model.get("columns")];
    const overlay = model.get("overlay");
    const stacks = {
      grey: bytesOf(model, "pictures"),
      mask: overlay === "mask" ? bytesOf(model, "masks") : null,
      signed: overlay === "attribution" ? bytesOf(model, "attributions", Int8Array) : null,
      outline: model.get("outlined") ? bytesOf(model, "outlines") : null,
    };
    const table = windowTable(0, 255);
    [...body.querySelectorAll("canvas")].forEach((canvas, at) => {
      const one = Object.fromEntries(
        Object.entries(stacks).map(([name, stack]) => [name, pictureOf(stack, at, rows * columns)]),
      );
      paint(canvas, { ...one, rows, columns, table, opacity: model.get("opacity") });
    });
  };
  const repaint = life.frame(draw);
  const overlays = overlayTools(model, life, repaint);
  tools.append(...overlays.lines);

  /** As many children as there are items, the old ones kept so that nothing loses the focus. */
  const fit = (parent, count, one) => {
    while (parent.children.length > count) parent.lastChild.remove();
    while (parent.children.length < count) parent.append(one());
  };
  const headCell = () =>
    make("th", { scope: "col" }, focusable("button", { type: "button", class: "wb-grid-head" }));
  const bodyCell = () =>
    make("td", {}, make("canvas", { role: "img" }), make("div", { class: "wb-card-lines" }));
  const linesOf = (words) => words.map((line) => make("span", {}, line));

  const everything = () => {
    const [heads, sides] = [model.get("heads"), model.get("sides")];
    const chosen = model.get("chosen");
    const shownOver = { mask: model.get("mask_name"), attribution: model.get("attribution_name") };
    box.hidden = !heads.length;
    table.setAttribute("aria-label", model.get("label"));
    table.style.setProperty("--wb-side", `${model.get("size_px")}px`);
    table.style.setProperty("--wb-count", heads.length);
    table.style.setProperty("--wb-ratio", `${model.get("columns") || 1} / ${model.get("rows") || 1}`);
    if (!head.children.length) head.append(make("td"));
    fit(head, heads.length + 1, headCell);
    heads.forEach((lines, at) => {
      const cell = head.children[at + 1];
      cell.toggleAttribute("data-chosen", at === chosen);
      cell.firstChild.setAttribute("aria-pressed", String(at === chosen));
      cell.firstChild.setAttribute("aria-label", lines.join(", "));
      cell.firstChild.replaceChildren(...linesOf(lines));
    });
    fit(body, sides.length, () => make("tr", {}, make("th", { scope: "row" })));
    const over = overlays.refresh();
    sides.forEach((side, row) => {
      const line = body.children[row];
      line.firstChild.textContent = side;
      fit(line, heads.length + 1, bodyCell);
      heads.forEach((lines, at) => {
        const cell = line.children[at + 1];
        const [canvas, below] = cell.children;
        const words = model.get("captions")[row]?.[at] ?? [];
        cell.toggleAttribute("data-chosen", at === chosen);
        canvas.setAttribute(
          "aria-label",
          [side, ...lines, ...words, shownOver[over]].filter(Boolean).join(", "),
        );
        below.replaceChildren(...words.map((word) => make("div", {}, word)));
      });
    });
    tools.hidden = !overlays.lines.some((line) => !line.hidden);
    draw();
  };

  life.listen(table, "click", (event) => {
    const at = (event.target.closest("th, td")?.cellIndex ?? 0) - 1;
    if (at < 0) return;
    model.set("chosen", at);
    model.save_changes();
  });
  const resized = new ResizeObserver(repaint);
  resized.observe(table);
  life.watch(TRAITS, everything);
  return () => {
    resized.disconnect();
    life.end();
  };
}

export default { render };
