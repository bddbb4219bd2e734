(() => {
  "use strict";
  if ("still" in document.documentElement.dataset) return; // the gallery
  const byId = id => document.getElementById(id);
  const part = () => byId("hold");
  if (!part()) return;

  const title = document.title;
  const say = text => { if (text) byId("say").textContent = text; };
  const ends = () => Number(part().dataset.ends) || 0;
  const truth = () => part().dataset.state + " " + ends();

  const air = "BroadcastChannel" in window ? new BroadcastChannel("fq-hold") : null;
  const tell = () => { if (air) air.postMessage({ url: part().dataset.url, truth: truth() }); };
  if (air) air.onmessage = ({ data }) => { if (data.url === part().dataset.url && data.truth !== truth()) look(); };

  let warned = 0;
  const tick = () => {
    const until = ends();
    if (!until) return;
    const s = Math.max(Math.round((until - window.fq.now()) / 1000), 0);
    const text = window.fq.span(s) + " – " + title;
    if (document.title !== text) document.title = text;
    const low = Number(part().querySelector("[data-low]").dataset.low);
    if (s > 0 && s <= low && warned !== until) { warned = until; say(part().dataset.warn); }
  };

  let busy = false, again = false, retry = 0;
  const look = () => ask(part().dataset.url);
  const ask = async (url, form) => {
    clearTimeout(retry);
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(url, { method: form ? "POST" : "GET", body: form, headers: { "HX-Request": "true" }, cache: "no-store" });
      if (answer.status === 401 || answer.status === 403 || answer.status === 404) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      show(await answer.text());
      byId("trouble").replaceChildren();
    } catch {
      const words = byId("offline");
      if (words && !byId("trouble").firstChild) byId("trouble").append(words.content.cloneNode(true));
      retry = setTimeout(look, 3000 + Math.random() * 3000);
    } finally {
      busy = false;
      if (again) { again = false; look(); }
    }
  };

  const show = text => {
    const next = new DOMParser().parseFromString(text, "text/html").getElementById("hold");
    if (!next) return location.reload();
    const old = part(), was = truth(), until = ends();
    const same = old.dataset.state === next.dataset.state && old.dataset.ends === next.dataset.ends &&
      !!old.querySelector("[data-extend]") === !!next.querySelector("[data-extend]");
    window.fq.sync(next);
    if (same) {
      if (until && until <= window.fq.now()) retry = setTimeout(look, 1000);
      return;
    }
    const over = next.dataset.title;
    if (old.dataset.state !== next.dataset.state && !over) return location.reload();
    const focused = old.contains(document.activeElement);
    old.replaceWith(next);
    window.fq.tick();
    tick();
    if (over) return gone(over);
    if (Number(next.dataset.ends) > until) say(next.dataset.later);
    if (focused) (next.querySelector("button:not([hidden])") || byId("main")).focus();
    if (truth() !== was) tell();
  };

  const gone = words => {
    document.title = words;
    document.querySelector("h1").textContent = part().dataset.heading;
    for (const el of document.querySelectorAll(".stub-you")) el.classList.replace("stub-you", "stub-blank");
    for (const el of document.querySelectorAll("[data-held]")) el.hidden = true;
    const dialog = byId("give-back");
    if (dialog && dialog.open) dialog.close();
    for (const b of document.querySelectorAll("[data-pay] button")) b.setAttribute("aria-disabled", "true");
    tell();
    if (!document.activeElement.matches("input")) byId("over").scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("submit", e => {
    const form = e.target;
    if (form.matches("[data-pay]") && byId("over")) {
      e.preventDefault();
      byId("over").focus();
    } else if (form.matches("[data-extend]")) {
      e.preventDefault();
      e.stopImmediatePropagation();
      ask(form.action, new URLSearchParams());
    }
  }, true);

  const keep = el => "fq-kept-" + el.dataset.keep + "-" + el.name;
  try {
    if (part().dataset.state === "paid") {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith("fq-kept-")) sessionStorage.removeItem(key);
    }
    for (const el of document.querySelectorAll("[data-keep]")) {
      if (!el.value || !el.hasAttribute("aria-invalid")) el.value = sessionStorage.getItem(keep(el)) || el.value;
      if (el.value && el.closest("details")) el.closest("details").open = true;
      el.addEventListener("input", () => sessionStorage.setItem(keep(el), el.value));
    }
  } catch { /* a browser that keeps nothing */ }

  document.addEventListener("fq:hold", look);
  document.addEventListener("fq:doubt", look);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !byId("over")) look(); });
  addEventListener("online", look);
  addEventListener("pageshow", e => { if (e.persisted) look(); });
  setInterval(() => { if (!document.hidden && ends()) look(); }, 20000);
  setInterval(tick, 1000);
  tick();
  tell();
})();
