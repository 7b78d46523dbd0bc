// A reply template fills its text at once; without this script a button asks the server for it.
(() => {
  "use strict";
  document.querySelectorAll(".scripted").forEach((place) => { place.hidden = false; });
  document.querySelectorAll("select[data-fill]").forEach((select) => {
    const button = select.parentElement.querySelector("button");
    if (button) button.hidden = true;
    select.addEventListener("change", () => {
      const text = document.getElementById(select.dataset.fill);
      text.value = select.selectedOptions[0].dataset.text ?? "";
      text.focus();
    });
  });
})();

// The order changed while it was looked at (the machine has read on, a colleague acted): a page in which nothing was
// typed loads anew, any other says so; what is typed is never taken away, and never overwrites.
(() => {
  "use strict";
  const place = document.querySelector("[data-number]"), said = document.getElementById("nouvelles");
  let touched = false;
  document.addEventListener("input", () => { touched = true; });
  const stream = new EventSource("/officine/flux");
  stream.addEventListener("order", (event) => {
    const change = JSON.parse(event.data);
    if (change.order !== place.dataset.number || change.version === Number(place.dataset.version)) return;
    if (!touched) { location.reload(); return; }
    said.textContent = said.dataset.changed + " ";
    const link = document.createElement("a");
    link.href = location.pathname;
    link.textContent = said.dataset.reload;
    said.append(link);
  });
  addEventListener("pagehide", () => stream.close());
  document.addEventListener("submit", () => stream.close()); // one's own act: the answer is on its way
})();
