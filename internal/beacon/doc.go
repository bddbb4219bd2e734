// Package beacon knows the public beacons whose schedule is published: when a round comes, and what a value looks like.
// It is pure. A draw names a round that nobody can know yet, and whoever checks the draw later sees by the same schedule
// whether the value that was given can be that round's.
package beacon
