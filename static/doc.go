// Package static knows the files that browsers load: embedded, named by their
// content, compressed once at start.
//
// URL("fq.css") is /static/fq.<hash>.css: the name changes when the content
// does, so every answer may be cached for a year and no page ever mixes an old
// style with new markup. dist/ is written by `npm run build` and committed;
// nobody needs Node to build or run the server.
package static
