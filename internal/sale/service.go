package sale

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"fairqueue/internal/catalog"
	"fairqueue/internal/db"
	"fairqueue/internal/db/saledb"
	"fairqueue/internal/fault"
	"fairqueue/internal/live"
	"fairqueue/internal/money"
)

// Config is what a Service needs.
type Config struct {
	DB     db.Conn
	Live   *live.Hub
	Clock  *db.Clock
	Logger *slog.Logger
}

// Service is the one door to sales.
type Service struct {
	cfg   Config
	me    uuid.UUID // tells our own nudges from others'
	memo  memory
	loads singleflight.Group
}

// New returns a Service.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, me: uuid.New()}
	s.memo.init()
	return s
}

const (
	// freshFor is how old a picture in memory may be before a reader asks the
	// database itself: the refresh comes each second, so this is two missed ones.
	freshFor = 3 * time.Second
	// keptFor is how long the pictures of ended sales, and the knowledge that
	// there is no such event, are believed.
	keptFor     = time.Second
	loadTimeout = 5 * time.Second
	maxPage     = 100
)

var liveStates = []string{string(Scheduled), string(Lobby), string(Open), string(Paused)}

// Get returns the snapshot of an event by id or slug: from memory for live sales (at most about a second
// old), else from a short cache or the database. 404 event_not_found. Drafts are returned too: callers check Published.
func (s *Service) Get(ctx context.Context, idOrSlug string) (*Snapshot, error) {
	found := s.memo.find(idOrSlug)
	if found.fresh {
		if found.snap == nil {
			return nil, notFound()
		}
		return found.snap, nil
	}
	snap, err := s.load(ctx, idOrSlug)
	if err != nil && found.snap != nil && fault.From(err).Kind == fault.Unavailable {
		// The last picture is better than none while the database is away.
		return found.snap, nil
	}
	return snap, err
}

// load reads one event, once for all who ask at the same time.
func (s *Service) load(ctx context.Context, idOrSlug string) (*Snapshot, error) {
	ch := s.loads.DoChan(idOrSlug, func() (any, error) {
		// Whoever came first may go away; the others still want the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		ids, slugs := []uuid.UUID{}, []string{}
		if id, err := uuid.Parse(idOrSlug); err == nil {
			ids = append(ids, id)
		} else {
			slugs = append(slugs, idOrSlug)
		}
		snaps, err := s.read(ctx, []string{}, ids, slugs)
		if err != nil {
			return nil, err
		}
		if len(snaps) == 0 {
			s.memo.miss(idOrSlug)
			return nil, notFound()
		}
		s.memo.put(snaps)
		return snaps[0], nil
	})
	select {
	case r := <-ch:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Snapshot), nil
	case <-ctx.Done():
		return nil, db.Fault(ctx.Err())
	}
}

// Fresh reads one event from the database now, puts it into memory, and nudges the other replicas.
func (s *Service) Fresh(ctx context.Context, id uuid.UUID) (*Snapshot, error) {
	snaps, err := s.read(ctx, []string{}, []uuid.UUID{id}, []string{})
	if err != nil {
		return nil, err
	}
	if len(snaps) == 0 {
		return nil, notFound()
	}
	s.memo.put(snaps)
	s.nudge(ctx, id)
	return snaps[0], nil
}

// Own returns a fresh snapshot if the organization owns the event; 404 otherwise.
func (s *Service) Own(ctx context.Context, organization uuid.UUID, idOrSlug string) (*Snapshot, error) {
	ids, slugs := []uuid.UUID{}, []string{}
	if id, err := uuid.Parse(idOrSlug); err == nil {
		ids = append(ids, id)
	} else {
		slugs = append(slugs, idOrSlug)
	}
	snaps, err := s.read(ctx, []string{}, ids, slugs)
	if err != nil {
		return nil, err
	}
	if len(snaps) == 0 || snaps[0].Event.OrganizationID != organization {
		return nil, notFound()
	}
	s.memo.put(snaps)
	return snaps[0], nil
}

// List returns published events in pages: those on sale soonest first, then the ended ones; cursor is opaque,
// next is "" at the end. 422 for a bad cursor.
func (s *Service) List(ctx context.Context, limit int, cursor string) (events []*Snapshot, next string, err error) {
	limit = max(1, min(limit, maxPage))
	over, at, id, err := parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := saledb.New().Listed(ctx, s.cfg.DB, over, at, id, small(limit+1))
	if err != nil {
		return nil, "", db.Fault(fmt.Errorf("sale.List: %w", err))
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = makeCursor(last.Over, last.StartsAt, last.ID)
	}
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	events, err = s.all(ctx, ids)
	return events, next, err
}

// ListOwn returns the organization's events, newest first, drafts included.
func (s *Service) ListOwn(ctx context.Context, organization uuid.UUID) ([]*Snapshot, error) {
	ids, err := saledb.New().ListedOwn(ctx, s.cfg.DB, organization)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("sale.ListOwn: %w", err))
	}
	return s.all(ctx, ids)
}

