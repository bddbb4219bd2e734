package views

import (
	"context"
	"hash/fnv"
	"io"
	"strings"
	"time"

	"github.com/a-h/templ"

	"fairqueue/internal/money"
)

// GalleryEntry is one view with canned data.
type GalleryEntry struct {
	Name  string // in /gallery/{name}
	Group string
	Title string
	Page  func(f Frame) templ.Component
}

type galleryGroup struct {
	ID, Name string
	Entries  []GalleryEntry
}

func galleryGroups(entries []GalleryEntry) (groups []galleryGroup) {
	for _, e := range entries {
		if n := len(groups); n == 0 || groups[n-1].Name != e.Group {
			groups = append(groups, galleryGroup{ID: strings.ToLower(strings.ReplaceAll(e.Group, " ", "-")), Name: e.Group})
		}
		g := &groups[len(groups)-1]
		g.Entries = append(g.Entries, e)
	}
	return groups
}

// The gallery's clock stands at 12:21:40 in Lagos on the day of the sale.
var galleryNow = time.Date(2026, 11, 20, 11, 21, 40, 0, time.UTC)

func galleryZone() *time.Location { return time.FixedZone("Africa/Lagos", 3600) }

func galleryTiers() []TierInfo {
	return []TierInfo{
		{ID: "t1", Ordinal: 1, Name: "Stands", Price: 1250000, Capacity: 7000, Available: 3104, Seated: true},
		{ID: "t2", Ordinal: 2, Name: "Floor", Price: 2500000, Capacity: 4000, Available: 1640},
		{ID: "t3", Ordinal: 3, Name: "Golden Circle", Price: 6000000, Capacity: 900, Available: 36},
		{ID: "t4", Ordinal: 4, Name: "Terrace box", Price: 12000000, Capacity: 100, Seated: true, SoldOut: true},
	}
}

func fullTiers() []TierInfo {
	tiers := galleryTiers()
	for i := range tiers {
		tiers[i].Available, tiers[i].SoldOut = tiers[i].Capacity, false
	}
	return tiers
}

func soldTiers() []TierInfo {
	tiers := galleryTiers()
	for i := range tiers {
		tiers[i].Available, tiers[i].SoldOut = 0, true
	}
	return tiers
}

func galleryEvent(state SaleState) EventInfo {
	return EventInfo{
		ID: "0190b6a0-0000-7000-8000-000000000005", Slug: "harmattan-nights", Name: "Harmattan Nights", Venue: "Marina Bowl, Lagos",
		Zone: galleryZone(), StartsAt: galleryNow.AddDate(0, 0, 22).Add(6*time.Hour + 38*time.Minute + 20*time.Second),
		State: state, Since: galleryNow.Add(-50 * time.Second), Draw: true, LobbyOpensAt: galleryNow.Add(-51*time.Minute - 40*time.Second), OpensAt: galleryNow.Add(-21*time.Minute - 40*time.Second),
		ClosesAt: galleryNow.AddDate(0, 0, 7), Limit: 4,
	}
}

// opensIn moves an event's times so that the sale opens after d from now, half an hour after its lobby.
func opensIn(e EventInfo, d time.Duration) EventInfo {
	e.OpensAt = galleryNow.Add(d)
	e.LobbyOpensAt = e.OpensAt.Add(-30 * time.Minute)
	return e
}

func withMessage(e EventInfo) EventInfo {
	e.Message = "Floor tickets use Gate 1 only. If you come by ferry, choose Stands: Gate 3 is at the jetty."
	e.MessageAt = galleryNow.Add(-40 * time.Second)
	return e
}

func galleryEvents() []HomeEvent {
	other := func(id, name, venue string, days int, state SaleState, low money.Kobo, available int) HomeEvent {
		e := galleryEvent(state)
		e.ID, e.Slug, e.Name, e.Venue = id, "event-"+id, name, venue
		e.StartsAt = galleryNow.AddDate(0, 0, days)
		if state == SaleScheduled {
			e = opensIn(e, 70*time.Hour)
		}
		return HomeEvent{Event: e, Tiers: []TierInfo{{Name: "Hall", Price: low, Capacity: 2000, Available: available}, {Name: "Front", Price: low * 2, Capacity: 100}}}
	}
	return []HomeEvent{
		{Event: opensIn(galleryEvent(SaleLobby), 520*time.Second), Tiers: fullTiers()},
		other("c", "Highlife on the Lagoon", "Creek Hall, Port Harcourt", 7, SaleOpen, 800000, 1400),
		other("n", "Ẹ̀rín Night", "Old Cinema, Ìbàdàn", 8, SaleOpen, 500000, 31),
		other("b", "Lagoon Rovers v Ƙofar Rangers", "Freshwater Arena, Ìkẹjà", 16, SaleScheduled, 300000, 2000),
		other("a", "Ganga Summit", "Ɗakin Kiɗa, Kano", 23, SalePaused, 400000, 800),
		other("f", "New Yam Jazz", "Coal Yard, Enugu", 29, SaleSoldOut, 1000000, 0),
	}
}

