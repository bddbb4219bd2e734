// Package views knows how every page looks: one templ file a page, with the
// page's view model in the Go file of the same name.
//
// A view model holds plain, ready values: numbers, times with the zone they are
// shown in, money.Kobo, small string types. A handler fills it and calls the
// component; nothing in here reads a database, a request or a clock. So every
// page can be shown with canned data (gallery.go), and a test can look at each
// state of it.
//
// A page is XPage(Frame, XView). A part that htmx swaps is a component of its
// own (WaitingLive, ConsoleLive) which the page itself also uses, so that the
// first load and every later one are the same markup.
package views
