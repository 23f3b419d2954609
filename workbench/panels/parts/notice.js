// What went wrong, or what was done, in the look of the run bar's strip.

function render({ model, el }) {
  const life = new Life(model);
  const message = make("span", { class: "wb-run-message" });
  const details = make("pre");
  const more = make("details", {}, focusable("summary", {}, "Details"), details);
  const wrong = make("div", { class: "wb-run-strip wb-notice", role: "alert" });
  const done = make("div", { class: "wb-run-strip wb-notice wb-notice-done", role: "status" });
  el.classList.add("wb", "wb-notice-place");
  el.append(wrong, done);
  life.watch(["message", "details", "done"], () => {
    message.textContent = model.get("message");
    details.textContent = model.get("details");
    more.hidden = !model.get("details");
    wrong.hidden = !model.get("message");
    wrong.replaceChildren(...(model.get("message") ? [message, more] : []));
    done.textContent = model.get("message") ? "" : model.get("done");
    done.hidden = !done.textContent;
    el.dataset.empty = String(wrong.hidden && done.hidden);
  });
  return () => life.end();
}

export default { render };
