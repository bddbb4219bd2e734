// Package api knows the JSON API of version 1, for programs.
//
// One route is one entry in a list (routes in each file, by subject): its path,
// its documented answers and its handler. huma makes the OpenAPI document from
// the Go types of bodies and answers; the handler decides.
//
// The order of errors is part of the contract: 401, 404, 403, 413, 422, 409. A
// handler is therefore written in that order from top to bottom, and reads the
// body only after it knows who asks and about what:
//
//	who, err := r.bearer()            // 401
//	event, err := r.event()           // 404
//	err = admitted(…)                 // 403
//	body, err := decode[newClaim](r)  // 413, 422
//	claim, err := claims.Hold(…)      // 409
//
// This is why huma neither reads nor checks a body here: it would do so before
// the handler runs. decode checks against the very schema that the document
// publishes, so that the document stays true.
//
// Every error becomes problem+json in WriteProblem and nowhere else.
//
// The event stream has two halves. A hub encodes what everybody hears, once an
// event and tick, and keeps only the latest; a listener is a wake-up and
// writes the bytes of the hub to its connection. A slow listener misses ticks,
// never the last one, and costs the hub nothing.
package api
