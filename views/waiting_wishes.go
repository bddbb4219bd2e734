package views

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"fairqueue/static"
)

// Part names what the moving part of the page shows, apart from what the page counts itself: the number that is called
// and what follows from it. A page that has the same part needs no other.
func (v WaitingView) Part(now time.Time) string {
	var odds OddsInfo
	if v.Odds != nil {
		odds = *v.Odds
	}
	if v.behind() > 0 {
		v.Ahead, v.Serving, odds.Place = 0, 0, 0
	}
	// The estimate as it is written: clock times to the minute, and how far they are.
	var eta struct {
		low, high int64
		minutes   string
	}
	if v.HasEta {
		eta.low, eta.high = minuteOf(now.Add(v.EtaLow), v.Event.Zone), minuteOf(now.Add(v.EtaHigh), v.Event.Zone)
		eta.minutes = etaMinutes(v.EtaLow, v.EtaHigh)
	}
	var bank [3]string
	if v.Bank != nil {
		bank[0] = v.Bank.ClaimID
		bank[1], bank[2] = v.Bank.words()
	}
	var used [3]string
	if v.UsedUp != nil {
		used = [3]string{v.UsedUp.title(), v.UsedUp.moneyLine(), v.UsedUp.heldLine()}
	}
	shared := v.Digest
	if shared == 0 {
		shared = v.Shared()
	}
	// Another version of the program writes the same another way.
	b := appendAll(make([]byte, 0, 512), static.URL("waiting.js"), shared, &eta, &odds, &bank, &used, v.Problem != nil)
	all := reflect.ValueOf(&v).Elem()
	for _, i := range ofPart {
		b = appendValue(b, all.Field(i))
	}
	return strconv.FormatUint(xxhash.Sum64(b), 36)
}

// ofPart are the fields of a view that are in its part as they are. Of the others some are there as they are written, and
// some are not shown.
var ofPart = fieldsBut(reflect.TypeFor[WaitingView](),
	"Event", "Tiers", "Digest", "EtaLow", "EtaHigh", "Odds", "Bank", "UsedUp", "Problem", "PollAfter", "Rate", "Crowd")

// fieldsBut are the indexes of all fields of a struct but some.
func fieldsBut(t reflect.Type, names ...string) (fields []int) {
	for i := range t.NumField() {
		if !slices.Contains(names, t.Field(i).Name) {
			fields = append(fields, i)
		}
	}
	if len(fields)+len(names) != t.NumField() {
		panic("views: a field that is left out is not there")
	}
	return fields
}

// Shared is a hash of what the page says of the sale to everybody: its event and its tiers.
func (v WaitingView) Shared() uint64 {
	v.Event.Zone = nil // It does not change, and cannot be looked into.
	return xxhash.Sum64(appendAll(nil, &v.Event, v.Tiers))
}

// minuteOf is the minute that clocks in a zone show.
func minuteOf(t time.Time, l *time.Location) int64 {
	_, offset := in(t, l).Zone()
	return (t.Unix() + int64(offset)) / 60
}

// appendAll writes what some values hold, the same in every process. Of something large it takes a pointer: what is
// reached through one is read where it lies.
func appendAll(b []byte, values ...any) []byte {
	for _, v := range values {
		b = appendValue(b, reflect.ValueOf(v))
	}
	return b
}

var timeType = reflect.TypeFor[time.Time]()

// appendValue writes a value so that different ones are different bytes.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		b = binary.AppendUvarint(b, uint64(v.Len()))
		return append(b, v.String()...)
	case reflect.Bool:
		return strconv.AppendBool(b, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint())
	case reflect.Float32, reflect.Float64:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v.Float()))
	case reflect.Slice, reflect.Array:
		b = binary.AppendUvarint(b, uint64(v.Len())) //nolint:gosec // a length is not negative
		for i := range v.Len() {
			b = appendValue(b, v.Index(i))
		}
		return b
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Struct:
		if v.Type() == timeType {
			return binary.AppendVarint(b, v.Addr().Interface().(*time.Time).UnixNano()) //nolint:forcetypeassert // it is one
		}
		for i := range v.NumField() {
			b = appendValue(b, v.Field(i))
		}
		return b
	default:
		panic("views: a part of the page that cannot be told apart: " + v.Type().String())
	}
}

// canWish is whether there is still a turn to ask things for.
func (v WaitingView) canWish() bool {
	return (v.Status == SpotLobby || v.Status == SpotWaiting) && v.Event.State != SaleEnded
}

