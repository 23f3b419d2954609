// A button with words on it; a click is a message, not state.

function render({ model, el }) {
  const life = new Life(model);
  const button = focusable("button", { type: "button", class: "wb-button" });
  el.classList.add("wb");
  el.append(button);
  life.watch(["label", "disabled", "main", "help"], () => {
    button.textContent = model.get("label");
    button.disabled = model.get("disabled");
    button.title = model.get("help");
    button.classList.toggle("wb-main", model.get("main"));
  });
  life.listen(button, "click", () => model.send({ kind: "click" }));
  return () => life.end();
}

export default { render };
