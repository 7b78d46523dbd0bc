// A tap writes what it says into its field. Without this script the field is typed, with the same words as suggestions.
(() => {
  "use strict";
  document.querySelectorAll(".scripted").forEach((place) => { place.hidden = false; });
  document.querySelectorAll("button[data-into]").forEach((button) => button.addEventListener("click", () => {
    document.getElementById(button.dataset.into).value = button.value;
    document.querySelectorAll('button[data-into="' + button.dataset.into + '"]').forEach((each) => {
      each.setAttribute("aria-pressed", String(each === button));
    });
  }));
})();
