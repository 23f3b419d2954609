// The head of a folded section. The body is the next box; CSS hides it while `data-open` is unset,
// so that folding needs no answer from the kernel.

function render({ model, el }) {
  const life = new Life(model);
  const button = focusable("button", { type: "button", class: "wb-more-button" });
  el.classList.add("wb");
  el.append(button);
  life.watch(["label", "unfolded"], () => {
    const open = model.get("unfolded");
    button.textContent = model.get("label");
    button.setAttribute("aria-expanded", String(open));
    el.dataset.open = String(open);
  });
  life.listen(button, "click", () => {
    model.set("unfolded", !model.get("unfolded"));
    model.save_changes();
  });
  return () => life.end();
}

export default { render };
