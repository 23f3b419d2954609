// Yes or no.

function render({ model, el }) {
  const life = new Life(model);
  const box = focusable("input", { id: freshId("toggle"), type: "checkbox" });
  const { label } = frameField(model, el, life, box);
  label.before(box);
  el.classList.add("wb-toggle");
  life.watch(["value", "disabled"], () => {
    box.checked = model.get("value");
    box.disabled = model.get("disabled");
  });
  life.listen(box, "change", () => {
    model.set("value", box.checked);
    model.save_changes();
  });
  return () => life.end();
}

export default { render };
