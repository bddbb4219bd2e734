// Package static knows the files that browsers load: embedded, named by their
// content, compressed once at start.
//
// URL("fq.css") is /static/fq.<hash>.css: the name changes when the content
// does, so every answer may be cached for a year and no page ever mixes an old
// style with new markup. dist/ is written by `npm run build` and committed;
// nobody needs Node to build or run the server.
//
// Scripts, all optional to a page, sent without their comments. page.js runs clocks on the server's
// time, sends a form once and fills in what only the browser knows. htmx swaps
// the parts that polls bring. waiting.js listens to the line; alert.js is the service
// worker without which a phone shows no note "it is your turn". hold.js keeps the
// clock of held tickets true in every tab, and seats.js is what moves where seats
// are chosen. Two extensions of
// htmx stay out: hx-sse swaps markup that a stream sends, but our stream sends
// the same few bytes to everybody and the page subtracts; hx-csp blocks every
// part that carries no nonce, but our policy allows no script in a page at all,
// and nothing here is evaluated from an attribute.
//
// One stream a browser, because HTTP/1.1 allows six connections a host. The tab
// that holds a Web Lock streams and passes every message on over a broadcast
// channel; a tab that is looked at and hears nobody answer takes the lock from
// one that sleeps. Tabs of another event poll. Without locks or channels a tab
// streams while it is seen and polls otherwise. hx-sse would pause in the
// background, where "your turn" must still be heard; so no timer stands between
// that message and the look at the server, since timers are late there. What a
// tick says is shown until the server's answer says otherwise, then the answer.
package static
