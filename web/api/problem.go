package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
)

// Problem is an error as a program reads it: RFC 9457 with a stable code.
type Problem struct { //nolint:errname // RFC 9457 calls it so, and so does the document
	_ struct{} `additionalProperties:"true"`

	Type     string        `json:"type" format:"uri-reference" doc:"Where this kind of problem is explained." example:"/api/docs#sold_out"`
	Title    string        `json:"title" doc:"The kind of problem in a few words." example:"Sold out"`
	Status   int           `json:"status" doc:"The HTTP status." example:"409"`
	Detail   string        `json:"detail" doc:"A sentence for a person: what happened and what to do next."`
	Code     string        `json:"code" doc:"Stable name of the problem, for programs." example:"sold_out"`
	Instance string        `json:"instance,omitempty" doc:"Id of the request, as in the header X-Request-Id and in our log."`
	Errors   []fault.Field `json:"errors,omitempty" nullable:"false" doc:"What is wrong with which field of the request."`

	extra  map[string]any
	header http.Header
}

// problem translates an error; it is the only place where one becomes words
// for a program. What is no fault says nothing but its id.
func problem(err error, requestID string) *Problem {
	f, status := outward(err)
	p := &Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: f.Message, Code: f.Code, Instance: requestID, Errors: f.Fields, extra: f.Extra,
		header: http.Header{},
	}
	if c, ok := codes[f.Code]; ok {
		p.Type, p.Title = docsPath+"#"+f.Code, c.title
	}
	wait := f.RetryAfter
	if wait <= 0 && (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		// Spread, so that those who were refused together do not come back together.
		wait = time.Second + spread(3*time.Second)
	}
	if wait > 0 {
		p.header.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
	}
	if f.Code == codeUnauthorized {
		p.header.Set("WWW-Authenticate", `Bearer realm="fairqueue"`)
	}
	return p
}

// outward returns err as a fault with its status, also what the router says:
// there, unknown paths and methods are errors of echo.
func outward(err error) (*fault.Error, int) {
	if h, ok := errors.AsType[*echo.HTTPError](err); ok {
		if _, ours := errors.AsType[*fault.Error](err); !ours {
			switch {
			case h.Code == http.StatusNotFound:
				return fault.New(fault.NotFound, "not_found", "There is nothing at this address. The addresses that exist stand in "+docsPath+"."), http.StatusNotFound
			case h.Code == http.StatusMethodNotAllowed:
				return fault.New(fault.Invalid, "method_not_allowed", "This address does not take this method. The header Allow names those it takes."), http.StatusMethodNotAllowed
			case h.Code == http.StatusRequestEntityTooLarge:
				return errTooLarge, http.StatusRequestEntityTooLarge
			case h.Code >= 400 && h.Code < 500:
				return fault.New(fault.Invalid, "invalid_request", "The request is not valid."), h.Code
			}
		}
	}
	f := fault.From(err)
	return f, fault.Status(f)
}

// spread is a random part of d, so that many do not do the same at once.
func spread(d time.Duration) time.Duration { return rand.N(d) } //nolint:gosec // nothing secret

// MarshalJSON writes the further members of the problem beside its own.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	b, err := json.Marshal((*plain)(p))
	if err != nil || len(p.extra) == 0 {
		return b, err
	}
	e, err := json.Marshal(p.extra)
	if err != nil {
		return nil, fmt.Errorf("api: further members of problem %s: %w", p.Code, err)
	}
	return append(append(b[:len(b)-1], ','), e[1:]...), nil
}

// Error is for logs.
func (p *Problem) Error() string { return p.Code }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return problemType }

const (
	problemType      = "application/problem+json"
	codeUnauthorized = "unauthorized"
)

