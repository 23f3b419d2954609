// One of a few named things.

function render({ model, el }) {
  const life = new Life(model);
  const select = focusable("select", { id: freshId("choice") });
  frameField(model, el, life, select, { below: [make("div", { class: "wb-select" }, select)] });
  life.watch(["options", "value", "disabled"], () => {
    select.replaceChildren(
      ...model.get("options").map(([name, words]) => make("option", { value: name }, words)),
    );
    select.value = model.get("value");
    select.disabled = model.get("disabled");
  });
  life.listen(select, "change", () => {
    model.set("value", select.value);
    model.save_changes();
  });
  return () => life.end();
}

export default { render };
