// Package web knows how people talk to FairQueue over HTTP.
//
// routes.go is every route on one screen. A handler reads the request, calls
// one service, and returns an error or a page; it decides nothing about order,
// stock or money. What a page shows is a view model of package views.
//
// Forms. Every POST that did something, or was refused, answers 303 with a
// page to GET, so that neither Back, nor Reload, nor a second click does it
// again. A refusal travels to that page as a notice, with the form as it was
// sent. The one exception is the form of a new event, which is shown again
// with 422 because it is long.
//
// Errors. fail is the only place where an error becomes an answer: a page, a
// part of a page for htmx, or problem+json on the routes of programs. A page
// is rendered completely before its first byte leaves.
//
// The waiting room asks again and again for its part. The page names the part
// it has (views.WaitingView.Part); the same one is answered with 204 and the
// number that is called, from which the page counts on: headers, and no body.
//
// Joins and polls are asked for by everybody at the same moment. Around each
// handler stands one function (around), because echo wraps every middleware anew
// for each request; fixed headers are shared; the figures of a route are found
// once; the routes of joins and polls go past huma, and a place is written without
// reflection (api.appendPlace). One that went well writes no line in the log: it is
// counted, and the ledger has the join. Answers to programs carry two headers of
// safety instead of six: nothing in JSON can be loaded or run.
//
// A poll by bearer takes 3 µs between net/http and the answer and allocates eight
// times (BenchmarkPollHandler): the middleware's closure, the request id and its
// header, the request of the API, the credential's bytes and its MAC, number with
// ahead, the range of the wait. Over HTTP it costs 1.05 to 1.3 times the processor
// time of a bare echo handler that sends the same bytes (BenchmarkHTTP/Polls; the
// spread is that of a machine which others kept busy), the same with a million
// waiting and without Redis.
//
// The poll of a page on which nothing changed takes 7 µs (BenchmarkPagePollHandler),
// and over HTTP 1.3 to 1.5 times a bare handler's processor time: two cookies are
// verified, and what the page would say is compared with the name of what it has
// (views.WaitingView.Part), a quarter of it. It took 11 µs when all cookies were
// parsed for each of the two, the sale's side of the view was made for every fan
// instead of once a picture (rooms), and the hash went through copies. Its answer
// carries no headers about documents: 400 bytes that a fan would pay for.
//
// Choosing. The page that is shown (choose.go) is the form of the claim: the best
// seats in one click, the overview of sections, one section as a grid of real
// checkboxes inside an SVG, and the list of the same seats. It is whole without
// JavaScript; seats.js adds what moves. One stream a section (seatstream.go) tells
// every browser that looks at it the same bytes, from what package claim has in
// memory. A refusal names the nearest seats in place of those that have gone
// (refused.go), and a change inside a hold is the same pages with the claim in them
// (choice.go).
//
// A browser's place stands in its spot cookie: an HMAC over event, spot, account,
// arrival, and a digest of the session it was given with. Whoever signs in next on
// the same browser has another session, and so no spot.
//
// Who is signed in stands in the session cookie, under an HMAC: no look-up, so
// that an emptied Redis signs nobody out and the opening of a sale is not
// 50,000 reads. The name in the navigation is a second cookie (badge) that
// decides nothing. Only a sign-in under way and a notice between two pages are
// state on the server: an scs session in PostgreSQL behind Redis, which exists
// only while there is something to remember and is loaded only by requests
// that bring its cookie, so never by polls and joins in the ordinary case.
//
// Somebody who presses Join without being signed in is led through the sign-in
// and then put into the line by the request that completes it: no second
// click, no lost intent.
package web
