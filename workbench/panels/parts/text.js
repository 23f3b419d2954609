// A line of text: a path, a list of numbers.

function render({ model, el }) {
  const life = new Life(model);
  const input = focusable("input", {
    id: freshId("text"), type: "text", autocomplete: "off", spellcheck: "false",
  });
  frameField(model, el, life, input, { below: [input] });
  life.watch(["value", "placeholder", "disabled"], () => {
    if (document.activeElement !== input) input.value = model.get("value");
    input.placeholder = model.get("placeholder");
    input.disabled = model.get("disabled");
  });
  const typed = () => {
    model.set("value", input.value.trim());
    model.save_changes();
  };
  life.listen(input, "change", typed);
  life.listen(input, "keydown", (event) => {
    if (event.key === "Enter") typed();
  });
  return () => life.end();
}

export default { render };
