// Package mail knows messages to people: each is a durable job.
//
// Enqueue writes a River job in the caller's transaction, so a message exists
// exactly if what it speaks of was committed. A worker opens it and sends it by
// SMTP, or without SMTP puts it into the mailbox table that /dev/mail shows.
// Delivery is at least once: a crash between the server's "accepted" and the
// job's end sends it again with the same Message-ID.
//
// A message may hold a one-time code, so address, subject and text are sealed
// in the job's row and opened by the worker alone; neither logs nor the errors
// of a job hold any of them, which is why errors of the SMTP library, which
// quote addresses, are told again in our own words.
//
// Every message goes out as text and as HTML. A Letter has parts, of which both
// are made when it is sent; what was written as text alone gets the same frame.
// The HTML has no script, loads nothing and asks nobody who reads it: it shows
// the same offline, and to who lets their mail program load no pictures.
//
// One-time codes have a queue of their own: ten thousand tickets that go out
// after a rush must not stand before one person who wants to sign in.
package mail
