package views

import "time"

// SignInView asks for an e-mail.
type SignInView struct {
	Email   string
	Next    string // where to go afterwards: a path
	Error   string // what to do about the e-mail that was typed
	Problem *Problem
}

// CodeView asks for the code that was sent.
type CodeView struct {
	Email     string
	Next      string
	SentAt    time.Time
	ExpiresAt time.Time
	Zone      *time.Location
	Error     string // what to do about the code that was typed
	Again     bool   // a new code was sent just now
	Dev       bool   // show the way to the mailbox
}