// wants is whether a tier is among those the fan wants: all of them, unless some were chosen.
func (v WaitingView) wants(t TierInfo) bool {
	return len(v.Wants) == 0 || slices.Contains(v.Wants, t.Ordinal)
}

// noneFree is whether nothing that the fan wants can be had until something comes back.
func (v WaitingView) noneFree() bool {
	for _, t := range v.Tiers {
		if v.wants(t) && t.Available > 0 {
			return false
		}
	}
	return len(v.Tiers) > 0
}

// wishLine repeats what was saved.
func (v WaitingView) wishLine() string {
	var said []string
	if v.Mail {
		said = append(said, "an e-mail when it is your turn")
	}
	if len(v.Wants) > 0 {
		var names []string
		for _, t := range v.Tiers {
			if v.wants(t) {
				names = append(names, t.Name)
			}
		}
		said = append(said, list(names, "or"))
	}
	if len(said) == 0 {
		return ""
	}
	return "Saved: " + strings.Join(said, "; ") + "."
}

// goneLine tells a fan that every kind they want is sold, while others are left.
func (v WaitingView) goneLine() string {
	if len(v.Wants) == 0 || v.Status != SpotWaiting || v.Event.State == SaleSoldOut {
		return ""
	}
	var gone, left []string
	for _, t := range v.Tiers {
		switch {
		case v.wants(t) && !t.SoldOut:
			return ""
		case v.wants(t):
			gone = append(gone, t.Name)
		case t.Available > 0:
			left = append(left, t.Name)
		}
	}
	if len(gone) == 0 {
		return ""
	}
	s := list(gone, "and") + " " + are(len(gone)) + " sold out."
	if len(left) > 0 {
		s += " " + list(left, "and") + " " + are(len(left)) + " left. Tick what you would take instead: your place stays the same."
	} else {
		s += " Tickets that come back are offered in the order of the line."
	}
	return s
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// list is "A", "A or B", "A, B or C".
func list(names []string, and string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " " + and + " " + names[n-1]
	}
	return strings.Join(names, "")
}

// whyLine is why the wait has grown (queue.Slow).
func (v WaitingView) whyLine() string {
	switch v.Why {
	case "":
		return ""
	case "paused":
		return "Later than before: the organizer paused the line."
	case "slow_payments":
		return "Later than before: payments are slow."
	case "stock_held":
		return "Later than before: what is left is held by others who are paying."
	case "stock_later":
		return "Nobody is called just now: what is left is not on sale yet, or is for fans with a presale code. Your place is safe."
	}
	return "Later than before: the line moves more slowly."
}

// stillLine is why nobody is called just now.
func (v WaitingView) stillLine() string {
	if v.Why == "slow_payments" {
		return "Those inside take their time. Room comes free as they pay or leave"
	}
	return "Room comes free as those inside pay or leave"
}

// uselessLine says what does not help, so that nobody spends data on it.
func (v WaitingView) uselessLine() string {
	if v.Event.drawn() {
		return "Being early, refreshing or a second phone does not help."
	}
	return "Refreshing or a second phone does not help."
}

// chanceLine is what a lobby before its draw promises.
func (v WaitingView) chanceLine() string {
	if v.Event.drawn() {
		return "Everybody in the lobby has the same chance at the front."
	}
	return ""
}

// mailLine says which mails come.
func (v WaitingView) mailLine() string {
	if v.Status == SpotLobby && v.Seal != "" && !v.Event.Held {
		return "The seal of the draw now, and a mail when we call you. Your place does not depend on it."
	}
	return "One, when we call you. Your place does not depend on it."
}

// heldWhat and heldLine tell how far the draw is.
func (v WaitingView) heldWhat() string {
	if v.Late {
		return "Behind the lobby"
	}
	return "Comes in a moment"
}

func (v WaitingView) heldLine() string {
	s := "The lobby is closed and the list of everybody in it is published."
	if v.Late {
		s = "You came after the lobby was closed, so you stand behind everybody in it. Your number comes with the draw."
	}
	if v.Beacon != "" {
		return s + " The draw waits for " + v.Beacon + ", a public random value that nobody can choose. This page goes on by itself."
	}
	return s + " This page goes on by itself."
}

// sealShort is enough of the seal to know it again.
func (v WaitingView) sealShort() string { return v.Seal[:min(len(v.Seal), 12)] }
