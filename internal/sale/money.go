package sale

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
	"fairqueue/internal/money"
)

// FeesBy is who bears the fee of the provider.
type FeesBy string

// Who bears the fee. FeesByFan says so before the payment; it is the provider that adds the fee, where the organizer's
// account there is set to do so.
const (
	FeesByOrganizer FeesBy = "organizer"
	FeesByFan       FeesBy = "fan"
)

// DisputeRule is what becomes of tickets while a bank disputes their payment.
type DisputeRule string

// The rules: tickets are void while a dispute is open, or good until it is lost.
const (
	DisputesVoid DisputeRule = "void"
	DisputesKeep DisputeRule = "keep"
)

// Tax is a part of each price; the zero value is none.
type Tax struct {
	Name string
	// BasisPoints are hundredths of a percent: 750 is 7.5 %.
	BasisPoints int
	// Number is the one under which the organizer pays the tax.
	Number string
}

// In is what is tax of an amount that contains it, to the nearest kobo.
func (t Tax) In(k money.Kobo) money.Kobo {
	if t.BasisPoints <= 0 || k <= 0 {
		return 0
	}
	whole := int64(10_000 + t.BasisPoints)
	// In two parts, because amounts may be as large as an integer holds.
	q, r := int64(k)/whole, int64(k)%whole
	return money.Kobo(q*int64(t.BasisPoints) + (r*int64(t.BasisPoints)+whole/2)/whole)
}

