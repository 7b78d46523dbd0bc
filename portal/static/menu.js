// The menu of one's account closes as menus do: by Escape, which leaves the focus on its button, or by a click elsewhere.
(() => {
  "use strict";
  const menu = document.querySelector("details.menu");
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
})();
