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
// The event stream has three parts. A room follows one event's snapshots and
// encodes what everybody hears, once a tick (tick.go, hub.go). Package
// web/stream gets the bytes onto thousands of connections. A viewer is the fan
// behind a stream (viewer.go): at each tick it only compares numbers; when its
// place may have changed, one of a few goroutines looks, and tells the turn.
// A look that hangs, because the database does, keeps no tick waiting. What is
// said comes from snapshots of PostgreSQL, never from a message of another
// replica, and serving never goes back.
//
// An open stream is a sign of its fan, every ten seconds, as long as the
// credential stands that it was opened with. When that has ended, by sign-out or
// in time, the stream goes on as everybody's: no turn is told, no sign given.
package api
