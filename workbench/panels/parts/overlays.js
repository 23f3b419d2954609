// The small tools beside pictures: what lies over them and how strongly. Shared by CT view and row.

/** A labelled range input; `spoken` turns its number into words. */
function tinySlider(life, { label, min, max, step, spoken, input, done }) {
  const id = freshId("tool");
  const slider = focusable("input", { id, type: "range", min, max, step });
  const said = make("output", { class: "wb-tool-said", for: id });
  const line = make("div", { class: "wb-tool" }, make("label", { for: id }, label), said, slider);
  const dress = () => {
    const share = (slider.value - slider.min) / (slider.max - slider.min || 1);
    slider.style.setProperty("--wb-fill", `${100 * share}%`);
    said.textContent = spoken(Number(slider.value));
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  life.listen(slider, "input", () => {
    dress();
    input(Number(slider.value));
  });
  life.listen(slider, "change", () => done());
  return {
    line,
    set(value, low = slider.min, high = slider.max) {
      Object.assign(slider, { min: low, max: high });
      slider.value = value;
      dress();
    },
  };
}

/** A labelled choice; `pick` gets the chosen name. */
function tinyChoice(life, label, pick) {
  const id = freshId("tool");
  const select = focusable("select", { id });
  life.listen(select, "change", () => pick(select.value));
  const line = make(
    "div",
    { class: "wb-tool" },
    make("label", { for: id }, label),
    make("div", { class: "wb-select" }, select),
  );
  return {
    line,
    set(options, value) {
      const wanted = JSON.stringify(options);
      if (select.dataset.options !== wanted) {
        select.dataset.options = wanted;
        select.replaceChildren(...options.map(([name, words]) => make("option", { value: name }, words)));
      }
      select.value = value;
    },
  };
}

/** A labelled box to tick. */
function tinyToggle(life, pick) {
  const id = freshId("tool");
  const box = focusable("input", { id, type: "checkbox" });
  const label = make("label", { for: id });
  life.listen(box, "change", () => pick(box.checked));
  return {
    line: make("div", { class: "wb-tool wb-tool-tick" }, box, label),
    set(words, ticked) {
      label.textContent = words;
      box.checked = ticked;
    },
  };
}

/** Overlay choice, strength and outline for any model with those traits. */
function overlayTools(model, life, repaint) {
  const keep = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const kind = tinyChoice(life, "Overlay", (name) => keep("overlay", name));
  const strength = tinySlider(life, {
    label: "Strength", min: 0, max: 1, step: 0.05,
    spoken: (share) => `${Math.round(100 * share)} %`,
    input: (share) => {
      model.set("opacity", share);
      repaint();
    },
    done: () => model.save_changes(),
  });
  const outlined = tinyToggle(life, (ticked) => keep("outlined", ticked));
  const key = make("div", { class: "wb-key" });
  const refresh = () => {
    const has = { mask: hasBytes(model, "masks"), attribution: hasBytes(model, "attributions") };
    const options = [["none", "none"]];
    if (has.mask) options.push(["mask", model.get("mask_name")]);
    if (has.attribution) options.push(["attribution", model.get("attribution_name")]);
    const overlay = has[model.get("overlay")] ? model.get("overlay") : "none";
    kind.set(options, overlay);
    kind.line.hidden = options.length === 1;
    strength.set(model.get("opacity"));
    strength.line.hidden = overlay === "none";
    outlined.set(model.get("outline_name"), model.get("outlined"));
    outlined.line.hidden = !hasBytes(model, "outlines");
    key.hidden = overlay !== "attribution";
    key.replaceChildren(
      make("span", { class: "wb-key-against" }), "against",
      make("span", { class: "wb-key-for" }), "for",
    );
    return overlay;
  };
  return { lines: [kind.line, strength.line, key, outlined.line], refresh };
}

function hasBytes(model, name) {
  return Boolean(model.get(name)?.byteLength);
}
