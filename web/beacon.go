package web

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
	"fairqueue/views"
)

// awaited reports whether the draw of a sale waits for the value of its beacon.
func awaited(e *sale.Snapshot) bool {
	d := e.Draw
	return d != nil && d.Root != nil && d.DrawnAt == nil && d.WaivedAt == nil && e.Terms.BeaconName != "" && e.State != sale.Ended
}

// beaconAsk is where an organizer gives the value of the beacon that the draw waits for.
func (s *Server) beaconAsk(c echo.Context) error {
	e, _, err := s.own(c, c.Request().URL.RequestURI())
	if err != nil {
		return err
	}
	if !awaited(e) {
		return see(c, consolePath(e, ""))
	}
	return s.page(c, views.BeaconPage(s.frame(c), beaconForm(e)))
}

func beaconForm(e *sale.Snapshot) views.BeaconFormView {
	return views.BeaconFormView{Event: eventInfo(e), Beacon: *beaconView(e), Size: deref(e.LobbySize)}
}

// drandValue is how drand gives the randomness of a round.
var drandValue = regexp.MustCompile(`^[0-9a-f]{64}$`)

// beaconGive holds the draw with the value. It cannot be undone, so a slip of the hand is found here.
func (s *Server) beaconGive(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c))
	if err != nil {
		return err
	}
	v := beaconForm(e)
	v.Value = strings.TrimSpace(c.FormValue("value"))
	if awaited(e) {
		if v.Error = s.beaconWrong(v); v.Error != "" {
			return s.render(c, http.StatusUnprocessableEntity, views.BeaconPage(s.frame(c), v))
		}
	}
	if _, err := s.cfg.Queue.GiveBeacon(c.Request().Context(), e.ID(), id.AccountID, v.Value); err != nil {
		if f := fault.From(err); f.Kind == fault.Invalid {
			v.Error = f.Message
			if len(f.Fields) > 0 {
				v.Error = f.Fields[0].Message
			}
			return s.render(c, http.StatusUnprocessableEntity, views.BeaconPage(s.frame(c), v))
		}
		return s.refuse(c, consolePath(e, ""), err, nil)
	}
	return s.tell(c, consolePath(e, ""), notice{Done: "The numbers are drawn. Numbers are being called."})
}

func (s *Server) beaconWrong(v views.BeaconFormView) string {
	n := utf8.RuneCountInString(v.Value)
	switch {
	case n == 0:
		return "Paste the value of the beacon."
	case v.Beacon.Due.After(s.now()):
		return "This round has not come yet. Wait for it."
	case v.Beacon.Due.IsZero() || drandValue.MatchString(v.Value):
		return ""
	case n == 64:
		return "The value has only 0 to 9 and a to f, in small letters."
	}
	return "This has " + strconv.Itoa(n) + " characters. The value has 64."
}

// beaconWaive holds the draw without the beacon, which the fairness page says for ever.
func (s *Server) beaconWaive(c echo.Context) error {
	e, id, err := s.own(c, consoleOf(c))
	if err != nil {
		return err
	}
	if awaited(e) && c.FormValue("sure") != "yes" {
		v := beaconForm(e)
		v.Unsure = true
		return s.render(c, http.StatusUnprocessableEntity, views.BeaconPage(s.frame(c), v))
	}
	if _, err := s.cfg.Queue.WaiveBeacon(c.Request().Context(), e.ID(), id.AccountID); err != nil {
		return s.refuse(c, consolePath(e, ""), err, nil)
	}
	return s.tell(c, consolePath(e, ""), notice{Done: "The numbers are drawn without the beacon. The fairness page says so."})
}
