// Words and numbers in rows; numbers stand right, under each other.

function render({ model, el }) {
  const life = new Life(model);
  const caption = make("caption");
  const head = make("tr");
  const body = make("tbody");
  const table = make("table", { class: "wb-table" }, caption, make("thead", {}, head), body);
  const box = focusable("div", { class: "wb-table-box", tabindex: "0", role: "region" }, table);
  el.classList.add("wb");
  el.append(box);
  const pick = (row) => model.get("pickable") && model.send({ kind: "pick", row });
  /** The first cell of a row that can be chosen holds a button, for those without a mouse. */
  const content = (words, column) =>
    column === 0 && model.get("pickable")
      ? focusable("button", { type: "button", class: "wb-row-button" }, words)
      : words;
  const isNumber = (words) => /^[-−+≈<>]?\s*[\d.∞]/.test(words);
  life.watch(["caption", "columns", "rows", "chosen", "pickable"], () => {
    caption.textContent = model.get("caption");
    box.setAttribute("aria-label", model.get("caption") || "table");
    head.replaceChildren(...model.get("columns").map((name) => make("th", { scope: "col" }, name)));
    const held = [...body.children].findIndex((row) => row.contains(document.activeElement));
    body.replaceChildren(
      ...model.get("rows").map((cells, at) => {
        const classes = [at === model.get("chosen") && "wb-chosen", model.get("pickable") && "wb-pickable"];
        const row = make(
          "tr",
          { class: classes.filter(Boolean).join(" ") || false },
          ...cells.map((words, column) =>
            make("td", { class: isNumber(words) ? "wb-number" : false }, content(words, column)),
          ),
        );
        row.addEventListener("click", () => pick(at));
        return row;
      }),
    );
    body.children[held]?.querySelector("button")?.focus();
    const numeric = model.get("rows")[0]?.map(isNumber) ?? [];
    [...head.children].forEach((cell, at) => cell.classList.toggle("wb-number", Boolean(numeric[at])));
  });
  return () => life.end();
}

export default { render };
