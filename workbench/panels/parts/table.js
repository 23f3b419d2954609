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
  const isNumber = (words) => /^[-−+≈<>]?\s*[\d.∞]/.test(words);
  life.watch(["caption", "columns", "rows", "chosen"], () => {
    caption.textContent = model.get("caption");
    box.setAttribute("aria-label", model.get("caption") || "table");
    head.replaceChildren(...model.get("columns").map((name) => make("th", { scope: "col" }, name)));
    body.replaceChildren(
      ...model.get("rows").map((cells, at) =>
        make(
          "tr",
          { class: at === model.get("chosen") ? "wb-chosen" : false },
          ...cells.map((words) => make("td", { class: isNumber(words) ? "wb-number" : false }, words)),
        ),
      ),
    );
    const numeric = model.get("rows")[0]?.map(isNumber) ?? [];
    [...head.children].forEach((cell, at) => cell.classList.toggle("wb-number", Boolean(numeric[at])));
  });
  return () => life.end();
}

export default { render };
