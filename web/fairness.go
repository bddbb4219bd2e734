package web

import (
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/beacon"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
	"fairqueue/views"
)

// fairness is what anyone may check about one sale.
func (s *Server) fairness(c echo.Context) error {
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	v := views.FairnessView{
		Event: eventInfo(e), Joined: e.Arrivals, Serving: e.Serving, Draw: drawView(e), StepsMost: stepsMost(e),
		BaseURL: strings.TrimSuffix(s.cfg.PublicURL.String(), "/"),
	}
	for _, t := range e.Tiers {
		v.Capacity += t.Capacity
		v.Sold += t.Sold
	}
	if id, ok := who(c); ok {
		place, err := s.place(c, e, id)
		switch {
		case err == nil:
			v.Own = &views.OwnPlace{Spot: place.SpotID.String(), Arrival: place.Arrival, Number: deref(place.Number)}
		case fault.Code(err) != "not_in_queue":
			return err
		}
	}
	if err := s.fairnessFigures(c, e, &v); err != nil {
		return err
	}
	return s.page(c, views.FairnessPage(s.frame(c), v))
}

// stepsMost is how many steps the line has made at most: one a second, none without a number.
func stepsMost(e *sale.Snapshot) int64 {
	if e.OpenedAt == nil {
		return 0
	}
	return min(e.Serving, int64(max(e.At.Sub(*e.OpenedAt), 0)/time.Second)+1)
}

// drawView is the public side of a draw; nil without one.
func drawView(e *sale.Snapshot) *views.DrawView {
	d := e.Draw
	if d == nil {
		return nil
	}
	v := &views.DrawView{
		Commitment: hex.EncodeToString(d.Commitment[:]), CommittedAt: d.CommittedAt,
		FrozenAt: deref(d.FrozenAt), Size: deref(e.LobbySize), Root: digest(d.Root), RootedAt: deref(d.RootedAt),
		Secret: digest(d.Secret), Seed: digest(d.Seed), DrawnAt: deref(d.DrawnAt),
	}
	if e.Terms.BeaconName != "" {
		v.Beacon = beaconView(e)
	}
	return v
}

// beaconView is the beacon that a sale names, with the round that counts.
func beaconView(e *sale.Snapshot) *views.BeaconView {
	b := &views.BeaconView{Name: e.Terms.BeaconName, URL: e.Terms.BeaconURL, Round: e.Terms.BeaconRound}
	if d := e.Draw; d != nil {
		if d.BeaconRound > 0 {
			b.Round = d.BeaconRound
		}
		b.Value, b.WaivedAt = d.BeaconValue, deref(d.WaivedAt)
	}
	b.Due, _ = beacon.Time(b.Name, b.Round)
	return b
}

func digest(b *[32]byte) string {
	if b == nil {
		return ""
	}
	return hex.EncodeToString(b[:])
}

// historyShown is how many steps and exceptions the page lists.
const historyShown = 100

// fairnessFigures adds the invariants and the newest steps of the line. They
// are counted at most twice a minute, however many people look.
func (s *Server) fairnessFigures(c echo.Context, e *sale.Snapshot, v *views.FairnessView) error {
	invariants, at, err := s.invariants(c.Request().Context(), e.ID())
	if err != nil {
		return err
	}
	v.Invariants, v.CheckedAt = invariants, at.Add(s.cfg.Clock.Offset())
	steps, exceptions, err := s.cfg.Queue.History(c.Request().Context(), e.ID(), historyShown)
	if err != nil {
		return err
	}
	if v.Corrected, err = ticket.NamesCorrected(c.Request().Context(), s.cfg.DB, e.ID()); err != nil {
		return err
	}
	for _, st := range steps {
		if st.To < st.From {
			continue // Only people who came back: they stand among the exceptions.
		}
		v.Admissions = append(v.Admissions, views.Admission{From: st.From, To: st.To, At: st.At})
	}
	for _, x := range exceptions {
		v.Exceptions = append(v.Exceptions, views.Exception{Number: x.Number, Rule: ruleWords(x.Rule), At: x.At})
	}
	return nil
}

// ruleWords says the rule of a return to the line.
func ruleWords(rule string) string {
	switch rule {
	case "redeem":
		return "Missed the turn and came back in time: next as soon as there is room"
	case "behind":
		return "Asked for another turn: behind everybody who waits"
	case "lobby":
		return "Left the lobby and came back before the sale: the same place"
	case "presale":
		return "Had a presale code: called before their number for tickets that nobody before them could buy"
	}
	return rule
}

// receipt shows the fan the receipt of their place, or saves it as a file.
func (s *Server) receipt(c echo.Context) error {
	personal(c)
	id, err := requiredHere(c)
	if err != nil {
		return err
	}
	e, err := s.snapshot(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	receipt, err := s.cfg.Queue.Receipt(ctx, e, id.AccountID)
	if fault.Code(err) == "not_in_queue" {
		return see(c, "/events/"+e.Event.Slug+"/queue") // There they can join.
	}
	if err != nil {
		return err
	}
	if c.QueryParams().Has("download") {
		c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="receipt-`+e.Event.Slug+`.txt"`)
		return c.String(http.StatusOK, receipt+"\n")
	}
	place, err := s.place(c, e, id)
	if err != nil {
		return err
	}
	return s.page(c, views.ReceiptPage(s.frame(c), views.ReceiptView{
		Event: eventInfo(e), Receipt: receipt, Arrival: place.Arrival, JoinedAt: place.JoinedAt,
	}))
}
