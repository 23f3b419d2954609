// A number typed or dragged. The slider may be logarithmic, with zero at its left end.

const STEPS = 1000;
const ZERO_ZONE = 30;

/** Maps slider positions 0..STEPS to values and back, from the widget's traits. */
function scaleOf(model) {
  const low = model.get("minimum");
  const high = model.get("maximum");
  const from = model.get("log_from");
  const start = from > low ? ZERO_ZONE : 0;
  const step = model.get("step");
  const snap = (value) => (step > 0 ? Number((Math.round(value / step) * step).toPrecision(12)) : value);
  if (!(from > 0)) {
    return {
      value: (at) => Math.min(high, Math.max(low, snap(low + ((high - low) * at) / STEPS))),
      place: (value) => (STEPS * (value - low)) / (high - low || 1),
    };
  }
  const span = Math.log(high / from);
  return {
    value: (at) => {
      if (at < start) return low;
      const raw = from * Math.exp((span * (at - start)) / (STEPS - start));
      return Math.min(high, Math.max(low, snap(Number(raw.toPrecision(2)))));
    },
    place: (value) =>
      value < from ? 0 : start + ((STEPS - start) * Math.log(value / from)) / span,
  };
}

function render({ model, el }) {
  const life = new Life(model);
  const id = freshId("number");
  const input = focusable("input", { id, type: "text", inputmode: "decimal", autocomplete: "off" });
  const unit = make("span", { class: "wb-field-unit" });
  const slider = focusable("input", { type: "range", min: 0, max: STEPS, step: 1 });
  const field = frameField(model, el, life, input, {
    head: [input, unit],
    below: [slider],
  });
  const spoken = (value) => [say(value), model.get("unit")].filter(Boolean).join(" ");

  let sending = 0;
  const send = (value, wait) => {
    clearTimeout(sending);
    sending = setTimeout(() => {
      model.set("value", value);
      model.save_changes();
    }, wait);
  };
  const paint = (value) => {
    slider.value = scaleOf(model).place(value);
    slider.style.setProperty("--wb-fill", `${(100 * slider.value) / STEPS}%`);
    slider.setAttribute("aria-valuetext", spoken(value));
  };
  const valued = () => {
    field.complain("");
    show();
  };
  const show = () => {
    const value = model.get("value");
    if (document.activeElement !== input || Number(input.value) !== value) input.value = String(value);
    paint(value);
    unit.textContent = model.get("unit");
    slider.hidden = !model.get("slider");
    slider.setAttribute("aria-label", `${model.get("label")}, slider`);
    input.disabled = slider.disabled = model.get("disabled");
  };

  const typed = () => {
    const value = Number(input.value.trim().replace(",", "."));
    const low = model.get("minimum");
    const high = model.get("maximum");
    if (input.value.trim() === "" || Number.isNaN(value)) {
      field.complain(`${model.get("label")} must be a number, not “${input.value.trim()}”.`);
    } else if (value < low || value > high) {
      field.complain(`${model.get("label")} must lie between ${spoken(low)} and ${spoken(high)}.`);
    } else if (model.get("whole") && !Number.isInteger(value)) {
      field.complain(`${model.get("label")} must be a whole number.`);
    } else {
      field.complain("");
      paint(value);
      send(value, 0);
    }
  };
  life.listen(input, "change", typed);
  life.listen(input, "keydown", (event) => {
    if (event.key === "Enter") typed();
  });
  const dragged = (wait) => () => {
    const value = scaleOf(model).value(Number(slider.value));
    input.value = String(value);
    field.complain("");
    paint(value);
    if (wait === 0) slider.value = scaleOf(model).place(value);
    send(value, wait);
  };
  // Values are rounded more coarsely than the slider's steps: a key goes on to the next value.
  life.listen(slider, "keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const scale = scaleOf(model);
    const before = scale.value(Number(slider.value));
    let at = Number(slider.value) + way;
    while (at > 0 && at < STEPS && scale.value(at) === before) at += way;
    slider.value = at;
    dragged(0)();
  });
  life.listen(slider, "input", dragged(150));
  life.listen(slider, "change", dragged(0));
  field.complain(""); // a new page shows the value, not what was mistyped before
  model.on("change:value", valued);
  life.ending.signal.addEventListener("abort", () => model.off("change:value", valued));
  life.watch(["value", "unit", "slider", "disabled", "minimum", "maximum", "log_from", "step"], show);
  return () => {
    clearTimeout(sending);
    life.end();
  };
}

export default { render };