// Percent is the rate for people: "7.5 %".
func (t Tax) Percent() string {
	s := fmt.Sprintf("%d.%02d", t.BasisPoints/100, t.BasisPoints%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") + " %"
}

// KnownChannels are the ways to pay in naira, in the words of the provider (PAYSTACK.md).
var KnownChannels = []string{"card", "ussd", "bank", "qr", "bank_transfer", "apple_pay"}

const (
	channelTransfer = "bank_transfer"
	maxTaxName      = 50
	maxTaxNumber    = 50
	maxBasisPoints  = 10_000
)

// ReturnsOpen reports whether a ticket may be given back at a moment.
func (s *Snapshot) ReturnsOpen(now time.Time) bool {
	if !s.Terms.Returns || s.CancelledAt != nil || !now.Before(s.Event.StartsAt) {
		return false
	}
	return s.Terms.ReturnsUntil == nil || now.Before(*s.Terms.ReturnsUntil)
}

// Cancelled reports whether the event does not take place.
func (s *Snapshot) Cancelled() bool { return s.CancelledAt != nil }

// CancelTx writes down that the event of a sale does not take place, and why; false if it was so before. The caller ends the sale
// and gives the money back.
func CancelTx(ctx context.Context, tx pgx.Tx, event uuid.UUID, reason string) (bool, error) {
	n, err := saledb.New().Cancel(ctx, tx, reason, event)
	if err != nil {
		return false, fmt.Errorf("sale.CancelTx: %w", err)
	}
	return n == 1, nil
}

// tidy is t with what was left out filled in, channels in the order of KnownChannels, and no tax of nothing.
func (t Terms) tidy() Terms {
	if t.FeesBy == "" {
		t.FeesBy = FeesByOrganizer
	}
	if t.Disputes == "" {
		t.Disputes = DisputesVoid
	}
	t.Channels, t.Tax = tidyChannels(t.Channels), t.Tax.tidy()
	return t
}

func (p Patch) tidy() Patch {
	if p.Channels != nil {
		c := tidyChannels(*p.Channels)
		p.Channels = &c
	}
	if p.Tax != nil {
		t := p.Tax.tidy()
		p.Tax = &t
	}
	return p
}

// tidyChannels leaves each channel once; those that are not known stay for the check.
func tidyChannels(channels []string) []string {
	out := make([]string, 0, len(channels))
	for _, c := range KnownChannels {
		if slices.Contains(channels, c) {
			out = append(out, c)
		}
	}
	for _, c := range channels {
		if !slices.Contains(KnownChannels, c) {
			out = append(out, c)
		}
	}
	return out
}

func (t Tax) tidy() Tax {
	t.Name, t.Number = strings.TrimSpace(t.Name), strings.TrimSpace(t.Number)
	return t
}

// checkMoney returns what is wrong with what an organizer sets about money, but for the times of returns.
func (t Terms) checkMoney(at string) []fault.Field {
	wrong := checkChannels(at, t.Channels)
	if t.FeesBy != "" {
		wrong = append(wrong, checkFees(at, t.FeesBy)...)
	}
	if t.Disputes != "" {
		wrong = append(wrong, checkDisputes(at, t.Disputes)...)
	}
	return append(wrong, t.Tax.check(at)...)
}

func (t Terms) checkReturns(at string, starts time.Time) []fault.Field {
	if t.ReturnsUntil == nil {
		return nil
	}
	return checkUntil(at, *t.ReturnsUntil, starts)
}

// checkMoney returns what is wrong with the fields of money that a patch sets.
func (p Patch) checkMoney(starts time.Time) (wrong []fault.Field) {
	if p.Channels != nil {
		wrong = append(wrong, checkChannels("", *p.Channels)...)
	}
	if p.FeesBy != nil {
		wrong = append(wrong, checkFees("", *p.FeesBy)...)
	}
	if p.Tax != nil {
		wrong = append(wrong, p.Tax.check("")...)
	}
	if p.ReturnsUntil != nil && !p.ReturnsUntil.IsZero() {
		wrong = append(wrong, checkUntil("", *p.ReturnsUntil, starts)...)
	}
	if p.Disputes != nil {
		wrong = append(wrong, checkDisputes("", *p.Disputes)...)
	}
	return wrong
}

func checkChannels(at string, channels []string) []fault.Field {
	var msg string
	switch {
	case slices.ContainsFunc(channels, func(c string) bool { return !slices.Contains(KnownChannels, c) }):
		msg = "The ways to pay are " + strings.Join(KnownChannels, ", ") + "."
	case len(channels) == 1 && channels[0] == channelTransfer:
		msg = "A bank transfer cannot be offered while a hold is short. Choose one more way to pay, such as card."
	default:
		return nil
	}
	return []fault.Field{{Path: at + "channels", Message: msg}}
}

func checkFees(at string, by FeesBy) []fault.Field {
	if by == FeesByOrganizer || by == FeesByFan {
		return nil
	}
	return []fault.Field{{Path: at + "fees_by", Message: "The fees are borne by the organizer or by the fan."}}
}

func checkDisputes(at string, rule DisputeRule) []fault.Field {
	if rule == DisputesVoid || rule == DisputesKeep {
		return nil
	}
	return []fault.Field{{Path: at + "disputes", Message: "Tickets under dispute are void or keep."}}
}

func (t Tax) check(at string) (wrong []fault.Field) {
	add := func(field, msg string) { wrong = append(wrong, fault.Field{Path: at + "tax." + field, Message: msg}) }
	if t.BasisPoints < 0 || t.BasisPoints > maxBasisPoints {
		add("percent", "The tax lies between 0 and 100 percent, with two decimals at most.")
	}
	switch msg := catalog.CheckText(t.Name, maxTaxName); {
	case t.Name == "" && t.BasisPoints > 0:
		add("name", "Name the tax, for example VAT.")
	case t.Name != "" && msg != "":
		add("name", "The name of the tax "+msg)
	case t.Name != "" && t.BasisPoints == 0:
		add("percent", "Say how many percent the tax is, or leave its name out.")
	}
	if t.Number != "" {
		if msg := catalog.CheckText(t.Number, maxTaxNumber); msg != "" {
			add("number", "The tax number "+msg)
		} else if t.Name == "" && t.BasisPoints == 0 {
			add("name", "Name the tax, for example VAT.")
		}
	}
	return wrong
}

func checkUntil(at string, until, starts time.Time) []fault.Field {
	switch {
	case !catalog.Sensible(until):
		return []fault.Field{{Path: at + "returns_until", Message: "Say until when tickets may be given back."}}
	case catalog.Sensible(starts) && until.After(starts):
		return []fault.Field{{Path: at + "returns_until", Message: "Tickets can be given back until the event starts at the latest."}}
	}
	return nil
}

// patchMoney sets in row what p says about money, and in changes what that changes.
func patchMoney(was saledb.LockTermsRow, p Patch, row *saledb.SetTermsParams, changes map[string]change) {
	row.Channels, row.FeesBy, row.Disputes = was.Channels, was.FeesBy, was.Disputes
	row.TaxName, row.TaxBasisPoints, row.TaxNumber = was.TaxName, was.TaxBasisPoints, was.TaxNumber
	row.Returns, row.ReturnsUntil = was.Returns, was.ReturnsUntil
	if p.Channels != nil && !slices.Equal(*p.Channels, was.Channels) {
		changes["channels"] = change{was.Channels, *p.Channels}
		row.Channels = *p.Channels
	}
	if p.FeesBy != nil && string(*p.FeesBy) != was.FeesBy {
		changes["fees_by"] = change{was.FeesBy, *p.FeesBy}
		row.FeesBy = string(*p.FeesBy)
	}
	old := Tax{Name: was.TaxName, BasisPoints: int(was.TaxBasisPoints), Number: was.TaxNumber}
	if p.Tax != nil && *p.Tax != old {
		changes["tax"] = change{old.line(), p.Tax.line()}
		row.TaxName, row.TaxBasisPoints, row.TaxNumber = p.Tax.Name, small(p.Tax.BasisPoints), p.Tax.Number
	}
	if p.Returns != nil && *p.Returns != was.Returns {
		changes["returns"] = change{was.Returns, *p.Returns}
		row.Returns = *p.Returns
	}
	if p.ReturnsUntil != nil {
		until := p.ReturnsUntil
		if until.IsZero() {
			until = nil
		}
		if !sameTime(until, was.ReturnsUntil) {
			changes["returns_until"] = change{was.ReturnsUntil, until}
			row.ReturnsUntil = until
		}
	}
	if p.Disputes != nil && string(*p.Disputes) != was.Disputes {
		changes["disputes"] = change{was.Disputes, *p.Disputes}
		row.Disputes = string(*p.Disputes)
	}
}

// line is the tax in one line of a record; empty for none.
func (t Tax) line() string {
	return strings.TrimSpace(strings.TrimSpace(t.Name+" "+t.percentOrNone()) + " " + t.Number)
}

func (t Tax) percentOrNone() string {
	if t.BasisPoints == 0 {
		return ""
	}
	return t.Percent()
}
