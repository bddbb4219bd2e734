(() => {
  "use strict";
  const form = document.querySelector("[data-stock]");
  if (form) {
    const said = form.querySelector("[data-picked]");
    const seats = row => [...row.querySelectorAll("input[name=n]")];
    const count = () => {
      if (!said) return;
      const n = form.querySelectorAll("input[name=n]:checked").length;
      said.textContent = n === 0 ? "" : n === 1 ? "1 seat chosen" : n + " seats chosen";
    };
    form.addEventListener("change", e => {
      const row = e.target.closest("fieldset");
      if (!row) return;
      const all = row.querySelector("input[name=row]");
      if (e.target === all) for (const s of seats(row)) s.checked = all.checked;
      else if (all) all.checked = seats(row).every(s => s.checked);
      count();
    });
    count();
  }
  for (const button of document.querySelectorAll("[data-copy]")) {
    const from = document.getElementById(button.dataset.copy);
    const said = document.querySelector("[data-copied]");
    if (!from || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(from.value);
        button.textContent = "Copied";
        if (said) said.textContent = "All codes are copied.";
      } catch {
        from.focus();
        from.select();
      }
    });
  }
})();
