package views

import "time"

// MailboxView is the development mailbox.
type MailboxView struct {
	To       string // the filter
	Messages []MailRow
}

// MailRow is one message.
type MailRow struct {
	To, Subject, Text string
	SentAt            time.Time
	HTML              string // address of what a mail program shows; empty: none
}
