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

func (v CodeView) sentLine() string {
	if v.Again {
		return "We sent a new code to"
	}
	return "We sent them to"
}

func (v CodeView) untilLine() string {
	s := ""
	if !v.SentAt.IsZero() {
		s = " at " + clock(v.SentAt, v.Zone)
	}
	if v.ExpiresAt.IsZero() {
		return s + "."
	}
	return s + ". They work until " + clock(v.ExpiresAt, v.Zone) + "."
}
