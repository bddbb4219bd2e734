// Package live knows how replicas nudge each other.
//
// A message says "look again", or carries a value to show. It is a nudge, never
// a decision: it may be lost, late, doubled, forged or out of order, and
// whoever gets one checks what matters in PostgreSQL. With Redis down replicas
// still hear themselves, and everything else learns from its next look at the
// database.
//
//	Publish ──► listeners of this process, at once
//	        └─► bounded queue ──► one goroutine ──► Redis, one channel
//	                                                   │
//	other replicas: one goroutine ◄────────────────────┘
//	        └─► their listeners
//
// One Redis channel carries every topic, as a line "origin topic" and the
// payload: there are few messages a second, and a replica wants most of them.
// The origin is how a replica leaves out what it sent itself.
//
// A listener that does not keep up is dropped, its channel is closed: it must
// subscribe again and look for itself. Nobody ever waits for it.
package live
