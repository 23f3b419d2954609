// One CT slice, large: before/after divider, window, overlays, film strip. All drawing is local.

const TRAITS = [
  "rows", "columns", "before", "after", "before_caption", "after_caption", "divider", "masks",
  "outlines", "attributions", "overlay", "opacity", "outlined", "level", "span", "presets",
  "value_low", "value_high", "value_unit", "film", "film_rows", "film_columns", "film_captions",
  "chosen", "caption", "label", "size_px", "empty", "adjusting",
];

function render({ model, el }) {
  const life = new Life(model);
  const keep = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const canvas = make("canvas", { role: "img" });
  const handle = focusable("div", { class: "wb-ct-handle", role: "slider", tabindex: "0" });
  const empty = make("div", { class: "wb-ct-empty" });
  const stage = make("div", { class: "wb-ct-stage" }, canvas, handle, empty);
  const left = make("span");
  const right = make("span");
  const names = make("div", { class: "wb-ct-names" }, left, right);
  const film = focusable("div", { class: "wb-ct-film", role: "listbox", "aria-label": "film strip", tabindex: "0" });
  const info = make("div", { class: "wb-ct-caption" });
  const tools = make("div", { class: "wb-ct-tools", id: freshId("tools") });
  const adjust = focusable("button", { type: "button", class: "wb-ct-adjust", "aria-controls": tools.id }, "Adjust");
  const foot = make("div", { class: "wb-ct-foot" }, info, adjust);
  const main = make("div", { class: "wb-ct-main" }, stage, names, film, foot);
  el.classList.add("wb", "wb-ct");
  el.append(main, tools);

  // Window: level and span in the picture's own unit, drawn on bytes 0..255.
  const unit = () => model.get("value_unit");
  const spoken = (value) => [Math.round(value), unit()].filter(Boolean).join(" ");
  const stillSteps = () => (model.get("value_high") - model.get("value_low")) / 200;
  const preset = tinyChoice(life, "Window", (name) => {
    const found = model.get("presets").find((one) => one.name === name);
    if (found) keep({ level: found.level, span: found.span });
  });
  const repaint = life.frame(() => draw());
  const levels = tinySlider(life, {
    label: "Level", min: 0, max: 1, step: "any", spoken,
    input: (value) => { model.set("level", value); repaint(); },
    done: () => model.save_changes(),
  });
  const spans = tinySlider(life, {
    label: "Width", min: 0, max: 1, step: "any", spoken,
    input: (value) => { model.set("span", value); repaint(); },
    done: () => model.save_changes(),
  });
  const overlays = overlayTools(model, life, repaint);
  tools.append(preset.line, levels.line, spans.line, ...overlays.lines);

  const table = () => {
    const low = model.get("value_low");
    const perByte = (model.get("value_high") - low) / 255 || 1;
    const middle = (model.get("level") - low) / perByte;
    const half = model.get("span") / perByte / 2;
    return windowTable(middle - half, middle + half);
  };

  const shown = () => {
    const rows = model.get("rows");
    const columns = model.get("columns");
    const chosen = model.get("chosen");
    const frames = bytesOf(model, "film");
    const [filmRows, filmColumns] = [model.get("film_rows"), model.get("film_columns")];
    const frame = chosen >= 0 ? pictureOf(frames, chosen, filmRows * filmColumns) : null;
    if (frame) return { grey: frame, rows: filmRows, columns: filmColumns };
    return { grey: bytesOf(model, "after"), rows, columns };
  };

  const draw = () => {
    const [rows, columns] = [model.get("rows"), model.get("columns")];
    const before = bytesOf(model, "before");
    const after = shown();
    const overlay = model.get("overlay");
    const thumb = after.rows !== rows || after.columns !== columns;
    const bare = thumb ? { mask: null, signed: null, outline: null } : {};
    const over = {
      table: table(),
      opacity: model.get("opacity"),
      mask: overlay === "mask" ? bytesOf(model, "masks") : null,
      signed: overlay === "attribution" ? bytesOf(model, "attributions", Int8Array) : null,
      outline: model.get("outlined") ? bytesOf(model, "outlines") : null,
    };
    const both = Boolean(before && after.grey);
    const at = model.get("divider");
    if (both) {
      paint(canvas, { ...over, ...after, ...bare, part: [at, 1] });
      paint(canvas, { ...over, grey: before, rows, columns, part: [0, at] });
    } else {
      paint(canvas, before ? { ...over, grey: before, rows, columns } : { ...over, ...after, ...bare });
    }
    place(both, at);
    return { before, after, both };
  };

  const place = (both, at) => {
    handle.hidden = !both;
    handle.style.left = `${100 * at}%`;
    handle.setAttribute("aria-valuemin", "0");
    handle.setAttribute("aria-valuemax", "100");
    handle.setAttribute("aria-valuenow", String(Math.round(100 * at)));
    const words = `${model.get("before_caption")} left, ${model.get("after_caption")} right`;
    handle.setAttribute("aria-label", `Divider: ${words}`);
  };

  const strip = () => {
    const frames = bytesOf(model, "film");
    const [rows, columns] = [model.get("film_rows"), model.get("film_columns")];
    const captions = model.get("film_captions");
    const count = frames ? Math.floor(frames.length / (rows * columns)) : 0;
    film.hidden = count === 0;
    while (film.children.length > count) film.lastChild.remove();
    while (film.children.length < count) {
      const thumb = make("canvas", { "aria-hidden": "true" });
      film.append(make("div", { class: "wb-ct-frame", role: "option", id: freshId("frame") }, thumb, make("span")));
    }
    const chosen = model.get("chosen");
    [...film.children].forEach((item, at) => {
      item.lastChild.textContent = captions[at] ?? "";
      item.setAttribute("aria-label", `picture ${at + 1}: ${captions[at] ?? ""}`);
      item.setAttribute("aria-selected", String(at === chosen));
      paint(item.firstChild, { grey: pictureOf(frames, at, rows * columns), rows, columns, table: windowTable(0, 255) });
    });
    film.setAttribute("aria-activedescendant", film.children[chosen]?.id ?? "");
    if (chosen < 0) film.scrollLeft = film.scrollWidth;
  };

  const everything = () => {
    const size = model.get("size_px");
    const ratio = model.get("columns") / model.get("rows") || 1;
    stage.style.width = `${Math.round(size * Math.min(1, ratio))}px`;
    stage.style.height = `${Math.round(size / Math.max(1, ratio))}px`;
    main.style.width = stage.style.width;
    const { before, after, both } = draw();
    const blank = !before && !after.grey;
    empty.hidden = !blank;
    empty.textContent = model.get("empty");
    left.textContent = before || blank ? model.get("before_caption") : model.get("after_caption");
    const frame = model.get("film_captions")[model.get("chosen")];
    right.textContent = both ? frame ?? model.get("after_caption") : "";
    names.hidden = blank;
    canvas.setAttribute("aria-label", [model.get("label"), model.get("caption")].filter(Boolean).join(". "));
    info.textContent = model.get("caption");
    foot.hidden = blank;
    tools.hidden = blank || !model.get("adjusting");
    adjust.setAttribute("aria-expanded", String(model.get("adjusting")));
    const reach = model.get("value_high") - model.get("value_low");
    levels.set(model.get("level"), model.get("value_low"), model.get("value_high"));
    spans.set(model.get("span"), Math.max(stillSteps(), reach / 100), reach);
    const known = model.get("presets").map((one) => [one.name, one.name]);
    const match = model.get("presets").find((one) => one.level === model.get("level") && one.span === model.get("span"));
    preset.set(match ? known : [...known, ["", "own"]], match ? match.name : "");
    overlays.refresh();
    strip();
  };

  life.listen(adjust, "click", () => keep({ adjusting: !model.get("adjusting") }));

  // Divider: drag anywhere on the picture, or arrow keys on the handle.
  const move = (at, done) => {
    model.set("divider", Math.min(1, Math.max(0, at)));
    repaint();
    if (done) model.save_changes();
  };
  let dragging = false;
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    move((event.clientX - box.left) / box.width, false);
  };
  life.listen(stage, "pointerdown", (event) => {
    if (handle.hidden || event.button !== 0) return;
    dragging = true;
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  life.listen(stage, "pointermove", (event) => dragging && follow(event));
  for (const kind of ["pointerup", "pointercancel"]) {
    life.listen(stage, kind, () => {
      if (dragging) model.save_changes();
      dragging = false;
    });
  }
  life.listen(handle, "keydown", (event) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(model.get("divider") + step, true);
  });

  // Film strip: click or arrow keys; Escape goes back to the newest picture.
  const choose = (at) => {
    const last = film.children.length - 1;
    keep({ chosen: Math.min(last, Math.max(-1, at)) });
    film.children[model.get("chosen")]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  life.listen(film, "click", (event) => {
    const at = [...film.children].indexOf(event.target.closest(".wb-ct-frame"));
    if (at >= 0) choose(at === model.get("chosen") ? -1 : at);
  });
  life.listen(film, "keydown", (event) => {
    const now = model.get("chosen");
    const last = film.children.length - 1;
    const goal = {
      ArrowLeft: now < 0 ? last : now - 1, ArrowRight: now < 0 ? last : Math.min(last, now + 1),
      Home: 0, End: last, Escape: -1,
    }[event.key];
    if (goal === undefined) return;
    event.preventDefault();
    choose(event.key === "Escape" ? -1 : Math.max(0, goal));
  });

  const resized = new ResizeObserver(life.frame(everything));
  resized.observe(stage);
  life.watch(TRAITS.concat("mask_name", "outline_name", "attribution_name"), everything);
  return () => {
    resized.disconnect();
    life.end();
  };
}

export default { render };
