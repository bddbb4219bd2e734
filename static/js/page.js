// page.js keeps clocks running, sends a form once, and fills in what only the
// browser knows. Every page works without it.
(() => {
  "use strict";
  const html = document.documentElement;

  // The server's clock decides, and from there a clock that nobody can set: a phone
  // whose time is wrong, or is set right while the page is open, counts down right.
  let base = Date.now() - performance.now();
  const at = (now, seen) => { if (now) base = now - seen; };
  const sync = el => at(Number(el && el.dataset.now), performance.now());
  const now = () => base + performance.now();
  const two = n => String(n).padStart(2, "0");
  // The page was written half-way between asking and the answer, not when it was read.
  const [nav] = performance.getEntriesByType("navigation");
  at(Number(html.dataset.now), nav && nav.responseStart > 0 ? (nav.requestStart + nav.responseStart) / 2 : performance.now());

  // That clock may stand while a phone sleeps. When the phone's own clock has gone
  // on without it, the server is asked what time it is.
  let ahead = Date.now() - performance.now();
  const slept = async () => {
    const gap = Date.now() - performance.now() - ahead;
    if (Math.abs(gap) < 2000) return;
    ahead += gap;
    document.dispatchEvent(new Event("fq:doubt"));
    try {
      const asked = performance.now(), answer = await fetch("/livez", { method: "HEAD", cache: "no-store" });
      const date = Date.parse(answer.headers.get("Date"));
      // Whole seconds, cut off.
      if (date) at(date + 500, (asked + performance.now()) / 2);
    } catch { /* no signal: the next look tells */ }
  };

  const span = s => (s >= 3600 ? Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) : two(Math.floor(s / 60))) + ":" + two(s % 60);

  // Same figures as the server writes: within a day hours, minutes and seconds.
  const parts = s => {
    const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
    const word = (n, w) => w + (n === 1 ? "" : "s");
    if (d) return [[d, word(d, "day")], [h, word(h, "hour")], [m, word(m, "minute")]];
    const rest = [[m, word(m, "minute")], [two(s % 60), word(s % 60, "second")]];
    return h ? [[h, word(h, "hour")], ...rest] : rest;
  };

  const write = (el, text) => { if (el.textContent !== text) el.textContent = text; };

  // At zero a page asks the server what is true now. Not all at once: thousands
  // of phones reach zero in the same second. Where the server's clock has not come
  // so far, or there was no answer, a part is asked for again, ever more rarely; a
  // page loads itself once.
  const asked = new Map();
  const then = (el, until) => {
    const { then } = el.dataset, key = then + until, t = performance.now();
    const { next, gap } = asked.get(key) || { next: 0, gap: 5000 };
    if (!then || t < next) return;
    const part = then === "fetch" || then === "hold";
    asked.set(key, { next: part ? t + gap : Infinity, gap: Math.min(2 * gap, 40000) });
    setTimeout(() => part ? document.dispatchEvent(new Event("fq:" + then)) : location.reload(), 500 + Math.random() * 2500);
  };

  const tick = () => {
    slept();
    const t = now();
    for (const el of document.querySelectorAll("[data-until],[data-count]")) {
      const until = el.dataset.until || el.dataset.count;
      const s = Math.max(Math.round((Date.parse(until) - t) / 1000), 0);
      if (el.dataset.count) {
        const want = parts(s), have = el.children;
        if (have.length !== want.length) {
          el.replaceChildren(...want.map(() => {
            const box = document.createElement("span");
            box.append(document.createElement("b"), document.createElement("small"));
            return box;
          }));
        }
        want.forEach(([n, w], i) => { write(have[i].children[0], String(n)); write(have[i].children[1], w); });
      } else if (el.tagName === "PROGRESS") {
        el.value = s;
      } else {
        write(el, span(s));
        const box = el.closest("[data-low]");
        if (box) box.classList.toggle("timer-low", s <= Number(box.dataset.low));
      }
      // A page that was loaded after its time does not load itself again and again. Its
      // part is asked for once: a slow network may have brought the page too late.
      if (s === 0 && (el.dataset.then !== "reload" || Date.parse(until) > loaded)) then(el, until);
    }
    // What holds from a moment on, or only up to it.
    for (const el of document.querySelectorAll("[data-from]")) el.hidden = t < Date.parse(el.dataset.from);
    for (const el of document.querySelectorAll("[data-to]")) el.hidden = t >= Date.parse(el.dataset.to);
    for (const el of document.querySelectorAll("[data-left]")) {
      const s = Math.max(Number(el.dataset.left) - Math.floor((performance.now() - started) / 1000), 0);
      write(el, span(s));
      if (s === 0 && !el.dataset.gone) { el.dataset.gone = "1"; location.replace(el.dataset.go || location.href); }
    }
  };
  const started = performance.now();
  const loaded = now();

  // A time on the reader's own clock, where it differs from the event's.
  const local = () => {
    for (const el of document.querySelectorAll("[data-mine]")) {
      const t = new Date(el.dataset.mine);
      const here = t.getFullYear() + "-" + two(t.getMonth() + 1) + "-" + two(t.getDate()) + " " + two(t.getHours()) + ":" + two(t.getMinutes());
      if (here === el.dataset.there) continue;
      const sameDay = here.slice(0, 10) === el.dataset.there.slice(0, 10);
      const day = sameDay ? "" : t.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" }) + ", ";
      el.textContent = "On your clock: " + day + here.slice(11) + ".";
      el.hidden = false;
    }
  };

  // A form is sent once. The server is safe against twice; this saves the wait.
  document.addEventListener("submit", e => {
    const form = e.target;
    // Waiting rooms in other tabs look at once whether they still may show a place.
    if (form.getAttribute("action") === "/sign-out" && window.BroadcastChannel) new BroadcastChannel("fq-line").postMessage({ kind: "out" });
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
    for (const b of form.querySelectorAll("button")) b.setAttribute("aria-disabled", "true");
    setTimeout(() => again(form), 8000);
  });
  const again = form => {
    delete form.dataset.sent;
    for (const b of form.querySelectorAll("button")) b.removeAttribute("aria-disabled");
  };
  // Back brings the page out of the browser's memory as it was left.
  addEventListener("pageshow", e => {
    if (!e.persisted) return;
    document.querySelectorAll("form[data-once]").forEach(again);
    if (document.querySelector("[data-until]")) location.reload();
  });

  document.addEventListener("click", e => {
    const link = e.target.closest("[data-dialog]");
    const dialog = link && document.getElementById(link.dataset.dialog);
    if (dialog && dialog.showModal) { e.preventDefault(); dialog.showModal(); return; }
    if (e.target.closest("[data-print]")) print();
  });

  // A slider and its field say the same.
  document.addEventListener("input", e => {
    const t = e.target;
    if (t.dataset.for) document.getElementById(t.dataset.for).value = t.value;
    else if (t.id) for (const s of document.querySelectorAll("input[data-for]")) if (s.dataset.for === t.id) s.value = t.value;
  });

  const start = () => {
    for (const el of document.querySelectorAll("input[data-for],[data-print]")) el.hidden = false;
    local();
    if ("still" in html.dataset) return; // the gallery
    const again = document.querySelector("[data-refresh]");
    if (again) setTimeout(() => location.reload(), Number(again.dataset.refresh) * 1000);
    tick();
    setInterval(tick, 1000);
  };
  // Trouble stands beside what was true last, never in its place. An answer with
  // an error brings its own words; no answer at all is said by the page.
  const trouble = () => document.getElementById("trouble");
  document.addEventListener("htmx:after:swap", e => {
    const { response } = e.detail.ctx;
    if (trouble() && response && response.status < 400) trouble().replaceChildren();
    local();
    tick();
  });
  const noSignal = () => {
    const words = document.getElementById("offline");
    if (words && trouble() && !trouble().querySelector("[data-offline]")) trouble().replaceChildren(words.content.cloneNode(true));
  };
  document.addEventListener("htmx:error", noSignal);
  addEventListener("offline", noSignal);
  addEventListener("online", tick);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
  window.fq = { sync, now, tick, span };
  start();
})();
