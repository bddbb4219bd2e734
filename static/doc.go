// Package static knows the files that browsers load: embedded, named by their
// content, compressed once at start.
//
// URL("fq.css") is /static/fq.<hash>.css: the name changes when the content
// does, so every answer may be cached for a year and no page ever mixes an old
// style with new markup. dist/ is written by `npm run build` and committed;
// nobody needs Node to build or run the server.
//
// Three scripts, all optional to a page. page.js runs clocks on the server's
// time, sends a form once and fills in what only the browser knows. htmx swaps
// the parts that polls bring. waiting.js listens to the line. Two extensions of
// htmx stay out: hx-sse swaps markup that a stream sends, but our stream sends
// the same few bytes to everybody and the page subtracts; hx-csp blocks every
// part that carries no nonce, but our policy allows no script in a page at all,
// and nothing here is evaluated from an attribute.
package static