// WriteProblem answers a request with an error as problem+json. It logs
// nothing; the caller has the error.
func WriteProblem(c echo.Context, err error) error {
	if c.Response().Committed {
		return nil
	}
	p := problem(err, requestID(c))
	for k, v := range p.header {
		c.Response().Header()[k] = v
	}
	b, merr := json.Marshal(p)
	if merr != nil {
		return merr
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(p.Status, problemType, b)
}

func requestID(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

var (
	errUnauthorized = fault.New(fault.Unauthorized, codeUnauthorized, "This needs a token. Send the header Authorization: Bearer TOKEN; sign in again if yours has expired.")
	errNoEvent      = fault.New(fault.NotFound, "event_not_found", "There is no such event. Check the address.")
	errTooLarge     = fault.New(fault.TooLarge, "body_too_large", "The body of the request is larger than 1 MiB, or than 10 MiB with a seat map. Send less.")
)

// code explains a stable code on the documentation page.
type code struct {
	status  int
	title   string
	meaning string
}

// codes are the stable codes that programs may rely on.
var codes = map[string]code{
	"unauthorized":           {401, "Sign in", "The token is missing, forged, expired or revoked."},
	"invalid_code":           {401, "Wrong code", "The one-time code is wrong, used or older than ten minutes. Of a presale (422): the event has no such code."},
	"invalid_signature":      {401, "Wrong signature", "The signature of the webhook does not match its body."},
	"not_found":              {404, "Not found", "There is nothing at this address."},
	"event_not_found":        {404, "No such event", "The event does not exist, is not yours, or is a draft of somebody else."},
	"not_in_queue":           {404, "Not in line", "This account has no place in the line of this event."},
	"not_in_lobby":           {404, "Not in the lobby", "The draw had no such arrival: it is below 1 or above lobby_size."},
	"seat_map_not_found":     {404, "No seat map", "The event has no numbered seats."},
	"claim_not_found":        {404, "No such claim", "The claim does not exist or is not yours."},
	"payment_not_found":      {404, "No such payment", "The payment does not exist or is not yours."},
	"presale_not_found":      {404, "No such presale", "The event has no such presale."},
	"presale_only":           {403, "For those with a code", "A presale keeps these tickets for now; seats says which, where seats were asked for."},
	"tier_not_on_sale":       {409, "Not on sale", "Tickets of this tier are not sold at this moment; opens_at says from when, or is null."},
	"presale_overlaps":       {409, "Kept already", "Another presale keeps this tier, or some of the seats; seats says which."},
	"code_taken":             {409, "Code in use", "A code belongs to another presale of the event; codes has the indexes."},
	"code_used":              {409, "Code used up", "As many fans have given this presale code as may."},
	"ticket_not_found":       {404, "No such ticket", "The ticket does not exist or is not yours."},
	"not_organizer":          {403, "Not an organizer", "The account belongs to no organization."},
	"not_admitted":           {403, "Not your turn", "The Admission header is missing or does not verify, or it is not this fan's turn."},
	"admission_expired":      {403, "The turn is over", "The turn or the visit has ended."},
	"not_transferable":       {403, "Not transferable", "Tickets cannot be given to another account."},
	"method_not_allowed":     {405, "Wrong method", "The address exists, but not for this method."},
	"body_too_large":         {413, "Too large", "The body is larger than 1 MiB, or than 10 MiB with a seat map."},
	"invalid_request":        {422, "Not valid", "The request is malformed; errors says which field and why."},
	"orphan_seat":            {422, "A seat would be left alone", "The seats leave a single one alone, and as many could be had without; seat says which."},
	"sale_not_joinable":      {409, "Not open for joining", "The sale is scheduled or has ended; joinable_at says from when, if it is known."},
	"line_full":              {409, "The line is full", "The line takes no more people."},
	"claim_open":             {409, "You hold tickets", "A claim is held or being paid for; claim_id names it."},
	"sale_not_open":          {409, "Not open", "The sale is not open."},
	"sold_out":               {409, "Sold out", "Nothing is left of this tier at the moment."},
	"not_enough_left":        {409, "Not enough left", "Fewer are left than asked for, or fewer side by side; left says how many, and for seats other_tiers in which tiers so many fit."},
	"seats_taken":            {409, "Seats taken", "Somebody else has seats that were asked for; seats says which. None was held. alternatives are the nearest others, as many and of the same tiers, that were free just now."},
	"limit_reached":          {409, "Limit reached", "The event's limit of tickets a fan is reached; left says how many are still allowed."},
	"too_early":              {409, "Too early", "A hold can be extended in its last 120 seconds, or the last half of a shorter one."},
	"cap_reached":            {409, "Cannot be extended further", "The hold has reached its longest possible time."},
	"claim_expired":          {409, "The hold has ended", "The hold ended before this request."},
	"claim_paid":             {409, "Paid", "The claim is paid for; its tickets stand under GET /tickets."},
	"payment_pending":        {409, "Being paid for", "A payment is under way and the bank has not decided."},
	"attempts_used":          {409, "No attempts left", "Both attempts to pay in this visit are used."},
	"event_cancelled":        {409, "Cancelled", "The event does not take place."},
	"not_returnable":         {409, "Cannot be given back", "The organizer takes no tickets back, the time for it is over, or the ticket is not good any more; reason says which."},
	"ticket_used":            {409, "Used", "The ticket has let somebody in already."},
	"not_drawn":              {409, "Not drawn", "There is no root yet: the lobby is not frozen, or the sale has no draw."},
	"name_corrected_already": {409, "Corrected before", "The name on the ticket was put right once, which is as often as it may be."},
	"ticket_not_valid":       {409, "Not valid", "The ticket is used, returned or void."},
	"invalid_name":           {422, "Not a name", "The name is empty, too long, has no letter, or holds characters that a name does not have."},
	"order_not_found":        {404, "No such order", "The order does not exist, or is not of one of your events."},
	"not_cancelled":          {404, "Not cancelled", "The event is not cancelled."},
	"nothing_to_refund":      {409, "Nothing to give back", "Nothing of the order is left to give back; refunds names those there are."},
	"order_not_paid":         {409, "Not paid", "Nothing was received for the order."},
	"order_disputed":         {409, "Disputed", "The buyer's bank asks for the money back already; a refund would pay twice."},
	"tickets_ended":          {409, "Not good any more", "Some of the tickets are returned or void already; ticket_ids says which."},
	"slug_taken":             {409, "Address taken", "Another event has this slug."},
	"invalid_transition":     {409, "Not possible now", "The sale cannot move from its present state to this one."},
	"too_many_requests":      {429, "Too many requests", "Wait as long as Retry-After says."},
	"too_many_attempts":      {429, "Too many tries", "Five wrong tries ended the code. Ask for a new one."},
	"not_durable":            {503, "Not on disk", "The place could not be made durable. Nothing was given; try again after Retry-After."},
	"provider_unavailable":   {503, "Payment provider away", "The provider cannot be reached. The claim is kept; try again after Retry-After."},
	"database_unavailable":   {503, "On hold", "The database cannot be reached. Nothing is lost; try again after Retry-After."},
	"stopping":               {503, "Restarting", "This server is being replaced. Connect again."},
	"too_many_streams":       {503, "No stream free", "This server holds as many streams as it can. Poll GET …/queue instead, and try again later."},
	"internal":               {500, "Our fault", "Something failed that should not. Quote instance when you ask about it."},
}

// statusOf says under which status a route documents a code, which may stand before it.
func statusOf(name string) (status int, code string) {
	before, after, found := strings.Cut(name, " ")
	if found {
		name = after
	}
	c, ok := codes[name]
	if !ok {
		panic("api: code " + name + " is not documented")
	}
	if status, err := strconv.Atoi(before); found && err == nil {
		return status, name
	}
	return c.status, name
}

// list joins names for a sentence.
func list(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }
