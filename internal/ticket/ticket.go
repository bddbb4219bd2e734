package ticket

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/db/ticketdb"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/money"
)

// Ticket is the right to come in once.
type Ticket struct {
	ID, EventID, TierID, ClaimID, AccountID uuid.UUID
	Tier                                    string
	HolderName                              string
	Price                                   money.Kobo
	// Status: valid, used, returned or void.
	Status   string
	IssuedAt time.Time
	// EndedAt is when it was used, given back or made void; zero while it is valid.
	EndedAt time.Time
	// Refund is how far the refund is that its price went back with (internal/payment); empty: there is none.
	Refund string
	// Reduced is what was given back of the price while it stayed good.
	Reduced money.Kobo
	// Dispute is why it is void where its buyer's bank asked for the money back: open until that is decided, then lost; else empty.
	Dispute string
	// NameCorrectedAt is when an organizer put the name right; zero: never.
	NameCorrectedAt time.Time
	// Code is what the QR carries; empty unless valid or used.
	Code string
	// Seat is nil for general admission.
	Seat *Seat
}

// Seat is where somebody sits, as printed.
type Seat struct {
	Section, Row, Label string
}

// Place names a seat beside its tier, as printed: a section that is called like the tier is not said twice.
func Place(tier, section, row, label string) string {
	if strings.EqualFold(strings.TrimSpace(tier), strings.TrimSpace(section)) {
		return "Row " + row + ", seat " + label
	}
	return section + ", row " + row + ", seat " + label
}

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Keys   *keys.Ring
	Logger *slog.Logger
}

// Service is the one door to tickets.
type Service struct {
	cfg Config
	q   *ticketdb.Queries
	key ed25519.PrivateKey
}

// New returns a Service.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, q: queries, key: cfg.Keys.Signer("ticket")}
}

var queries = ticketdb.New()

var errNotFound = fault.New(fault.NotFound, "ticket_not_found", "There is no such ticket of yours.")

// Order is what a settled payment bought.
type Order struct {
	EventID, ClaimID, PaymentID, AccountID uuid.UUID
	Units                                  []Unit
}

// Unit is one place of an order, and who takes it.
type Unit struct {
	UnitID, TierID uuid.UUID
	HolderName     string
	Price          money.Kobo
}

// IssueTx issues the tickets of an order in the caller's transaction and returns their ids.
func (s *Service) IssueTx(ctx context.Context, tx pgx.Tx, o Order) ([]uuid.UUID, error) {
	p := ticketdb.IssueParams{EventID: o.EventID, ClaimID: o.ClaimID, PaymentID: o.PaymentID, AccountID: o.AccountID}
	for _, u := range o.Units {
		id, err := uuid.NewRandom()
		if err != nil {
			return nil, fmt.Errorf("ticket.IssueTx: %w", err)
		}
		p.Ids = append(p.Ids, id)
		p.CodeEnds = append(p.CodeEnds, s.end(id, o.EventID))
		p.TierIds = append(p.TierIds, u.TierID)
		p.UnitIds = append(p.UnitIds, u.UnitID)
		p.HolderNames = append(p.HolderNames, u.HolderName)
		p.Prices = append(p.Prices, int64(u.Price))
	}
	ids, err := s.q.Issue(ctx, tx, p)
	if err != nil {
		return nil, fmt.Errorf("ticket.IssueTx: %w", err)
	}
	return ids, nil
}

// The most tickets in a page of a list, and how many when nobody says.
const (
	maxPage     = 100
	defaultPage = 50
)

// List returns the account's tickets, newest first, in pages.
func (s *Service) List(ctx context.Context, account uuid.UUID, limit int, cursor string) (tickets []Ticket, next string, err error) {
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	at, id, err := db.ParseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.q.ListTickets(ctx, s.cfg.DB, account, at, id, int32(limit)+1) //nolint:gosec // at most 100
	if err != nil {
		return nil, "", db.Fault(fmt.Errorf("ticket.List: %w", err))
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = db.Cursor(last.IssuedAt, last.ID)
	}
	tickets = make([]Ticket, len(rows))
	for i, r := range rows {
		tickets[i] = s.ticket(ticketdb.GetTicketRow(r))
	}
	return tickets, next, nil
}

// Get returns the account's ticket; 404 ticket_not_found.
func (s *Service) Get(ctx context.Context, account, id uuid.UUID) (Ticket, error) {
	row, err := s.q.GetTicket(ctx, s.cfg.DB, id, account)
	if db.NoRows(err) {
		return Ticket{}, errNotFound
	}
	if err != nil {
		return Ticket{}, db.Fault(fmt.Errorf("ticket.Get: %w", err))
	}
	return s.ticket(row), nil
}

// OfClaim returns the tickets of a claim of the account.
func (s *Service) OfClaim(ctx context.Context, account, claim uuid.UUID) ([]Ticket, error) {
	rows, err := s.q.TicketsOfClaim(ctx, s.cfg.DB, claim, account)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("ticket.OfClaim: %w", err))
	}
	tickets := make([]Ticket, len(rows))
	for i, r := range rows {
		tickets[i] = s.ticket(ticketdb.GetTicketRow(r))
	}
	return tickets, nil
}

func (s *Service) ticket(r ticketdb.GetTicketRow) Ticket {
	t := Ticket{
		ID: r.ID, EventID: r.EventID, TierID: r.TierID, ClaimID: r.ClaimID, AccountID: r.AccountID,
		Tier: r.TierName, HolderName: r.HolderName, Price: money.Kobo(r.PriceKobo), Status: r.Status, IssuedAt: r.IssuedAt,
		Reduced: money.Kobo(r.ReducedKobo), Dispute: r.Dispute,
	}
	if r.RefundStatus != nil {
		t.Refund = *r.RefundStatus
	}
	if r.EndedAt != nil {
		t.EndedAt = *r.EndedAt
	}
	if in := InEffect(Status(r.Status), r.CancelledAt); in != Status(r.Status) {
		t.Status, t.EndedAt = string(in), *r.CancelledAt
		if t.Price > t.Reduced {
			t.Refund = refundOwed
		}
	}
	if r.NameCorrectedAt != nil {
		t.NameCorrectedAt = *r.NameCorrectedAt
	}
	if r.SeatSection != nil && r.SeatRow != nil && r.SeatLabel != nil {
		t.Seat = &Seat{Section: *r.SeatSection, Row: *r.SeatRow, Label: *r.SeatLabel}
	}
	if t.Status == "valid" || t.Status == "used" {
		t.Code = s.code(t.ID, t.EventID)
	}
	return t
}

// refundOwed is how a refund begins that is not written down yet.
const refundOwed = "due"

const (
	codePrefix = "FQ1."
	codeLabel  = "fairqueue-ticket-v1"
)

func (s *Service) code(id, event uuid.UUID) string {
	return codePrefix + base64.RawURLEncoding.EncodeToString(append(id[:], ed25519.Sign(s.key, signed(id, event))...))
}

func signed(id, event uuid.UUID) []byte {
	m := make([]byte, 0, len(codeLabel)+2*len(id))
	m = append(m, codeLabel...)
	m = append(m, id[:]...)
	return append(m, event[:]...)
}

// Read returns the ticket whose code this is, if it was signed for the event.
func (s *Service) Read(code string, event uuid.UUID) (id uuid.UUID, ok bool) {
	body, found := strings.CutPrefix(code, codePrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if !found || err != nil || len(raw) != len(id)+ed25519.SignatureSize {
		return uuid.Nil, false
	}
	copy(id[:], raw)
	public, _ := s.key.Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, signed(id, event), raw[len(id):]) {
		return uuid.Nil, false
	}
	return id, true
}

// QR returns the modules of the QR code of a ticket's code, true for dark, without quiet zone.
func QR(code string) ([][]bool, error) {
	// Level M survives a scratched screen and keeps the modules large.
	img, err := qr.Encode(code, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("ticket.QR: %w", err)
	}
	size := img.Bounds().Dx()
	rows := make([][]bool, size)
	for y := range rows {
		rows[y] = make([]bool, size)
		for x := range rows[y] {
			r, _, _, _ := img.At(x, y).RGBA()
			rows[y][x] = r == 0
		}
	}
	return rows, nil
}
