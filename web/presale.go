package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

func presaleRow(e *sale.Snapshot, p claim.Presale) views.PresaleRow {
	v := views.PresaleRow{ID: p.ID.String(), Name: p.Name, PublicAt: p.PublicAt, Codes: p.Codes, Unlocked: p.Unlocked}
	if p.EndedAt.Before(p.PublicAt) {
		v.EndedAt = p.EndedAt // By hand, not by the clock.
	}
	if t, ok := e.Tier(p.TierID); ok {
		v.What = "all of " + t.Name
	} else {
		v.What = numbered(p.Seats, "seat", "seats")
	}
	return v
}

// newPresaleView is an empty form of a presale, with what it may keep.
func (s *Server) newPresaleView(e *sale.Snapshot, seats *stockSeats) views.PresaleFormView {
	v := views.PresaleFormView{Event: eventInfo(e), Kind: "generate", Generate: "100", UsesPerCode: "1"}
	for _, t := range e.Tiers {
		v.Options = append(v.Options, views.PresaleOption{Value: "tier:" + t.ID.String(), Words: "All of " + t.Name})
	}
	eachSection(seats, func(section *seatmap.Section, first int) {
		if section.Kind == seatmap.Seated {
			v.Options = append(v.Options, views.PresaleOption{Value: "section:" + section.ID, Words: "Section " + section.Name})
		}
	})
	return v
}

// newPresale is the form of a presale.
func (s *Server) newPresale(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	if fixed(e) {
		return see(c, consolePath(e, "/stock"))
	}
	seats, err := s.stockSeats(c.Request().Context(), e)
	if err != nil {
		return err
	}
	return s.page(c, views.PresalePage(s.frame(c), s.newPresaleView(e, seats)))
}

// createPresale makes a presale and shows its codes: this once, as the answer itself, so that they are stored nowhere.
func (s *Server) createPresale(c echo.Context) error {
	e, id, err := s.own(c, stockOf(c))
	if err != nil {
		return err
	}
	seats, err := s.stockSeats(c.Request().Context(), e)
	if err != nil {
		return err
	}
	v := s.newPresaleView(e, seats)
	n, errs := s.readPresale(c, e, seats, &v)
	if len(errs) == 0 {
		made, codes, err := s.cfg.Claims.CreatePresale(c.Request().Context(), e, id.AccountID, n)
		if err == nil {
			return s.page(c, views.CodesPage(s.frame(c), views.CodesView{Event: v.Event, Presale: presaleRow(e, made), Codes: codes, Uses: max(n.UsesPerCode, 1)}))
		}
		switch f := fault.From(err); {
		case f.Kind == fault.Invalid && len(f.Fields) > 0:
			errs = presaleErrors(f)
		case f.Code == "code_taken" && len(n.Codes) > 0:
			errs = map[string]string{"codes": takenCodes(f, n.Codes)}
		case f.Kind == fault.Conflict || f.Kind == fault.Invalid || f.Kind == fault.NotFound || f.Kind == fault.Forbidden:
			v.Problem = stockProblem(f, "presale")
			return s.render(c, fault.Status(err), views.PresalePage(s.frame(c), v))
		default:
			return err
		}
	}
	v.Errors = errs
	return s.render(c, http.StatusUnprocessableEntity, views.PresalePage(s.frame(c), v))
}

// presaleErrors turns paths of the JSON API into names of our inputs; several at one input are one after another.
func presaleErrors(f *fault.Error) map[string]string {
	out := map[string]string{}
	for _, field := range f.Fields {
		name, _, many := strings.Cut(field.Path, "[")
		words := field.Message
		switch name {
		case "tier_id", "seat_ids":
			name = "what"
		case "codes":
			if at, _, ok := strings.Cut(strings.TrimPrefix(field.Path, "codes["), "]"); many && ok {
				if i, err := strconv.Atoi(at); err == nil {
					words = "Code " + strconv.Itoa(i+1) + ": " + words
				}
			}
		}
		if out[name] != "" && name == "codes" && len(out[name]) < 500 {
			out[name] += " " + words
		} else if out[name] == "" {
			out[name] = words
		}
	}
	return out
}

