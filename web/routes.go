package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"fairqueue/static"
	"fairqueue/web/api"
)

// livePath is the moving part of the waiting room, which everybody polls.
const livePath = "/events/:slug/queue/live"

// routes is every route of the main address; those of /api, /webhooks and
// /.well-known are listed in web/api.
func (s *Server) routes(e *echo.Echo) {
	e.GET("/", s.home)
	e.GET("/events/:slug", s.event)
	e.GET("/events/:slug/fairness", s.fairness)
	e.GET("/events/:slug/receipt", s.receipt)

	e.GET("/events/:slug/queue", s.waitingRoom)
	e.GET(livePath, s.waitingLive)
	e.POST("/events/:slug/queue", s.join)
	e.POST("/events/:slug/wishes", s.wishes)
	e.POST("/events/:slug/more", s.more)
	e.POST("/events/:slug/enter", s.enter)
	e.GET("/events/:slug/leave", s.leaveAsk)
	e.POST("/events/:slug/leave", s.leave)
	e.POST("/events/:slug/again", s.again)

	e.GET("/events/:slug/tickets", s.choose)
	e.GET("/events/:slug/tickets/stream", s.seatStream)
	e.POST("/events/:slug/claims", s.claim)
	e.POST("/events/:slug/presale", s.presale)
	e.GET("/checkout/:claim", s.checkout)
	e.POST("/checkout/:claim/change", s.change)
	e.POST("/checkout/:claim/extend", s.extend)
	e.GET("/checkout/:claim/hold", s.holdPart)
	e.GET("/checkout/:claim/live", s.checkoutLive)
	e.GET("/checkout/:claim/receipt", s.moneyReceipt)
	e.GET("/checkout/:claim/release", s.releaseAsk)
	e.POST("/checkout/:claim/release", s.release)
	e.POST("/checkout/:claim/pay", s.pay)
	e.GET("/checkout/:claim/return", s.payReturn)

	e.GET("/tickets", s.tickets)
	e.GET("/tickets/:id", s.ticket)
	e.GET("/tickets/:id/return", s.returnAsk)
	e.POST("/tickets/:id/return", s.giveBack)
	e.GET("/tickets/:id/print", s.printTickets)
	e.GET("/tickets/:id/ticket.pdf", s.ticketPDF)
	e.GET("/tickets/:id/event.ics", s.ticketCalendar)

	e.GET("/sign-in", s.signInPage)
	e.POST("/sign-in", s.signIn)
	e.GET("/sign-in/code", s.codePage)
	e.POST("/sign-in/code", s.code)
	e.POST("/sign-out", s.signOut)
	e.POST("/theme", s.theme)

	e.GET("/organizer", s.organizer)
	e.POST("/organizer", s.becomeOrganizer)
	e.GET("/organizer/events/new", s.newEvent)
	e.POST("/organizer/events", s.createEvent)
	e.GET("/organizer/events/:event", s.console)
	e.GET("/organizer/events/:event/live", s.consoleLive)
	e.POST("/organizer/events/:event/publish", s.publish)
	e.POST("/organizer/events/:event/open", s.open)
	e.GET("/organizer/events/:event/beacon", s.beaconAsk)
	e.POST("/organizer/events/:event/beacon", s.beaconGive)
	e.POST("/organizer/events/:event/beacon/without", s.beaconWaive)
	e.POST("/organizer/events/:event/pause", s.pause)
	e.POST("/organizer/events/:event/resume", s.resume)
	e.GET("/organizer/events/:event/end", s.endAsk)
	e.POST("/organizer/events/:event/end", s.end)
	e.POST("/organizer/events/:event/pace", s.pace)
	e.POST("/organizer/events/:event/message", s.message)
	e.GET("/organizer/events/:event/orders", s.orders)
	e.GET("/organizer/events/:event/orders/:order", s.order)
	e.GET("/organizer/events/:event/orders/:order/refund", s.refundAsk)
	e.POST("/organizer/events/:event/orders/:order/refund", s.refund)
	e.POST("/organizer/events/:event/orders/:order/refunds/:refund/retry", s.retryRefund)
	e.POST("/organizer/events/:event/orders/:order/refunds/:refund/send", s.sendRefund)
	e.POST("/organizer/events/:event/orders/:order/tickets/:ticket/name", s.correctName)
	e.GET("/organizer/events/:event/cancel", s.cancelAsk)
	e.GET("/organizer/events/:event/cancel/live", s.cancelLive)
	e.POST("/organizer/events/:event/cancel", s.cancelEvent)
	e.GET("/organizer/events/:event/details", s.details)
	e.POST("/organizer/events/:event/details", s.changeDetails)
	e.GET("/organizer/events/:event/money", s.money)
	e.POST("/organizer/events/:event/money", s.changeMoney)
	e.GET("/organizer/events/:event/seat-map", s.seatMapFile)
	e.GET("/organizer/events/:event/stock", s.stock)
	e.POST("/organizer/events/:event/stock", s.changeStock)
	e.POST("/organizer/events/:event/stock/seats", s.changeSeats)
	e.GET("/organizer/events/:event/stock/times", s.tierTimes)
	e.POST("/organizer/events/:event/stock/times", s.changeTierTimes)
	e.GET("/organizer/events/:event/stock/presale", s.newPresale)
	e.POST("/organizer/events/:event/stock/presales", s.createPresale)
	e.POST("/organizer/events/:event/stock/presales/:presale/end", s.endPresale)
	e.GET("/organizer/events/:event/release", s.moreForm)
	e.POST("/organizer/events/:event/release", s.createMore)

	e.GET("/help", s.text("help"))
	e.GET("/privacy", s.text("privacy"))
	e.GET("/fairness", s.text("fairness"))

	e.GET("/static/*", echo.WrapHandler(static.Handler()))
	e.GET("/favicon.ico", s.favicon)
	e.GET("/robots.txt", s.robots)
	e.GET("/livez", s.livez)
	e.GET("/readyz", s.readyz)
	if s.cfg.MetricsOnMain {
		e.GET("/metrics", echo.WrapHandler(s.metrics.handler()))
	}
	if s.dev() {
		e.GET("/dev/mail", s.mailbox)
		e.GET("/dev/mail/:id", s.mailHTML)
		e.GET("/gallery", s.gallery)
		e.GET("/gallery/:name", s.galleryView)
	}

	s.api = api.Mount(e, s.apiConfig())
	s.seats = newSeatHub(s.api.StreamHub(), s.cfg)
	s.metrics.streams(s.api.StreamStats)
	s.metrics.refusals(s.cfg.Guard.Refused)
}

// isAPI reports whether a path is for programs: its errors are problem+json, it
// takes no cookies as proof of who writes, and it has its own limits.
func isAPI(r *http.Request) bool {
	return hasPrefix(r.URL.Path, "/api/") || hasPrefix(r.URL.Path, "/webhooks/") || hasPrefix(r.URL.Path, "/.well-known/")
}
