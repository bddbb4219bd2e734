// Package sale knows a sale: its state, its tiers, its limits, and the picture of it in memory.
//
// The rows decide; the picture (Snapshot) is for showing. Each replica reads the
// pictures of all live sales once a second by one query, and one picture at once
// after a change:
//
//	a change → COMMIT → Fresh: read → memory → followers
//	                      └─ nudge by live → other replicas read → memory → followers
//
// A nudge carries no value that is believed, only the id of an event to read. A
// picture replaces an older one only, so that serving never goes back. Ended
// sales are not followed, their pictures are kept for a second; drafts are read
// each time, because another replica may have published one a moment ago.
package sale