func galleryWaiting(status SpotStatus, state SaleState) WaitingView {
	return WaitingView{
		Event: galleryEvent(state), Tiers: galleryTiers(), Status: status,
		Number: 12408, Ahead: 4193, Serving: 8214, Arrival: 30112,
		Odds: &OddsInfo{Chance: "close", Place: 4194, Left: 4780, Low: 12100, High: 15300}, Crowd: 50112,
		HasEta: true, EtaLow: 11 * time.Minute, EtaHigh: 19 * time.Minute, Rate: 308,
		Turn: 2 * time.Minute, Visit: 10 * time.Minute, Grace: 10 * time.Minute, PollAfter: 12 * time.Second,
	}
}

func galleryTicket(status TicketStatus) TicketInfo {
	e := galleryEvent(SaleOpen)
	return TicketInfo{ID: "k1", Event: e, Tier: "Floor", Holder: "Jọláadé Akinwale", Status: status, Price: 2500000, UsedAt: e.StartsAt.Add(-time.Hour)}
}

// galleryCode looks like a code and is none.
func galleryCode() [][]bool {
	const n = 29
	finder := func(x, y int) bool {
		d := max(abs(x-3), abs(y-3))
		return d == 3 || d <= 1
	}
	rows := make([][]bool, n)
	for y := range rows {
		rows[y] = make([]bool, n)
		for x := range rows[y] {
			switch {
			case x < 8 && y < 8:
				rows[y][x] = x < 7 && y < 7 && finder(x, y)
			case x >= n-8 && y < 8:
				rows[y][x] = x > n-8 && y < 7 && finder(x-n+7, y)
			case x < 8 && y >= n-8:
				rows[y][x] = x < 7 && y > n-8 && finder(x, y-n+7)
			default:
				h := fnv.New32a()
				_, _ = h.Write([]byte{byte(x), byte(y), 7})
				rows[y][x] = h.Sum32()%9 < 4
			}
		}
	}
	return rows
}

func abs(n int) int { return max(n, -n) }

func galleryStats() Stats {
	return Stats{
		Waiting: 41510, Called: 62, Inside: 486, Missed: 118, Left: 74, Done: 7862, Serving: 8214, Joined: 50112,
		Capacity: 12000, Free: 4820, Held: 212, Sold: 6968, Succeeded: 16472000000, CalledPerMinute: 308,
	}
}

func galleryConsole(state SaleState, can ...ConsoleAction) ConsoleView {
	e := galleryEvent(state)
	e.Since = galleryNow.Add(-21*time.Minute - 40*time.Second)
	return ConsoleView{Event: withMessage(e), Stats: galleryStats(), AdmitPerMinute: 310, MaxInside: 500, Can: can}
}

func galleryForm() EventFormView {
	return EventFormView{
		Timezone: "Africa/Lagos", Ordering: "draw", MaxPerFan: "4", AdmitPerMinute: "600", MaxInside: "500",
		TurnSeconds: "120", VisitSeconds: "600", HoldSeconds: "600", GraceSeconds: "600",
	}
}

func galleryFairness() FairnessView {
	at := func(s int) time.Time { return galleryNow.Add(-time.Duration(s) * time.Second) }
	v := FairnessView{Event: galleryEvent(SaleOpen), Joined: 50112, Serving: 8214, Capacity: 12000, Sold: 6968, CheckedAt: at(1), StepsMost: 1300, BaseURL: "https://fairqueue.example"}
	v.Draw = galleryDraw()
	for _, name := range []string{"never_oversold", "one_spot_per_fan", "arrival_gapless", "no_lost_spot", "no_overtaking", "draw_verifies", "within_limits", "paid_means_ticket_or_refund", "ticket_means_paid", "money_adds_up"} {
		v.Invariants = append(v.Invariants, Invariant{Name: name})
	}
	for i := range 8 {
		to := int64(8214 - 5*i)
		v.Admissions = append(v.Admissions, Admission{From: to - 4, To: to, At: at(i)})
	}
	v.Exceptions = []Exception{{Number: 7310, Rule: "came back after a missed turn", At: at(95)}, {Number: 12, Rule: "asked for another turn, stood at the end", At: at(410)}}
	return v
}

