(() => {
  "use strict";
  const live = () => document.getElementById("live");
  const byId = id => document.getElementById(id);
  const figure = n => Number(n).toLocaleString("en-GB");

  let serving = 0, highest = 0, heardState = "", doubts = 0;
  let timer = 0, due = 0, busy = false, asked = false, out = false, failed = false, fetched = 0;
  let spoke = 0, said = "", told = "";

  const say = (text, urgent) => {
    if (!text || text === said) return;
    said = text;
    spoke = Date.now();
    byId(urgent ? "say" : "say-now").textContent = "";
    byId(urgent ? "say-now" : "say").textContent = text;
  };
  const figures = text => /^\d/.test(text);
  const tellState = urgent => { told = live().dataset.say; say(told, urgent); };

  const show = (el, text) => {
    if (!el || el.textContent === text) return;
    el.textContent = text;
    el.classList.remove("changed");
    void el.offsetWidth;
    el.classList.add("changed");
  };

  const count = () => {
    const el = live();
    if (el.dataset.status !== "waiting") return;
    show(byId("serving"), figure(serving));
    const behind = Number(el.dataset.behind);
    if (!behind) return;
    const ahead = figure(Math.max(behind - serving, 0));
    show(byId("ahead"), ahead);
    const nth = Math.max(behind - serving, 0) + 1;
    show(byId("place"), figure(nth) + (nth % 100 - nth % 10 !== 10 && ["", "st", "nd", "rd"][nth % 10] || "th"));
    show(byId("now"), figure(serving) + " now");
    const bar = byId("line");
    if (bar) { bar.value = serving; bar.setAttribute("aria-label", "The line: number " + figure(serving) + " has been called. " + ahead + " are ahead of you."); }
    document.title = document.title.replace(/^[\d,]+ ahead/, ahead + " ahead");
    if (figures(told) && Date.now() - spoke > 30000) say(ahead + " ahead of you.");
  };

  const fetchPart = async () => {
    const el = live();
    clearTimeout(timer);
    timer = 0;
    if (!el || out) return;
    if (busy) { asked = true; return; }
    busy = true;
    asked = false;
    fetched = Date.now();
    try {
      await htmx.ajax("GET", el.dataset.url, { source: el, target: "#live", swap: "outerMorph", headers: { "FQ-Part": el.dataset.part || "" } });
    } finally {
      busy = false;
      if (asked) soon(); else plan();
    }
  };

  document.addEventListener("htmx:after:request", e => {
    const { status, headers } = e.detail.ctx.response;
    const el = live();
    if (status === 401) return signedOut();
    if (status >= 400) return;
    if (failed) { failed = false; fails = 0; if (leads || !shares) connect(); }
    if (status !== 204 || !el) return;
    el.dataset.serving = headers.get("FQ-Serving");
    el.dataset.poll = headers.get("FQ-Poll");
    el.dataset.now = headers.get("FQ-Now");
    byId("trouble").replaceChildren();
    settle();
  });
  document.addEventListener("htmx:after:swap", () => settle());
  document.addEventListener("htmx:error", () => {
    failed = true;
    if (source) { close(); later(); }
  });

  const at = (wait, keep) => {
    if (keep && timer && due <= Date.now() + wait) return;
    clearTimeout(timer);
    due = Date.now() + wait;
    timer = setTimeout(fetchPart, wait);
  };
  const plan = () => {
    const el = live();
    if (!el || out || !el.dataset.stream) { clearTimeout(timer); return; }
    const poll = Number(el.dataset.poll) || 5000;
    const behind = Number(el.dataset.behind);
    const again = el.dataset.status === "waiting" && !behind;
    let wait = hearing && !again && !("money" in el.dataset) ? Math.max(poll, 60000) : poll;
    if (doubts && doubts < 6) wait = Math.min(wait, 1500);
    at(wait * (0.85 + Math.random() * 0.3));
  };
  const soon = (spread = 400) => at(Math.random() * spread, true);
  const sometime = (least = 0) => {
    const spread = Math.min(Math.max(Number(live().dataset.crowd) / 10, 400), 5000);
    at(Math.max(fetched + least - Date.now(), 0) + Math.random() * spread, true);
  };

  let status = live() && live().dataset.status, state = live() && live().dataset.state;
  const settle = () => {
    const el = live();
    if (!el || out) return;
    window.fq.sync(el);
    serving = Number(el.dataset.serving) || 0;
    const behind = Number(el.dataset.behind);
    const less = el.dataset.status === "waiting" && behind && highest > behind && serving <= behind;
    doubts = less || (heardState && heardState !== el.dataset.state) ? doubts + 1 : 0;
    if (!doubts || doubts > 5) { highest = 0; heardState = ""; }
    document.title = el.dataset.title;
    document.body.classList.toggle("turn", "turn" in el.dataset);
    if (el.dataset.status !== status || el.dataset.state !== state) {
      const called = el.dataset.status === "called" && status !== "called";
      status = el.dataset.status;
      state = el.dataset.state;
      tellState(called);
      if (called) { scrollTo(0, 0); alarm(); }
    } else if (el.dataset.say !== told && !(figures(told) && figures(el.dataset.say)) || Date.now() - spoke > 30000) {
      tellState();
    }
    count();
    const dialog = byId("leave");
    if (dialog && dialog.open && (status === "called" || status === "inside")) dialog.close();
    offer();
    if (el.dataset.stream) listen(); else stop();
  };

  const signedOut = () => {
    out = true;
    stop();
    clearTimeout(timer);
    document.title = "Signed out – FairQueue";
    document.body.classList.remove("turn");
    byId("trouble").replaceChildren();
    say("You are signed out. Your place is kept.", true);
  };

  const hear = {
    serving(data) {
      const el = live(), tick = JSON.parse(data), n = Number(tick.serving) || 0;
      if (!el) return;
      if (tick.state && tick.state !== el.dataset.state) { heardState = tick.state; sometime(); return; }
      if (el.dataset.status !== "waiting") return;
      const behind = Number(el.dataset.behind);
      if (n < serving) {
        if (Date.now() - fetched > 1500) soon();
        return;
      }
      if (tick.rate && n - serving > 2 * tick.rate + 1000 || n > serving && tick.state !== "open") sometime();
      serving = n;
      highest = Math.max(highest, n);
      count();
      if (behind && serving > behind && Date.now() - fetched > 1000) soon();
    },
    notice(data) {
      const note = JSON.parse(data), shown = byId("message");
      if (shown && note.message) show(shown, note.message);
      else if ((note.message || "") !== (shown ? shown.textContent : "")) sometime();
      const none = new Set((note.low_stock || []).filter(t => !t.left).map(t => t.tier));
      const kinds = [...document.querySelectorAll("#live .tiers-live > li")];
      if (kinds.some((li, i) => li.classList.contains("is-out") !== none.has(i))) sometime(10000);
    },
    turn() { if (live() && live().dataset.status !== "called") fetchPart(); },
  };
  const heard = (kind, data) => { try { hear[kind](data); } catch { /* not what we know: the next answer tells */ } };

  const shares = "locks" in navigator && "BroadcastChannel" in window;
  let source = null, air = null, hearing = false, leads = false, wants = false, give = null, waits = null, fails = 0, retry = 0, answered = 0;

  const hears = yes => { if (hearing !== yes) { hearing = yes; plan(); } };
  const tell = (kind, data) => { if (air && leads) air.postMessage({ event: live() && live().dataset.event, kind, data }); };

  const close = () => {
    clearTimeout(retry);
    if (source) { source.close(); source = null; tell("shut"); }
    hears(false);
  };
  const later = () => {
    clearTimeout(retry);
    retry = setTimeout(connect, Math.min(60000, 2000 * 2 ** fails++) * (0.5 + Math.random() / 2));
  };
  const connect = () => {
    clearTimeout(retry);
    const el = live();
    if (source || out || !wants || !el || !el.dataset.stream) return;
    const stream = source = new EventSource(el.dataset.stream);
    stream.onopen = () => {
      const cut = fails > 0 || failed;
      fails = 0;
      tell("open");
      hears(true);
      if (cut) soon(2000);
    };
    stream.onerror = () => {
      if (stream !== source) return;
      tell("shut");
      hears(false);
      if (stream.readyState === 2) { close(); later(); } else failed = true;
    };
    for (const kind of Object.keys(hear)) stream.addEventListener(kind, e => { tell(kind, e.data); heard(kind, e.data); });
  };

  const lead = async steal => {
    if (waits && !steal) return;
    if (waits) waits.abort();
    const mine = waits = new AbortController();
    try {
      await navigator.locks.request("fq-stream", steal ? { steal } : { signal: mine.signal }, () => new Promise(done => {
        if (mine !== waits || !wants) return done();
        give = done;
        leads = true;
        connect();
      }));
    } catch { /* given up, or taken by a tab that is seen while this one slept */ }
    if (mine !== waits) return;
    close();
    leads = false;
    give = waits = null;
    if (wants) lead();
  };

  const ask = () => {
    if (!air || leads || !wants) return;
    const since = Date.now();
    air.postMessage({ kind: "who" });
    setTimeout(() => { if (wants && !leads && !document.hidden && answered < since) lead(true); }, 2000);
  };

  const listen = () => {
    if (wants || out || !window.EventSource || !live() || !live().dataset.stream) return;
    wants = true;
    if (!shares) { if (!document.hidden) connect(); return; }
    air = new BroadcastChannel("fq-line");
    air.onmessage = ({ data: m }) => {
      if (m.kind === "who") { if (leads) tell(hearing ? "open" : "shut"); return; }
      if (m.kind === "out") { at(1500); return; }
      answered = Date.now();
      if (leads) return;
      if (m.event !== (live() && live().dataset.event)) { hears(false); return; }
      hears(m.kind !== "shut");
      if (m.kind in hear) heard(m.kind, m.data);
    };
    lead();
    ask();
  };

  const stop = () => {
    wants = false;
    close();
    if (give) give(); else if (waits) waits.abort();
    leads = false;
    give = waits = null;
    if (air) { air.close(); air = null; }
  };

  const on = () => { try { return localStorage.fqAlert === "1"; } catch { return false; } };
  let audio = null;
  const wake = () => {
    const Audio = window.AudioContext || window.webkitAudioContext;
    if (Audio) { audio = audio || new Audio(); audio.resume(); }
  };
  const tone = () => {
    wake();
    if (!audio) return;
    [0, 0.25, 0.5].forEach(at => {
      const o = audio.createOscillator(), g = audio.createGain(), t = audio.currentTime + at;
      o.frequency.value = at === 0.5 ? 1175 : 880;
      g.gain.setValueAtTime(0.25, t);
      g.gain.exponentialRampToValueAtTime(0.001, t + 0.22);
      o.connect(g).connect(audio.destination);
      o.start(t);
      o.stop(t + 0.24);
    });
  };
  const note = async () => {
    const el = live();
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    const [title, ...rest] = el.dataset.title.split(" – ");
    const options = { body: rest[0] + ". " + el.dataset.say, tag: "fq-" + el.dataset.event, icon: alertBox.icon, requireInteraction: true, data: { url: location.pathname } };
    try { await (await navigator.serviceWorker.register(alertBox.worker)).showNotification(title, options); } catch { new Notification(title, options).onclick = () => window.focus(); }
  };
  const ring = () => {
    tone();
    setTimeout(tone, 1500);
    if (navigator.vibrate) navigator.vibrate([300, 150, 300]);
    note().catch(() => {});
  };
  let alertBox = {};
  const alarm = () => {
    if (!on()) return;
    if (shares) navigator.locks.request("fq-alarm", { ifAvailable: true }, lock => lock && new Promise(done => { ring(); setTimeout(done, 5000); }));
    else ring();
  };
  const offer = () => {
    const box = byId("alert");
    if (!box) return;
    alertBox = { ...box.dataset };
    box.hidden = false;
    const blocked = "Notification" in window && Notification.permission === "denied";
    byId("alert-set").textContent = on() ? "Stop the alert" : "Alert me on this device";
    byId("alert-say").textContent = !on() ? "A sound, and a note if you allow it, as long as this page is open."
      : blocked ? "On, with a sound only: notes are blocked in your browser. Keep this page open; you may use other tabs."
      : "On. Keep this page open; you may use other tabs and lock your phone.";
  };
  document.addEventListener("click", async e => {
    if (!e.target.closest("#alert-set")) { if (on()) wake(); return; }
    try { localStorage.fqAlert = on() ? "" : "1"; } catch { return; }
    if (on()) {
      tone(); // How it sounds; and a browser lets a page sound only after a touch.
      if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
      if (navigator.serviceWorker) navigator.serviceWorker.register(alertBox.worker).catch(() => {});
    }
    offer();
    say(byId("alert-say").textContent);
  });
  document.addEventListener("change", e => {
    const form = e.target.closest("#wishes form");
    if (form) form.setAttribute("hx-morph-skip", "");
  });

  document.addEventListener("fq:fetch", () => fetchPart());
  addEventListener("online", () => {
    if (source) close();
    fails = 0;
    if (leads || (!shares && !document.hidden)) retry = setTimeout(connect, Math.random() * 2000);
    soon(1000);
  });
  addEventListener("offline", () => { failed = true; if (source) hears(false); });
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      hidden = Date.now();
      if (!shares) close();
      return;
    }
    if (Date.now() - hidden > 10000) soon();
    if (!shares) connect();
    ask();
  });
  addEventListener("pagehide", stop);
  addEventListener("pageshow", e => { if (e.persisted) { listen(); soon(); } });

  settle();
  plan();
})();
