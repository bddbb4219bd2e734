// Package ticket knows tickets: who may come in.
//
// A ticket is issued in the transaction that settles its payment, one for each
// unit. A partial unique index allows one live ticket a unit, so that selling a
// place twice cannot be written down.
//
// The code that its QR carries proves itself without a look-up:
//
//	code = "FQ1." + base64url(id ‖ sig)
//	sig  = Ed25519("fairqueue-ticket-v1" ‖ id ‖ event id)
//
// with both ids as 16 bytes and the key of the label "ticket". It holds nothing
// personal, and it is computed when it is shown: a stolen table of tickets
// opens no door.
package ticket