// galleryDraw is a draw that was held, without a beacon.
func galleryDraw() *DrawView {
	d := &DrawView{ //nolint:gosec // Nothing is sealed by it.
		Commitment: "50e721e49c013f00c62cf59f2163542a9d8df02464efeb615d31051b0fddc326", CommittedAt: galleryNow.AddDate(0, 0, -9),
		FrozenAt: galleryNow.Add(-21*time.Minute - 40*time.Second), Size: 41306,
		Root: "8a39d2abd3999ab73c34db2476849cddf303ce389b35826850f9a700589b4a90", RootedAt: galleryNow.Add(-21*time.Minute - 39*time.Second),
		Secret: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Seed: "ef2d127de37b942baad06145e54b0c619a1f22327b2ebbcfbec78f5564afe39d",
	}
	d.DrawnAt = galleryNow.Add(-21*time.Minute - 38*time.Second)
	return d
}

func galleryBeacon() *BeaconView {
	return &BeaconView{Name: "drand quicknet", Round: 13_902_114, Due: galleryNow.Add(-21 * time.Minute)}
}

func (b *galleryBook) add(name, title string, page func(f Frame) templ.Component) {
	b.entries = append(b.entries, GalleryEntry{Name: name, Group: b.group, Title: title, Page: func(f Frame) templ.Component {
		f.Now, f.Still = galleryNow, true
		f.Path = "/gallery/" + name
		return page(f)
	}})
}

type galleryBook struct {
	group   string
	entries []GalleryEntry
}

func signedIn(f Frame) Frame {
	f.Name = "Jọláadé A."
	return f
}

// Gallery is every view with canned data, in order.
func Gallery() []GalleryEntry {
	b := &galleryBook{}
	b.group = "Parts"
	b.add("parts", "Small parts", partsPage)
	b.fan()
	b.waiting()
	b.choosing()
	b.buying()
	b.organizing()
	b.group = "When something is wrong"
	b.add("error-busy", "Very busy", func(f Frame) templ.Component {
		f.RequestID = "Q7-31C8-0E"
		return ErrorPage(f, ErrorView{Status: 503, Title: "We have not saved your place yet", Text: "Too many people came in the same second. You have not lost anything: your place is given when it is saved.", Retry: 8 * time.Second, RetryURL: "/"})
	})
	b.add("error-404", "Not found", func(f Frame) templ.Component { f.RequestID = "Q7-31C8-0F"; return ErrorPage(f, ErrorView{Status: 404}) })
	b.add("error-403", "Not yours", func(f Frame) templ.Component { f.RequestID = "Q7-31C8-0F"; return ErrorPage(f, ErrorView{Status: 403}) })
	b.add("error-500", "Our fault", func(f Frame) templ.Component { f.RequestID = "Q7-31C8-10"; return ErrorPage(f, ErrorView{Status: 500}) })
	b.add("error-fragment", "In place of a part", func(f Frame) templ.Component {
		return framed(f, ErrorFragment(Frame{RequestID: "Q7-31C8-11"}, ErrorView{Status: 503}))
	})
	b.add("offline", "No signal", OfflinePage)
	b.add("test-mode", "A test key where people pay", func(f Frame) templ.Component {
		f.TestMode = true
		return ErrorPage(f, ErrorView{Status: 404})
	})
	b.add("test-mode-organizer", "The same, for organizers", func(f Frame) templ.Component {
		f = signedIn(f)
		f.TestMode, f.Organizer = true, true
		return ErrorPage(f, ErrorView{Status: 404})
	})
	return b.entries
}

// framed puts a part on a page of its own.
func framed(f Frame, part templ.Component) templ.Component {
	inner := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<div class="wrap"><h1 class="mt-7">A part</h1>`); err != nil {
			return err
		}
		if err := part.Render(ctx, w); err != nil {
			return err
		}
		_, err := io.WriteString(w, `</div>`)
		return err
	})
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return layout(f, page{Title: "A part"}).Render(templ.WithChildren(ctx, inner), w)
	})
}
