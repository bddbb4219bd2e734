// Package lab knows what fans do: it runs virtual ones against a server, over HTTP and SSE only, as real ones would.
//
// A fan arrives, joins, waits by polling at the server's own pace or by the stream, thinks when called, holds tickets,
// pays through the Paystack sandbox's controls, looks at the ticket, and goes. Some leave the line, some never pay, some
// are declined first. Whatever the server asks for (Retry-After, poll_after_ms, joinable_at) they do: a lab that does not
// behave measures something that never comes.
//
// Besides, it forms lines without a server (Fairness), to measure what an order gives to whom; the order comes from its
// caller.
//
// It imports nothing of ours, so that it can only know what is public.
package lab
