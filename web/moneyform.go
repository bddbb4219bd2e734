package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/payment"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// moneyTyped is what a form says about money, as it was typed.
func moneyTyped(text func(string) string, channels []string) views.MoneyForm {
	return views.MoneyForm{
		Channels: channels, FeesBy: text("fees_by"), TaxName: text("tax.name"), TaxPercent: text("tax.percent"), TaxNumber: text("tax.number"),
		Returns: text("returns") != "", ReturnsUntil: text("returns_until"), Disputes: text("disputes"),
	}
}

// moneyRead sets in t what was typed; errs says what could not be read.
func moneyRead(m views.MoneyForm, zone *time.Location, t *sale.Terms, errs map[string]string) {
	t.Channels, t.Returns = m.Channels, m.Returns
	// A form without these questions means the usual.
	if m.FeesBy != "" {
		t.FeesBy = sale.FeesBy(m.FeesBy)
	}
	if m.Disputes != "" {
		t.Disputes = sale.DisputeRule(m.Disputes)
	}
	t.Tax = sale.Tax{Name: m.TaxName, Number: m.TaxNumber}
	if m.TaxPercent != "" {
		points, ok := parsePercent(m.TaxPercent)
		if !ok {
			errs["tax.percent"] = "Write the percent as a number, such as 7.5."
		}
		t.Tax.BasisPoints = points
	}
	if m.ReturnsUntil != "" {
		var at time.Time
		readTime("returns_until", m.ReturnsUntil, zone, &at, errs)
		t.ReturnsUntil = &at
	}
}

// parsePercent reads "7.5", "7,5" or "7.5 %" as hundredths of a percent.
func parsePercent(s string) (points int, ok bool) {
	s = strings.ReplaceAll(strings.TrimSpace(strings.TrimSuffix(s, "%")), ",", ".")
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > 2 || len(whole) > 3 || whole == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+(part + "00")[:2], 10, 32)
	return int(n), err == nil //nolint:gosec // five figures
}

// percentTyped is a tax rate as a form shows it; empty for none.
func percentTyped(t sale.Tax) string {
	if t.BasisPoints == 0 {
		return ""
	}
	return strings.TrimSuffix(t.Percent(), " %")
}

// moneyForm is what the terms of an event say about money.
func moneyForm(e *sale.Snapshot) views.MoneyForm {
	t := e.Terms
	m := views.MoneyForm{
		Channels: slices.Clone(t.Channels), FeesBy: string(t.FeesBy), TaxName: t.Tax.Name, TaxPercent: percentTyped(t.Tax), TaxNumber: t.Tax.Number,
		Returns: t.Returns, Disputes: string(t.Disputes),
	}
	m.Hold, m.TransferHold = seconds(t.HoldSeconds), payment.TransferHold
	if t.ReturnsUntil != nil {
		m.ReturnsUntil = t.ReturnsUntil.In(e.Event.Location).Format(localTimes[0])
	}
	return m
}

// money shows what an organizer has set about the money of an event.
func (s *Server) money(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	told := s.told(c)
	v := views.MoneyView{Event: eventInfo(e), Form: views.EventFormView{Money: moneyForm(e), Problem: told.Problem}, Done: told.Done}
	return s.page(c, views.MoneyPage(s.frame(c), v))
}

// changeMoney changes it.
func (s *Server) changeMoney(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c)+"/money")
	if err != nil {
		return err
	}
	errs := map[string]string{}
	v := views.MoneyView{Event: eventInfo(e)}
	v.Form.Money = moneyTyped(formText(c), c.Request().PostForm["channels"])
	v.Form.Money.Hold, v.Form.Money.TransferHold = seconds(e.Terms.HoldSeconds), payment.TransferHold
	t := sale.DefaultTerms()
	moneyRead(v.Form.Money, e.Event.Location, &t, errs)
	if len(errs) == 0 {
		p := sale.Patch{Channels: &t.Channels, FeesBy: &t.FeesBy, Tax: &t.Tax, Returns: &t.Returns, ReturnsUntil: &time.Time{}, Disputes: &t.Disputes}
		if t.ReturnsUntil != nil {
			p.ReturnsUntil = t.ReturnsUntil
		}
		_, err := s.cfg.Sales.Change(c.Request().Context(), e.ID(), id.AccountID, p)
		if err == nil {
			return s.tell(c, consolePath(e, "/money"), notice{Done: "Saved. It counts for payments that begin from now on."})
		}
		f := fault.From(err)
		if f.Kind != fault.Invalid || len(f.Fields) == 0 {
			return s.refuse(c, consolePath(e, "/money"), err, nil)
		}
		errs = fieldErrors(f)
	}
	v.Form.Errors = errs
	return s.render(c, http.StatusUnprocessableEntity, views.MoneyPage(s.frame(c), v))
}
