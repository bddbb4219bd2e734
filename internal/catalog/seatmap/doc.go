// Package seatmap knows where people sit: sections, rows and seats of one venue.
//
// # Format
//
// A map is JSON; schema.json beside this file is its schema, venues/ has three
// examples. Only what differs from the usual is written:
//
//	{
//	  "focal": {"x": 0, "y": 0},               what everybody looks at
//	  "allow_orphans": false,                  true: single seats may be left alone
//	  "sections": [
//	    {"id": "stalls", "name": "Stalls", "kind": "seated", "tier": "Stalls",
//	     "rows": [
//	       {"name": "A", "x": 0, "y": 4, "seats": [
//	         {"label": "A1", "accessible": true}, {"label": "A2", "companion_of": "A1"},
//	         {"label": "A3", "aisle": true}, {"label": "A4", "tier": "Restricted", "restricted": true}]},
//	       {"name": "B", "to": "M", "skip": ["I"], "count": 24, "grow": 1, "numbering": "centre",
//	        "x": 0, "y": 5, "curve": 12, "aisles": [12],
//	        "marks": [{"seats": ["B1", "B2"], "blocked": true}]}]},
//	    {"id": "floor", "name": "Floor", "kind": "standing", "tier": "Floor", "capacity": 800}
//	  ]
//	}
//
// A tier is named, or given by its place in the event's list from 0; a seat's
// stands before its row's, that before its section's. The unit of length is the
// width of a seat, x grows to the right, y away from the top of the page.
//
// A row has either seats or a count of them, numbered as said ("up", "down",
// "odd", "even", or "centre": odd numbers to the left of the middle, even ones to
// the right) and printed by the pattern of label ("{row}{n}"). "to" repeats the
// row under the names that follow, each pitch further back and grow seats longer.
// A row lies along a line through its middle (x, y), turned by angle degrees, its
// seats step apart, one step more at an aisle; with curve they stand on an arc of
// that radius, open to the front. Seats with x and y of their own stand there.
//
// # Reading
//
// Read checks form and meaning in one pass over the bytes and tells everything
// that is wrong at once, each with its path. It needs no more memory than the
// largest allowed map: seats beyond the limit are counted, not kept. What it
// returns is the plain map: every seat with label, tier and coordinates. Write
// gives the same format back without generators, and Read(Write(m)) is m.
//
// # Choosing
//
// Plan is a map flattened for choosing: seats by number, in the order of the
// map. Neighbours are seats next to each other in a row without an aisle between.
package seatmap
