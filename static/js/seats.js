// seats.js is what moves where seats are chosen: what others take while one looks,
// what one has marked and what it costs, the way through the map by keyboard, and
// its size. It decides nothing: the form is the same without it, and the server says
// who gets a seat.
(() => {
  "use strict";
  if ("still" in document.documentElement.dataset) return; // the gallery
  const byId = id => document.getElementById(id);
  const svg = byId("seatmap"), house = document.querySelector("[data-free]");
  if (!svg && !house) return;

  // ---- what the server says: a stream while the page is seen, else a question now and then
  const url = location.pathname + "/stream" + (svg ? "?section=" + encodeURIComponent(svg.dataset.section) : "");
  let source = null, timer = 0, fails = 0, sending = false;
  const hear = data => {
    if (sending) return; // What goes now may be going to this very fan.
    const m = JSON.parse(data);
    if (svg) seatsMoved(m); else figures(m.left);
  };
  const poll = async () => {
    clearTimeout(timer);
    if (document.hidden || source && source.readyState === 1) return;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      // Not inside any more: the page itself says what is next.
      if (answer.status === 401 || answer.status === 403) return location.reload();
      if (answer.ok) hear(await answer.text());
    } catch { /* no signal: again later */ }
    timer = setTimeout(poll, 5000 + Math.random() * 3000);
  };
  const listen = () => {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
    if (document.hidden) return;
    if (!window.EventSource) return poll();
    const stream = source = new EventSource(url);
    stream.addEventListener("seats", e => { fails = 0; clearTimeout(timer); hear(e.data); });
    stream.onerror = () => {
      if (stream !== source) return;
      // The browser connects again by itself, unless it was refused.
      if (stream.readyState === 2) setTimeout(() => { if (stream === source) listen(); }, Math.min(60000, 5000 * 2 ** fails++));
      clearTimeout(timer);
      timer = setTimeout(poll, 2000);
    };
  };
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => { if (source) source.close(); source = null; });
  addEventListener("pageshow", e => { sending = false; if (e.persisted) listen(); });

  // ---- the overview: how many are left
  const figures = left => {
    for (const el of document.querySelectorAll("[data-free]")) {
      const n = left[el.dataset.free];
      if (n === undefined) continue;
      const has = /^[\d,]+/.exec(el.textContent), figure = n.toLocaleString("en-GB");
      if (has && has[0] === figure || !has && !n) continue;
      // Whether it is held or sold the next page says; both may come back.
      el.textContent = !n ? "None now" : has ? figure + el.textContent.slice(has[0].length) : figure + ("short" in el.dataset ? "" : " left");
      const link = el.closest("a[aria-label]"); // what is read aloud says the same
      if (link) link.setAttribute("aria-label", link.getAttribute("aria-label").replace(/, (?:[\d,]+ left|None now|All held|Sold out)(?=,)/i, ", " + (n ? figure + " left" : "None now")));
    }
  };
  // What is wider than the screen begins in its middle, where most seats are.
  const middle = (el, x) => { el.scrollLeft = x - el.clientWidth / 2; };
  if (!svg) {
    const map = document.querySelector(".map");
    if (map) middle(map, map.scrollWidth / 2);
    return listen();
  }

  // ---- the seats
  const form = byId("seats"), max = Number(form.dataset.max), box = byId("mapbox");
  const seats = [], rows = [];
  for (const g of svg.querySelectorAll("[role=row]")) {
    const row = { name: g.dataset.row, seats: [], y: 0 };
    for (const el of g.querySelectorAll("[data-n]")) {
      const at = el.closest("foreignObject"), d = { ...g.dataset, ...el.dataset };
      const s = { el, row, n: Number(d.n), x: Number(at.getAttribute("x")), y: Number(at.getAttribute("y")), tier: d.tier, price: Number(d.price), apart: /[wc]/.test(d.mark || ""), own: "own" in el.dataset, opened: "open" in el.dataset };
      const name = el.getAttribute("aria-label").split(";")[0];
      s.base = name;
      s.label = (new RegExp(", seat ([^,]+),").exec(name.slice(name.indexOf(", row "))) || [0, String(s.n + 1)])[1];
      seats[s.n] = s;
      row.seats.push(s);
      row.y += s.y;
    }
    if (!row.seats.length) continue;
    row.y /= row.seats.length;
    // Neighbours follow each other, and no aisle lies between them.
    row.seats.forEach((s, i) => {
      const next = row.seats[i + 1];
      if (next && !("aisle" in s.el.dataset)) { s.next = next; next.prev = s; }
    });
    row.byX = [...row.seats].sort((a, b) => a.x - b.x);
    rows.push(row);
  }
  rows.sort((a, b) => a.y - b.y);
  const free = s => s.el.dataset.state === "f";
  const chosen = () => seats.filter(s => s.el.checked);
  const elsewhere = () => form.querySelectorAll("fieldset input[name=seat_ids]:checked").length;

  const say = text => { byId("seats-said").textContent = text; };
  const list = words => words.length < 2 ? words.join("") : words.slice(0, -1).join(", ") + " and " + words[words.length - 1];
  const words = some => {
    const groups = new Map();
    for (const s of some) groups.set(s.row, [...groups.get(s.row) || [], s.label]);
    const text = [...groups].map(([row, labels]) => "row " + row.name + ", seat" + (labels.length > 1 ? "s " : " ") + list(labels)).join("; ");
    return text.charAt(0).toUpperCase() + text.slice(1);
  };
  const naira = kobo => kobo ? "₦" + (kobo / 100).toLocaleString("en-GB", kobo % 100 ? { minimumFractionDigits: 2 } : {}) : "Free";
  const count = n => n + (n === 1 ? " seat" : " seats");

  // Names of states, after the name of the seat. A seat that goes is not disabled:
  // that would take the focus from whoever stands on it.
  const after = { f: "", h: "; held, may come back", s: "; sold", b: "; not for sale" };
  const dress = (s, state) => {
    s.el.dataset.state = state;
    s.el.disabled = false;
    s.el.setAttribute("aria-disabled", String(state !== "f"));
    s.el.setAttribute("aria-label", s.base + after[state]);
  };

  // ---- would a seat be left alone? The rule of the server, as far as this section shows it.
  const lonely = (s, taken) => {
    if (!s || !free(s) || taken.has(s) || s.apart) return false;
    const beside = [s.prev, s.next].filter(o => o && free(o));
    return beside.length > 0 && beside.every(o => taken.has(o));
  };
  const alone = some => {
    if ("orphans" in form.dataset || some.some(s => s.apart)) return null;
    const taken = new Set(some);
    for (const s of some) for (const o of [s.prev, s.next]) if (lonely(o, taken)) return o;
    return null;
  };
  const run = (first, n) => {
    const out = [];
    for (let s = first; s && out.length < n; s = s.next) out.push(s);
    return out.length === n ? out : null;
  };
  // Every group of n neighbours of these tiers that can be had.
  const runs = (n, tiers, may) => seats.map(s => run(s, n)).filter(r => r && r.every(s => tiers.has(s.tier) && may(s)));
  const orphan = some => {
    const s = alone(some);
    return s && runs(some.length, new Set(some.map(o => o.tier)), o => free(o) && !o.apart).some(r => !alone(r)) ? s : null;
  };

  // ---- what is chosen, and what it costs
  const names = byId("chosen"), total = byId("total"), hold = byId("hold");
  const changing = form.querySelector("input[name=claim]");
  const empty = changing ? ["No seat chosen here", "Tick the seats you want instead.", "Take these instead"] : ["No seat chosen yet", "Tick the seats you want.", "Hold these seats"];
  const put = (el, text) => { if (el.textContent !== text) el.textContent = text; };
  const update = () => {
    const some = chosen(), n = some.length, more = elsewhere();
    if (!n) {
      put(names, empty[0]);
      put(total, more ? count(more) + " in other sections." : empty[1]);
      put(hold, more ? (changing ? "Take these instead" : "Hold " + count(more)) : empty[2]);
      return;
    }
    const s = orphan(some);
    put(names, words(some));
    put(total, count(n) + ", " + naira(some.reduce((sum, o) => sum + o.price, 0)) + (more ? ", and " + more + " in other sections" : "") +
      (s ? ". Seat " + s.label + " would be left alone: move by one, or take it too." : ""));
    put(hold, changing ? "Take " + (n + more === 1 ? "this one" : "these " + (n + more)) + " instead" : "Hold " + count(n + more));
  };
  const mark = (s, on) => { s.el.checked = on; };

  // ---- taps: one seat, or as many neighbours as there are people
  const many = document.createElement("label");
  many.className = "small party";
  if (max > 1) {
    const select = document.createElement("select");
    select.id = "party";
    for (let n = 1; n <= max; n++) select.append(new Option(n === 1 ? "1 seat" : n + " side by side", n));
    many.append("A tap takes ", select);
    form.querySelector(".zoom").append(many);
  }
  const party = () => Number((byId("party") || { value: 1 }).value);
  const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
  const group = (s, n) => {
    const able = runs(n, new Set([s.tier]), o => free(o) && (!o.apart || s.apart)).filter(r => r.includes(s));
    const cost = r => (orphan(r) ? 1000 : 0) + Math.abs(r.indexOf(s) - (n - 1) / 2);
    return able.sort((a, b) => cost(a) - cost(b))[0];
  };
  svg.addEventListener("click", e => {
    const s = seats[e.target.dataset.n];
    if (!s) return;
    rove(s);
    if (!free(s)) {
      e.preventDefault();
      say(s.base + (after[s.el.dataset.state] || ""));
      return;
    }
    const n = party();
    if (!s.el.checked || n < 2) return;
    const others = chosen().filter(o => o !== s), r = group(s, n);
    if (!r) { say("There are no " + n + " free seats side by side here. " + words([s]) + " is chosen."); return; }
    for (const o of others) mark(o, false);
    for (const o of r) mark(o, true);
  });
  form.addEventListener("change", e => {
    const s = seats[e.target.dataset.n];
    if (e.target.id === "party") return;
    if (chosen().length + elsewhere() > max) {
      e.target.checked = false;
      say("You can take up to " + max + ".");
    } else if (s) {
      say("");
    }
    settle();
    update();
  });

  // ---- a seat that somebody else takes: said at once, with the nearest that can be had instead
  let lost = [], kept = [];
  const banner = document.createElement("section");
  banner.className = "bn bn-err mb-4";
  banner.id = "lost";
  banner.hidden = true;
  box.before(banner);
  const instead = () => {
    const all = [...lost, ...kept], n = all.length, tiers = new Set(lost.map(s => s.tier));
    const may = o => free(o) && (!o.el.checked || kept.includes(o)) && (!o.apart || lost.some(s => s.apart));
    const middle = { x: all.reduce((m, s) => m + s.x, 0) / n, y: all.reduce((m, s) => m + s.y, 0) / n };
    const cost = r => (alone(r) ? 1e6 : 0) + r.reduce((sum, s) => sum + far(s, middle), 0);
    // Who had chosen side by side gets side by side, or nothing.
    const beside = n > 1 && all.every(s => all.includes(s.next) || all.includes(s.prev));
    if (beside) return runs(n, new Set(all.map(s => s.tier)), may).sort((a, b) => cost(a) - cost(b))[0];
    const near = seats.filter(o => may(o) && !kept.includes(o) && tiers.has(o.tier)).sort((a, b) => far(a, middle) - far(b, middle)).slice(0, lost.length);
    return near.length === lost.length ? [...kept, ...near] : null;
  };
  const gone = () => {
    const title = words(lost) + (lost.length > 1 ? " have" : " has") + " just gone to somebody else.";
    const alternative = instead(), inner = document.createElement("div"), h = document.createElement("h2"), p = document.createElement("p");
    inner.className = "bn-t";
    h.textContent = title;
    p.textContent = alternative ? "The nearest free now:" : "Nothing equal is free near it. Choose others, or let us find the best that are left.";
    inner.append(h, p);
    if (alternative) {
      const b = document.createElement("button");
      b.type = "button";
      b.className = "btn btn-line mt-2";
      b.textContent = "Take " + words(alternative).replace(/^R/, "r") + " instead";
      b.addEventListener("click", () => {
        for (const s of chosen()) mark(s, alternative.includes(s));
        for (const s of alternative) if (free(s)) mark(s, true);
        banner.hidden = true;
        update();
        rove(alternative[0]);
        alternative[0].el.focus();
        say(words(alternative) + (alternative.length > 1 ? " are" : " is") + " chosen.");
      });
      inner.append(b);
    }
    const icon = document.createElement("div");
    icon.className = "bn-i";
    banner.replaceChildren(icon, inner);
    still(() => { banner.hidden = false; });
    say(title + (alternative ? " The nearest free now: " + words(alternative) + "." : ""));
  };
  // What appears above the map does not push it away under a finger.
  const still = change => {
    const top = box.getBoundingClientRect().top;
    change();
    const moved = box.getBoundingClientRect().top - top;
    if (moved && top < 0) scrollBy(0, moved);
  };
  const settle = () => { if (!banner.hidden && !instead()) banner.hidden = true; };

  const seatsMoved = m => {
    const before = chosen(), went = [];
    const set = (n, state) => {
      const s = seats[n];
      if (!s) return;
      // What a code opened to this fan is not for sale to the others, for whom the message is.
      if (s.opened && state === "b") state = "f";
      if (s.own && (state === "h" || state === "f")) state = "f";
      if (s.el.dataset.state === state && s.el.hasAttribute("aria-disabled")) return;
      dress(s, state);
      if (state !== "f" && s.el.checked) { mark(s, false); went.push(s); }
    };
    if (m.all) for (let n = 0; n < m.all.length; n++) set(n, m.all[n]);
    for (const [n, state] of m.c || []) set(n, state);
    if (went.length) {
      lost = went;
      kept = before.filter(s => s.el.checked);
      gone();
    } else if (!banner.hidden && lost.length) {
      // What was offered may have gone too.
      const offer = banner.querySelector("button"), now = instead();
      if (offer && (!now || !offer.textContent.includes(words(now).slice(1)))) gone();
    }
    update();
  };

  // ---- the way by keyboard: one stop, and from there by place
  let here = null;
  const rove = s => {
    if (here) here.el.tabIndex = -1;
    here = s;
    s.el.tabIndex = 0;
  };
  const nearest = (row, x) => row && row.seats.reduce((a, b) => Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a);
  svg.addEventListener("focusin", e => { const s = seats[e.target.dataset.n]; if (s) rove(s); });
  svg.addEventListener("keydown", e => {
    const s = seats[e.target.dataset.n];
    if (!s || e.altKey || e.metaKey) return;
    const line = s.row.byX, i = line.indexOf(s), r = rows.indexOf(s.row), end = e.ctrlKey;
    const to = {
      ArrowLeft: () => line[i - 1], ArrowRight: () => line[i + 1],
      ArrowUp: () => nearest(rows[r - 1], s.x), ArrowDown: () => nearest(rows[r + 1], s.x),
      Home: () => (end ? rows[0] : s.row).byX[0], End: () => (end ? rows[rows.length - 1] : s.row).byX.slice(-1)[0],
      PageUp: () => nearest(rows[Math.max(r - 5, 0)], s.x), PageDown: () => nearest(rows[Math.min(r + 5, rows.length - 1)], s.x),
    }[e.key];
    if (e.key === "Enter") { e.preventDefault(); s.el.click(); return; }
    if (!to) return;
    e.preventDefault();
    const next = to();
    if (next) { rove(next); next.el.focus(); }
  });

  // ---- size: buttons, two fingers, the wheel with Ctrl, two taps
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  let scale = Number(svg.getAttribute("width")) / width;
  const placeAt = (x, y) => { const r = svg.getBoundingClientRect(); return { x: (x - r.left) / scale, y: (y - r.top) / scale }; };
  // zoom makes the map larger or smaller and keeps the place that was there at a point of the screen.
  const zoom = (to, x, y, place = placeAt(x, y)) => {
    const was = scale;
    scale = Math.min(Math.max(to, Math.min(1, box.clientWidth / width)), 3);
    if (scale === was) return;
    svg.setAttribute("width", Math.round(width * scale));
    svg.setAttribute("height", Math.round(height * scale));
    const now = placeAt(x, y);
    box.scrollBy((place.x - now.x) * scale, (place.y - now.y) * scale);
    // A map that is not yet as high as its box may be grows downwards: the page makes up for it.
    scrollBy(0, (place.y - placeAt(x, y).y) * scale);
  };
  for (const b of document.querySelectorAll("[data-zoom]")) {
    b.addEventListener("click", e => {
      e.preventDefault();
      const r = box.getBoundingClientRect(), top = scrollY;
      zoom(scale + (b.dataset.zoom === "in" ? 0.5 : -0.5), r.left + r.width / 2, r.top + r.height / 2);
      scrollTo(scrollX, top); // the button stays under the finger
    });
  }
  box.addEventListener("wheel", e => {
    if (!e.ctrlKey) return;
    e.preventDefault();
    zoom(scale * Math.exp(-e.deltaY / 300), e.clientX, e.clientY);
  }, { passive: false });
  let pinch = null; // how far the fingers were apart at a scale of 1, and the place between them
  const fingers = t => ({ apart: Math.hypot(t[0].clientX - t[1].clientX, t[0].clientY - t[1].clientY),
    x: (t[0].clientX + t[1].clientX) / 2, y: (t[0].clientY + t[1].clientY) / 2 });
  box.addEventListener("touchstart", e => {
    pinch = null;
    if (e.touches.length !== 2) return;
    const f = fingers(e.touches);
    pinch = { apart: f.apart / scale, place: placeAt(f.x, f.y) };
  }, { passive: true });
  box.addEventListener("touchmove", e => {
    if (!pinch || e.touches.length !== 2) return;
    e.preventDefault();
    const f = fingers(e.touches);
    zoom(f.apart / pinch.apart, f.x, f.y, pinch.place);
  }, { passive: false });
  box.addEventListener("dblclick", e => { if (!e.target.closest("label")) zoom(scale < 2 ? scale + 1 : 1, e.clientX, e.clientY); });
  // A mouse drags the map; fingers scroll it.
  let drag = null;
  box.addEventListener("pointerdown", e => {
    if (e.pointerType === "mouse" && e.button === 0 && !e.target.closest("label")) drag = { x: e.clientX + box.scrollLeft, y: e.clientY + box.scrollTop };
  });
  addEventListener("pointermove", e => { if (drag) box.scrollTo(drag.x - e.clientX, drag.y - e.clientY); });
  addEventListener("pointerup", () => { drag = null; });

  document.addEventListener("submit", e => {
    if (e.target.method !== "post") return;
    sending = true;
    setTimeout(() => { if (sending) { sending = false; listen(); } }, 8000);
  });

  for (const s of seats) { dress(s, s.el.dataset.state); s.el.tabIndex = -1; }
  const at = chosen()[0];
  middle(box, at ? at.x * scale : width * scale / 2);
  rove(at || seats.find(free) || seats[0]);
  update();
  listen();
})();
