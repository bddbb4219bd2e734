// Fills dist/ after Tailwind has written dist/fq.css: the scripts without their comments,
// htmx without its source map, the font, and the licences of what is ours to pass on.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";

const htmx = readFileSync("node_modules/htmx.org/dist/htmx.min.js", "utf8");
writeFileSync("dist/htmx.js", htmx.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n"));

for (const [from, to] of [
  ["js/fairness.js", "fairness.js"],
  ["js/alert.js", "alert.js"],
  ["js/hold.js", "hold.js"],
  ["js/page.js", "page.js"],
  ["js/seats.js", "seats.js"],
  ["js/stock.js", "stock.js"],
  ["js/waiting.js", "waiting.js"],
  ["fonts/anton-fq.woff2", "anton-fq.woff2"],
  ["icons/icon.svg", "icon.svg"],
]) {
  if (!to.endsWith(".js")) copyFileSync(from, `dist/${to}`);
  // Phones on metered lines pay for every byte; who reads the sources has the comments.
  else writeFileSync(`dist/${to}`, readFileSync(from, "utf8").replace(/^[ \t]*\/\/.*\n/gm, ""));
}

const parts = [
  ["htmx", "node_modules/htmx.org/LICENSE"],
  ["Tailwind CSS", "node_modules/tailwindcss/LICENSE"],
  ["daisyUI", "node_modules/daisyui/LICENSE"],
  ["Lucide icons", "icons/LICENSE"],
  ["Anton FQ, a subset of Anton", "fonts/OFL.txt"],
  ["Noto Sans, in tickets on paper", "../internal/ticket/pdf/fonts/OFL-noto-sans.txt"],
];
writeFileSync("dist/licenses.txt", parts
  .map(([name, file]) => `==== ${name}\n\n${readFileSync(file, "utf8").trim()}\n`)
  .join("\n"));
