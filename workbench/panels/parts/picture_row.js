// Several pictures of one size side by side, each with a title and lines of caption.

const TRAITS = [
  "rows", "columns", "count", "pictures", "masks", "outlines", "attributions", "overlay", "opacity",
  "outlined", "titles", "captions", "present", "size_px", "label", "choosable", "chosen",
];

function render({ model, el }) {
  const life = new Life(model);
  const list = make("div", { class: "wb-row-list" });
  const tools = make("div", { class: "wb-row-tools" });
  el.classList.add("wb", "wb-row");
  el.append(list, tools);

  const draw = () => {
    const [rows, columns] = [model.get("rows"), model.get("columns")];
    const pixels = rows * columns;
    const overlay = model.get("overlay");
    const stacks = {
      grey: bytesOf(model, "pictures"),
      mask: overlay === "mask" ? bytesOf(model, "masks") : null,
      signed: overlay === "attribution" ? bytesOf(model, "attributions", Int8Array) : null,
      outline: model.get("outlined") ? bytesOf(model, "outlines") : null,
    };
    const table = windowTable(0, 255);
    [...list.children].forEach((card, at) => {
      const one = Object.fromEntries(
        Object.entries(stacks).map(([name, stack]) => [name, pictureOf(stack, at, pixels)]),
      );
      const here = model.get("present")[at] ?? true;
      card.classList.toggle("wb-absent", !here);
      if (here) paint(card.querySelector("canvas"), { ...one, rows, columns, table, opacity: model.get("opacity") });
    });
  };
  const repaint = life.frame(draw);
  const overlays = overlayTools(model, life, repaint);
  tools.append(...overlays.lines);

  const card = () => {
    const canvas = make("canvas", { role: "img" });
    const title = make("div", { class: "wb-card-title" });
    const lines = make("div", { class: "wb-card-lines" });
    return make("div", { class: "wb-card", role: "listitem" }, title, canvas, lines);
  };

  const everything = () => {
    const count = model.get("count");
    const choosable = model.get("choosable");
    while (list.children.length > count) list.lastChild.remove();
    while (list.children.length < count) list.append(card());
    list.setAttribute("role", choosable ? "listbox" : "list");
    list.setAttribute("aria-label", model.get("label"));
    list.style.setProperty("--wb-side", `${model.get("size_px")}px`);
    list.style.setProperty("--wb-ratio", `${model.get("columns") || 1} / ${model.get("rows") || 1}`);
    if (choosable) {
      list.tabIndex = 0;
      list.dataset.lmSuppressShortcuts = "true";
    }
    const chosen = model.get("chosen");
    [...list.children].forEach((item, at) => {
      const [title, canvas, lines] = item.children;
      title.textContent = model.get("titles")[at] ?? "";
      const words = model.get("captions")[at] ?? [];
      lines.replaceChildren(...words.map((line) => make("div", {}, line)));
      canvas.setAttribute("aria-label", [title.textContent, ...words].filter(Boolean).join(", ") || `picture ${at + 1}`);
      item.setAttribute("role", choosable ? "option" : "listitem");
      item.toggleAttribute("data-chosen", choosable && at === chosen);
      if (choosable) item.setAttribute("aria-selected", String(at === chosen));
      item.id ||= freshId("card");
    });
    if (choosable) list.setAttribute("aria-activedescendant", list.children[chosen]?.id ?? "");
    overlays.refresh();
    tools.hidden = !overlays.lines.some((line) => !line.hidden);
    draw();
  };

  const choose = (at) => {
    model.set("chosen", Math.min(model.get("count") - 1, Math.max(0, at)));
    model.save_changes();
  };
  life.listen(list, "click", (event) => {
    const at = [...list.children].indexOf(event.target.closest(".wb-card"));
    if (model.get("choosable") && at >= 0) choose(at);
  });
  life.listen(list, "keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!model.get("choosable") || step === undefined) return;
    event.preventDefault();
    choose(model.get("chosen") + step);
  });
  const resized = new ResizeObserver(repaint);
  resized.observe(list);
  life.watch(TRAITS.concat("mask_name", "outline_name", "attribution_name"), everything);
  return () => {
    resized.disconnect();
    life.end();
  };
}

export default { render };
