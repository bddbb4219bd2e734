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
