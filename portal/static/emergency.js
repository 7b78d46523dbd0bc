// How long a record stays open: counted by this machine from what the server said. At the end the page asks again, and
// nothing of the record stays on the screen.
(() => {
  "use strict";
  const box = document.getElementById("reste"), said = document.getElementById("bientot");
  const end = performance.now() + 1000 * Number(box.dataset.left), SOON = 300;
  const tick = () => {
    const left = Math.max(0, (end - performance.now()) / 1000);
    document.getElementById("minutes").textContent = Math.ceil(left / 60);
    if (left <= SOON && !said.textContent) said.textContent = said.dataset.soon;
    if (left <= 0) return location.reload();
    setTimeout(tick, Math.min(5000, 1000 * left + 500));
  };
  tick();
})();
