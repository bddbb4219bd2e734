(() => {
  "use strict";
  const box = document.getElementById("check");
  if (!box) return;
  const el = id => document.getElementById(id);
  const page = box.dataset;
  const figure = n => Number(n).toLocaleString("en-GB");
  const ROUNDS = 90;

  const utf8 = s => new TextEncoder().encode(s);
  const hex = b => Array.from(b, x => x.toString(16).padStart(2, "0")).join("");
  const digest = h => (/^[0-9a-f]{64}$/.test(h) ? Uint8Array.from(h.match(/../g), x => parseInt(x, 16)) : new Uint8Array());
  const base64 = s => Uint8Array.from(atob(s.replace(/-/g, "+").replace(/_/g, "/")), c => c.charCodeAt(0));
  const same = (a, b) => a.length === 32 && hex(a) === hex(b);
  const sha = async (...parts) => {
    const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) { all.set(p, at); at += p.length; }
    return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  };
  const uint64 = n => { const b = new Uint8Array(8); new DataView(b.buffer).setBigUint64(0, BigInt(n)); return b; };

  const numberOf = async (arrival, n, seed) => {
    if (arrival > n) return arrival;
    let i = arrival - 1;
    for (let r = 0; r < ROUNDS; r++) {
      const pivot = Number(new DataView((await sha(seed, [r])).buffer).getBigUint64(0, true) % BigInt(n));
      const flip = (pivot + n - i) % n, at = Math.max(i, flip), block = at >>> 8;
      const source = await sha(seed, [r, block & 255, (block >>> 8) & 255, (block >>> 16) & 255, 0]);
      if ((source[(at & 255) >> 3] >> (at & 7)) & 1) i = flip;
    }
    return i + 1;
  };

  const leafOf = (spot, arrival) => sha([0], utf8(spot + ":" + arrival));
  const rootOf = async (level, tell) => {
    if (!level.length) return sha();
    const all = level.length;
    for (let done = 0; level.length > 1;) {
      const up = [];
      for (let i = 0; i < level.length; i += 4096) {
        const some = [];
        for (let k = i; k < Math.min(i + 4096, level.length); k += 2) some.push(k + 1 < level.length ? sha([1], level[k], level[k + 1]) : level[k]);
        for (const h of await Promise.all(some)) up.push(h);
        done += some.length;
        tell(done / all);
        await new Promise(r => setTimeout(r)); // let the page breathe
      }
      level = up;
    }
    return level[0];
  };
  const climb = async (leaf, i, n, path) => {
    let last = n - 1;
    for (const p of path) {
      if (!last) return [];
      if (i % 2 || i === last) {
        leaf = await sha([1], p, leaf);
        while (i % 2 === 0 && i) { i >>= 1; last >>= 1; }
      } else leaf = await sha([1], leaf, p);
      i >>= 1;
      last >>= 1;
    }
    return last ? [] : leaf;
  };

  const get = async (url, maybe) => {
    const answer = await fetch(url, { cache: "no-cache", headers: { Accept: "application/json" } });
    if (answer.ok) return answer.json();
    if (maybe && (answer.status === 404 || answer.status === 409)) return null;
    throw new Error("status " + answer.status);
  };
  const list = async (path, name, limit, each) => {
    const found = [];
    for (let cursor = ""; ;) {
      const answer = await get(page.api + path + "?limit=" + limit + (cursor && "&cursor=" + encodeURIComponent(cursor)));
      for (const x of answer[name]) found.push(x);
      if (each) each(found.length);
      if (!answer.next_cursor || answer.next_cursor === cursor) return found;
      cursor = answer.next_cursor;
    }
  };

  const lines = el("check-lines"), sum = el("check-sum"), bar = el("check-bar"), say = el("check-say");
  let bad = [], agreed = 0, broken = false, weak = false, other = false, busy = false;
  const clone = id => el(id).content.cloneNode(true);
  const line = (mark, name, title, text) => {
    if (mark === "bad") bad.push(title);
    if (mark === "ok") agreed++;
    if (mark === "skip") broken = true;
    if (mark === "weak") weak = true;
    if (mark === "other") other = true;
    const l = clone("check-line"), li = l.firstElementChild;
    li.dataset.check = name;
    li.dataset.mark = mark;
    li.querySelector("[data-mark]").append(clone("mark-" + mark));
    li.querySelector("b").textContent = title;
    li.querySelector("[data-text]").textContent = text;
    lines.append(l);
  };
  const judge = (fine, name, title, yes, no) => { line(fine ? "ok" : "bad", name, title, fine ? yes : no); return fine; };
  const conclude = () => {
    const kind = bad.length ? "bad" : other ? "other" : broken ? "part" : weak ? "weak" : agreed ? "ok" : "none";
    const b = clone("sum-" + kind);
    if (bad.length) b.querySelector("p").textContent = bad.length + " of " + (agreed + bad.length) + " checks failed: " + bad.join("; ") + ". Read below what it means, keep a picture of this page, and ask the organizer.";
    else if (kind === "ok") b.querySelector("p").textContent = agreed === 1 ? "One check was made in this browser, and it agrees." : agreed + " checks were made in this browser, and all agree.";
    sum.replaceChildren(b);
  };
  const progress = (share, words) => {
    bar.hidden = share === null;
    bar.value = share || 0;
    say.textContent = words || "";
  };

  const pageAgrees = d => {
    const wrong = [["the seal", page.commitment, d.commitment], ["the secret", page.secret, d.secret], ["the root", page.root, d.root], ["the seed", page.seed, d.seed],
      ["the number of people", page.lobby, d.lobby_size], ["the value of the beacon", page.beacon, d.beacon && d.beacon.value]]
      .filter(([, mine, theirs]) => mine && theirs !== null && theirs !== undefined && mine !== String(theirs)).map(([name]) => name);
    judge(!wrong.length, "page", "Page and data", "This page and the public data say the same.",
      "This page and the public data differ in " + wrong.join(" and ") + ". Both come from the same server and must say the same.");
  };

  const commitmentHolds = async d => {
    if (!d.secret) return line("wait", "commitment", "The seal", "The secret is shown with the draw. From then on you can check that it is the one that was sealed: write down the seal, or keep your receipt.");
    judge(same(await sha(digest(d.secret)), digest(d.commitment)), "commitment", "The seal",
      "The secret is the one that was sealed before the lobby opened: its SHA-256 is the seal.",
      "The SHA-256 of the secret is not the seal. The secret is not the one that was promised before anybody joined: the order may have been chosen afterwards.");
  };

  const later = (d, name, title, text) => (d.secret && !d.seed ? line("never", name, title, "The sale ended before its draw: no number was ever drawn.") : line("wait", name, title, text));

  const seedHolds = async d => {
    if (!d.seed) return later(d, "seed", "The seed", "It is made in the draw.");
    const value = d.beacon && d.beacon.value || "";
    const want = await sha(digest(d.secret), digest(d.root), uint64(d.lobby_size), utf8(value));
    const from = value ? "the secret, the root, the number of people and the value of the beacon. " : "the secret, the root and the number of people. ";
    judge(same(want, digest(d.seed)), "seed", "The seed",
      "The seed follows from " + from + (value ? "" : "No beacon has a part in it."),
      "The seed does not follow from " + from + "One of them was changed, or the seed was chosen: the order is not the one that was promised.");
    if (!value) return;
    const comes = due(d.beacon), early = !(Date.parse(d.drawn_at) >= comes);
    if (comes && (early || !/^[0-9a-f]{64}$/i.test(value))) {
      return line("weak", "beacon", "The beacon", (early ? "This value came before round " + figure(d.beacon.round) + ", which was due on " + time(comes) + ". So it cannot be the value of the beacon."
        : "This is not a value of " + d.beacon.name + ": those are 64 characters, 0 to 9 and a to f.") + " This draw proves only what a draw without a beacon proves.");
    }
    line("own", "beacon", "The beacon", "Compare the value above with what the beacon itself published for round " + figure(d.beacon.round) + ". This page loads nothing from other sites, so that look is yours.");
  };

  const due = ({ name, round }) => (/quicknet/i.test(name) ? 1692803367 + (round - 1) * 3 : /drand|default/i.test(name) ? 1595431050 + (round - 1) * 30 : 0) * 1000;
  const time = t => new Date(t).toLocaleString("en-GB", { timeZone: page.zone, dateStyle: "medium", timeStyle: "medium" }) + ", " + page.clock;

  const placeStands = async (d, fan) => {
    if (!d.root) return later(d, "root", "Your place in the list", "The list is published when the sale opens.");
    if (fan.arrival > d.lobby_size) return line("ok", "root", "Your place in the list", "Arrival " + figure(fan.arrival) + " came after the lobby had closed at " + figure(d.lobby_size) + " people. It stands behind the lobby, in the order of joining.");
    const p = await get(page.api + "/proof?arrival=" + fan.arrival, true);
    if (!p) return line("bad", "root", "Your place in the list", "The server gives no proof for arrival " + figure(fan.arrival) + ", which must be in the list.");
    const leaf = digest(p.leaf);
    if (fan.spot && !same(await leafOf(fan.spot, fan.arrival), leaf)) {
      return line("bad", "root", "Your place in the list", "Arrival " + figure(fan.arrival) + " of the list is another place than yours. Your place was exchanged before the draw.");
    }
    const top = p.arrival === fan.arrival && p.tree_size === d.lobby_size && p.root === d.root ? await climb(leaf, fan.arrival - 1, d.lobby_size, p.path.map(digest)) : [];
    judge(same(top, digest(d.root)), "root", "Your place in the list",
      (fan.spot ? "Your place stands" : "Somebody's place stands") + " as arrival " + figure(fan.arrival) + " in the list that was published before the draw." + (fan.spot ? "" : " That it is yours shows your receipt."),
      "The proof for arrival " + figure(fan.arrival) + " does not lead to the published root. The list was changed after it was published, or the proof is of another list.");
  };

  const listStands = async d => {
    if (!d.root) return;
    const n = d.lobby_size;
    const leaves = (await list("/leaves", "leaves", 10000, k => progress(k / Math.max(n, 1) / 2, "Loaded " + figure(k) + " of " + figure(n) + " places"))).map(digest);
    const top = await rootOf(leaves, share => progress(.5 + share / 2, "Computing the root"));
    judge(leaves.length === n && same(top, digest(d.root)), "leaves", "The whole list",
      "All " + figure(n) + " places together give the published root: nobody was added, taken out or moved.",
      leaves.length === n ? "The " + figure(n) + " places do not give the published root. Somebody was added, taken out or moved after the list was published."
        : "The list holds " + figure(leaves.length) + " places, but " + figure(n) + " were published.");
  };

  const numberHolds = async (f, fan) => {
    const d = f.draw;
    if (f.ordering === "draw" && !d.seed) return later(d, "number", "The number", "Numbers are known after the draw.");
    const want = f.ordering === "draw" ? await numberOf(fan.arrival, d.lobby_size, digest(d.seed)) : fan.arrival;
    const how = f.ordering !== "draw" ? "Without a draw the number is the arrival." : fan.arrival > d.lobby_size ? "Behind the lobby the number is the arrival." : "That is where " + ROUNDS + " rounds of the draw put it.";
    if (!fan.number) return line("own", "number", "The number", "Arrival " + figure(fan.arrival) + " has the number " + figure(want) + ". " + how + " Compare it with the number you were given.");
    judge(want === fan.number, "number", "The number", "Arrival " + figure(fan.arrival) + " has the number " + figure(want) + ", as you were told. " + how,
      "Arrival " + figure(fan.arrival) + " has the number " + figure(want) + ", but you were told " + figure(fan.number) + ". " + how + " You were given another number than the one you drew.");
  };

  const callsInOrder = (f, steps, whole) => {
    steps = steps.filter(s => s.to_number >= s.from_number).sort((a, b) => a.from_number - b.from_number);
    if (!f.serving && f.sale_state === "ended") return line("none", "calls", "The order of the calls", "The sale is over, and nobody was ever called.");
    if (!f.serving) return line("wait", "calls", "The order of the calls", "Nobody has been called yet.");
    if (!steps.length) return line("skip", "calls", "The order of the calls", "The newest steps only let people come back. Check every call to see the others.");
    const last = steps[steps.length - 1].to_number;
    let wrong = whole && steps[0].from_number !== 1 ? "The first step begins with " + figure(steps[0].from_number) + "." : "";
    steps.forEach((s, i) => {
      const before = steps[i - 1];
      if (wrong || !before) return;
      if (s.from_number !== before.to_number + 1) wrong = "After number " + figure(before.to_number) + " the next step goes on from " + figure(s.from_number) + ".";
      else if (Date.parse(s.at) < Date.parse(before.at)) wrong = "The line was at number " + figure(s.from_number) + " before it was at number " + figure(before.to_number) + ".";
    });
    const n = (f.exceptions || []).length;
    if (!wrong && (whole ? last < f.serving : last !== f.serving)) wrong = "The line is said to be at number " + figure(f.serving) + ", but the steps end with " + figure(last) + ".";
    judge(!wrong, "calls", "The order of the calls",
      (whole ? "All " : "The newest ") + figure(steps.length) + " steps follow one another, up to number " + figure(last) + ": no number was left out or came twice. " +
        (n ? "Those who came back by a rule are listed on this page." : "Nobody was called out of order."),
      wrong + " Somebody was left out, overtaken or called twice.");
  };

  const plausible = (f, fan) => {
    const most = Math.max(page.joined, f.draw.lobby_size || 0);
    if (!fan.arrival || fan.arrival <= most) return fan;
    line("skip", "arrival", "Your arrival", "Nobody has arrival " + figure(fan.arrival) + ": " + figure(most) + " had joined when this page was loaded. Look at your receipt. If it stands there, load this page again, and if this is said again, ask the organizer.");
    return {};
  };

  const begin = () => { bad = []; agreed = 0; broken = weak = other = false; lines.replaceChildren(); sum.replaceChildren(); };
  const run = async work => {
    if (busy) return;
    busy = true;
    const buttons = box.querySelectorAll("button");
    for (const b of buttons) b.setAttribute("aria-disabled", "true");
    begin();
    progress(0, "Loading the public data");
    try {
      await work();
    } catch {
      line("skip", "load", "Not finished", navigator.onLine === false ? "There is no signal. Check again when it is back." : "The data could not be read to the end. Try again in a minute.");
    }
    progress(null);
    conclude();
    for (const b of buttons) b.removeAttribute("aria-disabled");
    busy = false;
    sum.scrollIntoView({ block: "nearest" });
  };

  const checks = async (fan, everything) => {
    const f = await get(page.api);
    fan = plausible(f, fan);
    if (f.ordering === "draw") {
      pageAgrees(f.draw);
      await commitmentHolds(f.draw);
      await seedHolds(f.draw);
      if (fan.arrival) await placeStands(f.draw, fan);
      if (everything) await listStands(f.draw);
    }
    if (fan.arrival) await numberHolds(f, fan);
    callsInOrder(f, everything ? await list("/admissions", "admissions", 1000, k => progress(1, "Loaded " + figure(k) + " steps")) : f.admissions || [], everything);
    return f;
  };

  const typed = () => {
    let wrong = false;
    const whole = (id, title) => {
      const text = el(id).value.trim(), n = /^(\d+|\d{1,3}([\s,]\d{3})+)$/.test(text) ? Number(text.replace(/\D/g, "")) : 0;
      const fine = !text || n > 0 && Number.isSafeInteger(n);
      el(id).setAttribute("aria-invalid", !fine);
      if (fine) return n;
      wrong = true;
      line("skip", "typed", title, "“" + text + "” is not a whole number of 1 or more, so it was not checked.");
      return 0;
    };
    const fan = { arrival: whole("check-arrival", "Your arrival"), number: whole("check-number", "The number") };
    if (fan.number && !fan.arrival && !wrong) line("skip", "typed", "The number", "A number can be checked only with its arrival. Write your arrival as well: it stands on your receipt.");
    if (page.spot && fan.arrival === Number(page.arrival)) fan.spot = page.spot;
    return fan;
  };

  const signed = async text => {
    const [head, body, signature] = text.split(".");
    const read = part => JSON.parse(new TextDecoder().decode(base64(part)));
    let header, claims;
    try {
      header = read(head);
      claims = read(body);
      base64(signature);
      if (!Number.isSafeInteger(claims.arrival) || claims.arrival < 1 || typeof claims.spot !== "string") throw new Error("no receipt");
    } catch {
      line("bad", "signature", "The receipt", "This is not a receipt, or a part of it is missing. Copy all of it, from the first letter to the last.");
      return null;
    }
    const k = (await get("/.well-known/jwks.json")).keys.find(k => k.kid === header.kid && k.crv === "Ed25519");
    if (header.alg !== "EdDSA" || !k) {
      line("bad", "signature", "The signature", "The receipt is signed with a key that this site does not have. It was not given by this site, or the site has changed its keys.");
      return null;
    }
    const key = await crypto.subtle.importKey("raw", base64(k.x), { name: "Ed25519" }, false, ["verify"]).catch(() => null);
    if (!key) {
      line("skip", "signature", "The signature", "This browser cannot check signatures of this kind (Ed25519). What the receipt says is checked below; that we signed it is not. A newer browser can do it.");
      return claims;
    }
    const fine = await crypto.subtle.verify({ name: "Ed25519" }, key, base64(signature), utf8(head + "." + body));
    return judge(fine, "signature", "The signature", "We signed this receipt: arrival " + figure(claims.arrival) + ", joined on " + time(claims.joined_at) + ".",
      "The signature does not belong to what the receipt says. The receipt was changed after it was given, or is not ours.") ? claims : null;
  };

  const receiptHolds = async text => {
    text = text.replace(/\s+/g, "");
    try { text = String(JSON.parse(text).receipt || text); } catch { /* the receipt itself */ }
    const claims = await signed(text);
    if (!claims) return;
    if (claims.event !== page.event) return line("other", "event", "The event", "Nothing is wrong with it for that. Open the fairness page of that event, and check the receipt there.");
    line("ok", "event", "The event", "The receipt is for this event.");
    const fan = { arrival: claims.arrival, spot: claims.spot };
    if (page.spot === claims.spot) fan.number = Number(page.number) || 0;
    const f = await checks(fan, false);
    if (f.ordering === "draw") {
      judge(claims.commitment === f.draw.commitment, "promise", "The promise in the receipt", "The seal in your receipt is the seal of this draw: it was not exchanged since you joined.",
        "The seal in your receipt is another than the one shown now. It was exchanged after you joined: the draw is not the one you were promised.");
    }
  };

  const start = () => {
    if (!window.isSecureContext || !window.crypto || !crypto.subtle) { el("check-cannot").hidden = false; return; }
    box.hidden = false;
    el("check-form").addEventListener("submit", e => {
      e.preventDefault();
      const everything = e.submitter && e.submitter.value === "all";
      run(() => checks(typed(), everything));
    });
    el("receipt-form").addEventListener("submit", e => {
      e.preventDefault();
      run(() => receiptHolds(el("receipt-text").value));
    });
    const brought = location.hash.match(/^#receipt=([\w.-]+)$/);
    if (brought) {
      el("receipt-text").value = brought[1];
      history.replaceState(null, "", location.pathname + location.search);
      run(() => receiptHolds(brought[1]));
    }
  };
  start();
})();
