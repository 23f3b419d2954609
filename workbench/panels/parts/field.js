// Label, unit, help and error around one control: the same for every kind of control.

/** Puts `control` (already carrying `id`) into `el` and keeps its words up to date. */
function frameField(model, el, life, control, { head = [], below = [], labelled = true } = {}) {
  const label = make("label", { class: "wb-field-label", for: control.id });
  const help = make("div", { class: "wb-field-help", id: freshId("help") });
  const error = make("div", { class: "wb-field-error", id: freshId("error"), role: "alert" });
  const row = make("div", { class: "wb-field-row" }, label, ...head);
  el.classList.add("wb", "wb-field");
  el.append(row, ...below, help, error);
  if (labelled) control.setAttribute("aria-describedby", `${help.id} ${error.id}`);

  const words = () => {
    label.textContent = model.get("label");
    help.textContent = model.get("help");
    const sentence = model.get("complaint") || model.get("error");
    error.textContent = sentence;
    el.classList.toggle("wb-wrong", Boolean(sentence));
    control.setAttribute("aria-invalid", sentence ? "true" : "false");
  };
  life.watch(["label", "help", "error", "complaint"], words);
  return {
    label,
    /** Says at once what is wrong with what was typed, and lets the panel know. */
    complain(sentence) {
      if (sentence === model.get("complaint")) return;
      model.set("complaint", sentence);
      model.save_changes();
    },
  };
}
