package views

import "time"

// ErrorView is a page, or a part of one, that says what went wrong.
type ErrorView struct {
	Status   int    // HTTP status
	Title    string // what happened; empty: from Status
	Text     string // what happens next; empty: from Status
	Label    string // of the one action; empty: "See events"
	URL      string // of the one action; empty: /
	Retry    time.Duration
	RetryURL string // GET address that the page tries by itself after Retry; empty: it does not
}