// all returns the snapshots of events in order, from memory where it has them.
func (s *Service) all(ctx context.Context, ids []uuid.UUID) ([]*Snapshot, error) {
	found := make(map[uuid.UUID]*Snapshot, len(ids))
	var missing []uuid.UUID
	for _, id := range ids {
		if f := s.memo.find(id.String()); f.fresh && f.snap != nil {
			found[id] = f.snap
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		snaps, err := s.read(ctx, []string{}, missing, []string{})
		if err != nil {
			return nil, err
		}
		s.memo.put(snaps)
		for _, snap := range snaps {
			found[snap.ID()] = snap
		}
	}
	events := make([]*Snapshot, 0, len(ids))
	for _, id := range ids {
		if snap := found[id]; snap != nil {
			events = append(events, snap)
		}
	}
	return events, nil
}

// Refresh reads all live sales from PostgreSQL by one query into memory; the application calls it each second.
func (s *Service) Refresh(ctx context.Context) error {
	// Those in memory are read by id as well, so that the end of a sale is seen once.
	snaps, err := s.read(ctx, liveStates, s.memo.liveIDs(), []string{})
	if err != nil {
		return err
	}
	s.memo.put(snaps)
	return nil
}

// read makes snapshots of rows; none has its rate yet.
func (s *Service) read(ctx context.Context, states []string, ids []uuid.UUID, slugs []string) ([]*Snapshot, error) {
	rows, err := saledb.New().Pictures(ctx, s.cfg.DB, states, ids, slugs)
	if err != nil {
		return nil, db.Fault(fmt.Errorf("sale: read: %w", err))
	}
	var snaps []*Snapshot
	for start := 0; start < len(rows); {
		end := start + 1
		for end < len(rows) && rows[end].ID == rows[start].ID {
			end++
		}
		snap, err := picture(rows[start:end])
		if err != nil {
			return nil, err
		}
		snaps = append(snaps, snap)
		start = end
	}
	return snaps, nil
}

// picture makes a snapshot of one sale's rows, one a tier.
func picture(rows []saledb.PicturesRow) (*Snapshot, error) {
	r := rows[0]
	location, err := catalog.Location(r.Timezone)
	if err != nil {
		return nil, fmt.Errorf("sale: event %s: %w", r.ID, err)
	}
	s := &Snapshot{
		Event: catalog.Event{
			ID: r.ID, OrganizationID: r.OrganizationID, ShowID: r.ShowID, Slug: r.Slug, Name: r.Name, Venue: r.Venue,
			Timezone: r.Timezone, Location: location, StartsAt: r.StartsAt, CreatedAt: r.CreatedAt,
		},
		Terms: Terms{
			Ordering: Ordering(r.Ordering), LobbyOpensAt: r.LobbyOpensAt, OpensAt: r.OpensAt, ClosesAt: r.ClosesAt,
			MaxTicketsPerFan: int(r.MaxTicketsPerFan), MaxWaiting: r.MaxWaiting, AdmitPerMinute: int(r.AdmitPerMinute),
			MaxInside: int(r.MaxInside), TurnSeconds: int(r.TurnSeconds), VisitSeconds: int(r.VisitSeconds),
			HoldSeconds: int(r.HoldSeconds), GraceSeconds: int(r.GraceSeconds),
			BeaconName: value(r.BeaconName), BeaconRound: value(r.BeaconRound), BeaconURL: value(r.BeaconUrl),
			Channels: r.Channels, FeesBy: FeesBy(r.FeesBy), Tax: Tax{Name: r.TaxName, BasisPoints: int(r.TaxBasisPoints), Number: r.TaxNumber},
			Returns: r.Returns, ReturnsUntil: r.ReturnsUntil, Disputes: DisputeRule(r.Disputes),
		},
		State: State(r.State), Message: r.Message, MessageAt: r.MessageAt,
		PublishedAt: r.PublishedAt, OpenedAt: r.OpenedAt, EndedAt: r.EndedAt, PausedAt: r.PausedAt, CancelledAt: r.CancelledAt, CancelReason: r.CancelReason,
		At: r.At, LineAt: r.LineAt, others: r.Others,
		Arrivals: value(r.Arrivals), LobbySize: r.LobbySize, Serving: value(r.Serving), Version: r.Version,
	}
	s.Draw, s.Presale = drawFacts(r), r.Presales > 0
	unsold := 0
	for _, t := range rows {
		tier := Tier{
			ID: t.TierID, Ordinal: int(t.Ordinal), Name: t.TierName, Price: money.Kobo(t.PriceKobo), Capacity: int(t.Capacity), Seated: t.Seated,
			Held: int(t.Held - t.Past), OpensAt: t.TierOpensAt, ClosesAt: t.TierClosesAt, PublicAt: t.TierPublicAt,
		}
		free := int(t.Free + t.Past)
		tier.Sold = tier.Capacity - int(t.Free+t.Held+t.Blocked)
		if r.PublishedAt == nil {
			// A draft has no units yet.
			free, tier.Sold = tier.Capacity-int(t.DraftBlocked), 0
		}
		if tier.PublicAt == nil && tier.OnSale(t.SellingAt) {
			tier.Available = max(0, free-int(t.Gated))
		}
		tier.Later = free - tier.Available
		unsold += tier.Unsold()
		s.Tiers = append(s.Tiers, tier)
	}
	slices.SortFunc(s.Tiers, func(a, b Tier) int { return a.Ordinal - b.Ordinal })
	if s.State == Open && unsold == 0 {
		s.State = SoldOut
	}
	return s, nil
}

func drawFacts(r saledb.PicturesRow) *DrawFacts {
	if len(r.Commitment) != 32 || r.CommittedAt == nil {
		return nil
	}
	return &DrawFacts{
		Commitment: [32]byte(r.Commitment), CommittedAt: *r.CommittedAt, FrozenAt: r.FrozenAt,
		Root: digest(r.Root), RootedAt: r.RootedAt, BeaconRound: value(r.DrawRound), BeaconValue: value(r.BeaconValue), WaivedAt: r.WaivedAt,
		Secret: digest(r.Secret), Seed: digest(r.Seed), DrawnAt: r.DrawnAt,
	}
}

func digest(b []byte) *[32]byte {
	if len(b) != 32 {
		return nil
	}
	d := [32]byte(b)
	return &d
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
