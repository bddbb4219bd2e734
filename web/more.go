package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// moreForm is the form of a second sale of an event.
func (s *Server) moreForm(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	if e.State == sale.Draft {
		return see(c, consolePath(e, "/stock"))
	}
	seats, err := s.stockSeats(c.Request().Context(), e)
	if err != nil {
		return err
	}
	v := moreView(e, seats)
	v.Form = views.EventFormView{Ordering: string(e.Terms.Ordering)}
	usual(&v.Form, e.Terms)
	v.Form.Money = moneyForm(e)
	v.Form.Money.ReturnsUntil = "" // of a sale that has its own time
	return s.page(c, views.MorePage(s.frame(c), v))
}

// moreView is what an event has that can be released.
func moreView(e *sale.Snapshot, seats *stockSeats) views.MoreView {
	v := views.MoreView{Event: eventInfo(e), HasMap: seats != nil}
	blocked := map[int]int{} // by tier
	sections := -1
	eachSection(seats, func(section *seatmap.Section, n int) {
		sections++
		out := views.MoreSection{Name: section.Name}
		for i, r := range section.Rows {
			row := views.MoreRow{Name: r.Name, Value: strconv.Itoa(sections) + "." + strconv.Itoa(i)}
			var names []string
			for _, seat := range r.Seats {
				if seats.state(n) == views.SeatBlocked {
					row.Seats++
					blocked[seat.Tier]++
					if name := e.Tiers[seat.Tier].Name; !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
				n++
			}
			if row.Seats > 0 {
				row.Tiers = strings.Join(names, " and ")
				out.Rows = append(out.Rows, row)
			}
		}
		if len(out.Rows) > 0 {
			v.Sections = append(v.Sections, out)
		}
	})
	for i, t := range e.Tiers {
		if blocked[i] > 0 {
			v.Seated = append(v.Seated, views.MoreTier{Name: t.Name, Was: t.Price, Field: "price." + strconv.Itoa(i), Places: blocked[i]})
		}
	}
	return v
}

// createMore makes the second sale, as a draft.
func (s *Server) createMore(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c)+"/release")
	if err != nil {
		return err
	}
	if e.State == sale.Draft {
		return see(c, consolePath(e, "/stock"))
	}
	// A double click finds the sale that the first one made, although its seats are gone from here.
	sum := sha256.Sum256([]byte(id.AccountID.String() + "\n" + e.ID().String() + "\n" + c.Request().PostForm.Encode()))
	key := hex.EncodeToString(sum[:])
	if made, ok := s.drafts.have(key); ok {
		return see(c, "/organizer/events/"+made.v.String())
	}
	ctx := c.Request().Context()
	seats, err := s.stockSeats(ctx, e)
	if err != nil {
		return err
	}
	v := moreView(e, seats)
	n, fields, errs := readMore(c, e, seats, &v)
	if wrong := n.Terms.CheckBeacon(s.now()); len(wrong) > 0 {
		addErrors(errs, &fault.Error{Fields: wrong})
	}
	if len(errs) == 0 {
		made, _, err := s.drafts.get(key, func() (uuid.UUID, error) {
			second, err := s.cfg.Sales.Release(ctx, e.ID(), id.AccountID, n)
			if err != nil {
				return uuid.UUID{}, err
			}
			return second.ID(), nil
		})
		if err == nil {
			return see(c, "/organizer/events/"+made.String())
		}
		switch f := fault.From(err); {
		case f.Kind == fault.Invalid && len(f.Fields) > 0:
			errs = moreErrors(f, fields)
		case f.Kind == fault.Conflict || f.Kind == fault.Invalid:
			v.Form.Problem = stockProblem(f, "release")
			return s.render(c, fault.Status(err), views.MorePage(s.frame(c), v))
		default:
			return err
		}
	}
	v.Form.Errors = errs
	return s.render(c, http.StatusUnprocessableEntity, views.MorePage(s.frame(c), v))
}

// readMore reads the form as it was typed into v, and as the sale it means; fields names the field of each tier.
func readMore(c echo.Context, e *sale.Snapshot, seats *stockSeats, v *views.MoreView) (n sale.NewRelease, fields []string, errs map[string]string) {
	text, errs := formText(c), map[string]string{}
	n.Terms = readTerms(text, c.Request().PostForm["channels"], e.Event.Location, &v.Form, errs)
	v.Form.Tiers, n.Tiers = readTiers(text, nil, e.Event.Location, errs)
	for i := range n.Tiers {
		fields = append(fields, "tiers."+strconv.Itoa(i))
	}
	rows := c.Request().PostForm["row"]
	there := 0
	for i := range v.Sections {
		for k := range v.Sections[i].Rows {
			row := &v.Sections[i].Rows[k]
			if row.Picked = slices.Contains(rows, row.Value); row.Picked {
				there++
			}
		}
	}
	if there < len(rows) {
		errs["seats"] = "Some of the rows you ticked have no blocked seat any more. Look through them again."
	}
	used, section := map[int]bool{}, -1
	eachSection(seats, func(in *seatmap.Section, number int) {
		section++
		for i, r := range in.Rows {
			picked := slices.Contains(rows, strconv.Itoa(section)+"."+strconv.Itoa(i))
			for _, seat := range r.Seats {
				if picked && seats.state(number) == views.SeatBlocked {
					n.Seats = append(n.Seats, seats.IDs[number])
					used[seat.Tier] = true
				}
				number++
			}
		}
	})
	for i := range v.Seated {
		t := &v.Seated[i]
		if t.Price = text(t.Field); t.Price == "" {
			continue
		}
		price, err := parseNaira(t.Price)
		if err != nil {
			errs[t.Field] = "Write the price in naira, such as 12500, or leave it empty."
			continue
		}
		at := slices.IndexFunc(e.Tiers, func(o sale.Tier) bool { return o.Name == t.Name })
		if !used[at] {
			errs[t.Field] = "No seat of " + t.Name + " is ticked above. Tick a row, or leave the price empty."
			continue
		}
		n.Tiers, fields = append(n.Tiers, sale.NewTier{Name: t.Name, Price: price}), append(fields, t.Field)
	}
	if len(n.Seats) == 0 && len(n.Tiers) == 0 && len(errs) == 0 {
		errs["tiers"] = "Release blocked seats, or write what new tickets there are."
	}
	return n, fields, errs
}

// moreErrors turns paths of the JSON API into names of our inputs; fields are those of the tiers in the order in which
// they were sent.
func moreErrors(f *fault.Error, fields []string) map[string]string {
	out := map[string]string{}
	for name, words := range fieldErrors(f) {
		if strings.HasPrefix(name, "seats") {
			name, words = "seats", "Some of these rows changed in the meantime: "+words
		} else if rest, ok := strings.CutPrefix(name, "tiers."); ok {
			at, part, _ := strings.Cut(rest, ".")
			if i, err := strconv.Atoi(at); err == nil && i < len(fields) {
				name = fields[i] + "." + part
				if strings.HasPrefix(fields[i], "price.") {
					name = fields[i]
				}
			}
		}
		if out[name] == "" {
			out[name] = words
		}
	}
	return out
}
