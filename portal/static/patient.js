// The patient's page follows the pharmacy: each change arrives as an event. What is being written is left alone.
(() => {
  "use strict";
  const place = () => document.getElementById("commandes");
  let connected = false;
  const look = async () => {
    if (place().contains(document.activeElement) && document.activeElement.matches("input, textarea")) return;
    const answer = await fetch(place().dataset.next, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) { if (answer.status === 401) location.reload(); return; }
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("commandes");
    const before = place().querySelector(".big")?.textContent ?? "";
    const open = [...place().querySelectorAll("details[open]")].map((each) => each.id);
    place().replaceChildren(...next.childNodes);
    open.forEach((id) => { const same = id && document.getElementById(id); if (same) same.open = true; });
    const after = place().querySelector(".big")?.textContent ?? "";
    if (after && after !== before) document.getElementById("nouvelles").textContent = after + ".";
  };
  const stream = new EventSource("/p/flux");
  stream.addEventListener("order", look);
  stream.addEventListener("over", () => location.reload());
  stream.onopen = () => { if (connected) look(); connected = true; place().dataset.live = "oui"; };
})();