// takenCodes names the codes of a refusal, the first few of many.
func takenCodes(f *fault.Error, codes []string) string {
	var names []string
	taken, _ := f.Extra["codes"].([]int)
	for _, i := range taken[:min(len(taken), 8)] {
		if i < len(codes) {
			names = append(names, codes[i])
		}
	}
	if len(names) == 0 {
		return f.Message
	}
	return "Another presale of the event uses " + strings.Join(names, ", ") + ". Give others."
}

// readPresale reads the form as it was typed into v, and as the presale it means.
func (s *Server) readPresale(c echo.Context, e *sale.Snapshot, seats *stockSeats, v *views.PresaleFormView) (n claim.NewPresale, errs map[string]string) {
	text, errs := formText(c), map[string]string{}
	v.Name, v.What, v.PublicAt, v.Kind = text("name"), text("what"), text("public_at"), text("kind")
	v.Generate, v.Codes, v.UsesPerCode = text("generate"), text("codes"), text("uses_per_code")
	n.Name = v.Name
	readTime("public_at", v.PublicAt, e.Event.Location, &n.PublicAt, errs)
	whole := func(name, value string, to *int) {
		var err error
		if *to, err = strconv.Atoi(strings.ReplaceAll(value, ",", "")); err != nil {
			errs[name] = "Write a whole number."
		}
	}
	whole("uses_per_code", v.UsesPerCode, &n.UsesPerCode)
	if v.Kind == "own" {
		for line := range strings.Lines(v.Codes) {
			if code := strings.TrimSpace(line); code != "" {
				n.Codes = append(n.Codes, code)
			}
		}
		if len(n.Codes) == 0 {
			errs["codes"] = "Write your codes, one a line."
		}
	} else {
		whole("generate", v.Generate, &n.Generate)
		if errs["generate"] == "" && n.Generate < 1 {
			errs["generate"] = "Write how many codes, 1 or more."
		}
	}
	if n.Name == "" {
		errs["name"] = "Give it a name. Fans read it."
	}
	if errs["public_at"] == "" && !n.PublicAt.After(s.now()) {
		errs["public_at"] = "This time is past. Choose when everybody can buy."
	}
	kind, key, _ := strings.Cut(v.What, ":")
	switch kind {
	case "tier":
		if t, ok := tierOf(e, key); ok {
			n.TierID = t.ID
		}
	case "section":
		eachSection(seats, func(section *seatmap.Section, first int) {
			if section.ID != key {
				return
			}
			for _, r := range section.Rows {
				for range r.Seats {
					if seats.state(first) != views.SeatElsewhere {
						n.Seats = append(n.Seats, seats.IDs[first])
					}
					first++
				}
			}
		})
	case "seats":
		v.Seats = nil
		for _, number := range ints(c.Request().PostForm["n"]) {
			if seats != nil && number < len(seats.IDs) {
				v.Seats = append(v.Seats, number)
				n.Seats = append(n.Seats, seats.IDs[number])
			}
		}
		v.SeatWords = numbered(len(v.Seats), "seat", "seats")
	}
	if n.TierID == uuid.Nil && len(n.Seats) == 0 {
		errs["what"] = "Choose what the presale keeps."
	}
	return n, errs
}

// endPresale opens what a presale keeps to everybody.
func (s *Server) endPresale(c echo.Context) error {
	e, id, err := s.own(c, stockOf(c))
	if err != nil {
		return err
	}
	presale, err := uuid.Parse(c.Param("presale"))
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "presale_not_found", "This event has no such presale.")
	}
	if err := s.cfg.Claims.EndPresale(c.Request().Context(), e, id.AccountID, presale); err != nil {
		f := fault.From(err)
		if f.Kind == fault.Conflict || f.Kind == fault.Invalid {
			return s.tell(c, consolePath(e, "/stock"), notice{Problem: stockProblem(f, "")})
		}
		return err
	}
	return s.tell(c, consolePath(e, "/stock"), notice{Done: "The presale is over. Everybody can buy these tickets now."})
}
