// waiting.js keeps the waiting room true: it listens to the line (one event a
// tick, the same for everybody, the page subtracts) and asks the server for its
// own part when something concerns it. When the stream cannot be had it asks
// as often as the server says. It never decides anything.
(() => {
  "use strict";
  const live = () => document.getElementById("live");
  const byId = id => document.getElementById(id);
  const figure = n => Number(n).toLocaleString("en-GB");

  let source = null, fails = 0, timer = 0, busy = false, serving = 0, spoke = 0, said = "", streaming = false, refused = 0;

  // ---- speaking: at once when the state changes, else at most every 30 s
  const say = (text, urgent) => {
    if (!text || text === said) return;
    said = text;
    spoke = Date.now();
    byId(urgent ? "say-now" : "say").textContent = text;
  };

  const show = (el, text) => {
    if (!el || el.textContent === text) return;
    el.textContent = text;
    el.classList.remove("changed");
    void el.offsetWidth;
    el.classList.add("changed");
  };

  // ---- the fan's own part, from the server
  const fetchPart = async () => {
    const el = live();
    if (!el || busy) return;
    busy = true;
    try { await htmx.ajax("GET", el.dataset.url, { source: el, target: "#live", swap: "outerMorph" }); } finally {
      busy = false;
      plan();
    }
  };

  // With a stream one look a minute is enough (the estimate, what is left);
  // without it, as often as the server asks for. Never all at the same moment.
  const plan = () => {
    clearTimeout(timer);
    const el = live();
    if (!el || !el.dataset.stream) return;
    const poll = Number(el.dataset.poll) || 5000;
    // Another turn does not follow from the numbers that are called: ask for it.
    const again = el.dataset.status === "waiting" && !Number(el.dataset.behind);
    const wait = streaming && !again ? Math.max(poll, 60000) : poll;
    timer = setTimeout(fetchPart, wait * (0.85 + Math.random() * 0.3));
  };

  const soon = () => { clearTimeout(timer); timer = setTimeout(fetchPart, Math.random() * 400); };

  // ---- what a new part means for the rest of the page
  let status = live() && live().dataset.status, state = live() && live().dataset.state;
  const settle = () => {
    const el = live();
    if (!el) return;
    window.fq.sync(el);
    document.title = el.dataset.title;
    document.body.classList.toggle("turn", "turn" in el.dataset);
    serving = Math.max(serving, Number(el.dataset.serving));
    if (el.dataset.status !== status || el.dataset.state !== state) {
      const called = el.dataset.status === "called" && status !== "called";
      status = el.dataset.status;
      state = el.dataset.state;
      say(el.dataset.say, called);
      if (called) scrollTo(0, 0);
    } else if (Date.now() - spoke > 30000) {
      say(el.dataset.say);
    }
    const dialog = byId("leave");
    if (dialog && dialog.open && (status === "called" || status === "inside")) dialog.close();
    if (!el.dataset.stream) stop();
    else if (!source && Date.now() > refused) listen();
  };

  document.addEventListener("htmx:after:swap", settle);

  // ---- the stream
  const onServing = e => {
    let tick;
    try { tick = JSON.parse(e.data); } catch { return; }
    const el = live();
    if (!el) return;
    fails = 0;
    serving = Math.max(serving, Number(tick.serving) || 0);
    if (tick.state && tick.state !== el.dataset.state) { soon(); return; }
    const behind = Number(el.dataset.behind);
    if (el.dataset.status !== "waiting") return;
    show(byId("serving"), figure(serving));
    if (!behind) return;
    const ahead = Math.max(behind - serving, 0);
    show(byId("ahead"), figure(ahead));
    const bar = byId("line");
    if (bar) { bar.value = serving; bar.setAttribute("aria-label", "The line: number " + figure(serving) + " has been called. " + figure(ahead) + " are ahead of you."); }
    document.title = document.title.replace(/^[\d,]+ ahead/, figure(ahead) + " ahead");
    if (Date.now() - spoke > 30000) say(figure(ahead) + " ahead of you.");
    if (serving > behind) soon();
  };

  const onNotice = e => {
    let note;
    try { note = JSON.parse(e.data); } catch { return; }
    const shown = byId("message");
    if ((note.message || "") !== (shown ? shown.textContent : "")) soon();
  };

  const listen = () => {
    const el = live();
    if (!el || !el.dataset.stream || !window.EventSource) return;
    source = new EventSource(el.dataset.stream);
    source.onopen = () => { if (!streaming) { streaming = true; if (fails) soon(); else plan(); } };
    source.onerror = () => {
      // The browser connects again by itself. Until it has, ask.
      if (streaming) { streaming = false; plan(); }
      fails++;
      if (source && (source.readyState === 2 || fails > 5)) {
        // Refused: asking is enough for a while, and the next part that comes tries again.
        stop();
        refused = Date.now() + 60000 + Math.random() * 60000;
      }
    };
    source.addEventListener("serving", onServing);
    source.addEventListener("notice", onNotice);
    source.addEventListener("turn", soon);
  };

  const stop = () => {
    if (source) source.close();
    source = null;
    if (streaming) { streaming = false; plan(); }
  };

  document.addEventListener("fq:fetch", soon);
  addEventListener("online", soon);
  // A phone that slept may have missed its turn: look at once.
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hidden = Date.now();
    else if (Date.now() - hidden > 10000) soon();
  });
  addEventListener("pagehide", () => { if (source) source.close(); source = null; streaming = false; });
  addEventListener("pageshow", e => { if (e.persisted) { listen(); soon(); } });

  settle();
  plan();
})();
