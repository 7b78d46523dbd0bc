// The open board: each commit that changes an order arrives as an event with its card. Without this script the page
// reloads itself. Sound and single-key shortcuts can be switched off, and stay off on this post.
(() => {
  "use strict";
  const board = document.getElementById("tableau"), line = document.getElementById("nouvelles");
  const title = document.title;
  const cards = () => [...board.querySelectorAll("[data-order]")];
  const card = (number) => board.querySelector('[data-order="' + CSS.escape(number) + '"]');
  const kept = (name, fallback) => localStorage.getItem("pli." + name) ?? fallback;
  let fresh = 0, connected = false, audio = null;

  const say = (text) => { line.className = "notice"; line.textContent = text; };

  const ring = () => {
    if (kept("son", "non") !== "oui") return;
    audio ??= new AudioContext();
    [0, 0.18].forEach((at, step) => {
      const tone = audio.createOscillator(), gain = audio.createGain(), when = audio.currentTime + at;
      tone.frequency.value = step ? 880 : 660;
      gain.gain.setValueAtTime(0.2, when);
      gain.gain.exponentialRampToValueAtTime(0.001, when + 0.3);
      tone.connect(gain).connect(audio.destination);
      tone.start(when);
      tone.stop(when + 0.3);
    });
  };

  const recount = () => board.querySelectorAll("[data-key]").forEach((column) => {
    const count = column.querySelectorAll("[data-order]").length;
    column.querySelector("[data-count]").textContent = count;
    column.querySelector(".empty").hidden = count > 0;
    board.querySelector('[data-jump="' + column.dataset.key + '"] span').textContent = count;
  });

  // Oldest first, as the page was made; the focus stays where it was.
  const place = (change) => {
    const old = card(change.order), held = document.activeElement;
    const tag = old && old.contains(held) ? held.tagName.toLowerCase() : "";
    if (!change.html) { if (old) old.remove(); recount(); return; }
    const next = new DOMParser().parseFromString(change.html, "text/html").querySelector("[data-order]");
    const column = board.querySelector('[data-key="' + change.column + '"]');
    if (old && old.dataset.column === change.column) old.replaceWith(next);
    else { if (old) old.remove(); column.querySelector(".empty").before(next); }
    if (tag) (next.querySelector(tag) ?? next.querySelector("a")).focus();
    recount();
    return old;
  };

  const heard = (change) => {
    const before = place(change);
    if (change.new && !before) {
      fresh += 1;
      say(fresh > 1 ? fresh + " " + line.dataset.many : line.dataset.one);
      document.title = "(" + fresh + ") " + title;
      ring();
    } else if (change.alarm) {
      say(line.dataset.word + " " + change.order + " : " + change.alarm);
      ring();
    }
  };

  // After a break something may have been missed: the whole board is asked for again.
  const reload = async () => {
    const answer = await fetch(board.dataset.next, { credentials: "same-origin", cache: "no-store" });
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("tableau");
    const known = new Set(cards().map((each) => each.dataset.order));
    board.replaceChildren(...page.childNodes);
    const missed = cards().filter((each) => !known.has(each.dataset.order) && each.dataset.column === "recues");
    missed.forEach((each) => heard({ new: true, order: each.dataset.order, html: each.outerHTML, column: "recues" }));
  };

  const listen = () => {
    const stream = new EventSource(board.dataset.flux);
    stream.addEventListener("order", (event) => heard(JSON.parse(event.data)));
    stream.addEventListener("over", () => location.reload());
    stream.onopen = () => { if (connected) reload(); connected = true; board.dataset.live = "oui"; live(true); };
    stream.onerror = () => {
      board.dataset.live = "non";
      live(false);
      if (stream.readyState === EventSource.CLOSED) setTimeout(again, 5000);
    };
  };

  // Whoever looks at a board that stands still is told so; a moment's break is nobody's business.
  let told = 0;
  const live = (is) => {
    const cut = document.getElementById("coupe");
    if (!is) { told = told || setTimeout(() => { cut.hidden = false; }, 3000); return; } // not anew at each attempt
    clearTimeout(told);
    told = 0;
    cut.hidden = true;
  };

  // The page is kept while a server or what stands before it is away: a reload would lose it for good.
  const again = async () => {
    const answer = await fetch(board.dataset.next, { credentials: "same-origin", cache: "no-store" }).catch(() => null);
    if (answer && answer.status === 401) location.reload(); else listen();
  };

  const ages = () => board.querySelectorAll("[data-since]").forEach((place) => {
    const waited = Math.max(0, Date.now() - Number(place.dataset.since)) / 60000, shown = place.querySelector(".age");
    const said = (words, count) => words.replace("%(count)s", Math.floor(count));
    const text = waited < 1 ? line.dataset.now : waited < 60 ? said(line.dataset.minutes, waited)
      : waited < 1440 ? said(line.dataset.hours, waited / 60) : null;
    const level = waited < 15 ? "fresh" : waited < 60 ? "waiting" : "late";
    if (text) shown.lastChild.textContent = text;
    shown.className = "age " + level;
    place.closest(".card").classList.remove("fresh", "waiting", "late");
    place.closest(".card").classList.add(level);
  });

  const toggle = (name, fallback) => {
    const button = document.getElementById(name);
    const show = () => button.setAttribute("aria-pressed", String(kept(name, fallback) === "oui"));
    button.addEventListener("click", () => {
      localStorage.setItem("pli." + name, kept(name, fallback) === "oui" ? "non" : "oui");
      show();
      if (name === "son") ring();
    });
    show();
  };

  const step = (by) => {
    const all = cards(), at = all.indexOf(document.activeElement.closest("[data-order]"));
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    if (next) { next.querySelector("a").focus(); next.scrollIntoView({ block: "nearest" }); }
  };

  document.addEventListener("keydown", (event) => {
    if (kept("raccourcis", "oui") !== "oui" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.closest("input, textarea, select")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "p") {
      const ready = document.activeElement.closest("[data-order]")?.querySelector('button[data-to="ready"]');
      if (ready) ready.click();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) { fresh = 0; document.title = title; ages(); }
  });

  document.querySelector(".tools").hidden = false;
  toggle("son", "non");
  toggle("raccourcis", "oui");
  setInterval(ages, 30000);
  listen();
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
