package api

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/fault"
	"fairqueue/internal/ledger"
	"fairqueue/internal/queue"
	"fairqueue/internal/sale"
	"fairqueue/internal/ticket"
)

// Fairness is what anybody needs to check a sale, as CONTRACT.md has it.
type Fairness struct {
	Ordering   string          `json:"ordering" enum:"fifo,draw"`
	SaleState  string          `json:"sale_state" enum:"draft,scheduled,lobby,open,paused,sold_out,ended"`
	Draw       FairnessDraw    `json:"draw"`
	Serving    int64           `json:"serving" doc:"The highest number that has been called."`
	Admissions []AdmissionStep `json:"admissions" nullable:"false" doc:"The newest 100, newest first; all of them, oldest first: fairness/admissions."`
	Exceptions []Exception     `json:"exceptions" nullable:"false" doc:"The newest 100, newest first; all of them, oldest first: fairness/exceptions."`
	Ledger     LedgerHead      `json:"ledger"`
	// NamesCorrected is how often an organizer used what comes nearest to passing a ticket on.
	NamesCorrected int64            `json:"names_corrected" doc:"Tickets whose holder's name an organizer put right, which is possible once a ticket."`
	Invariants     map[string]int64 `json:"invariants" nullable:"false" doc:"Violations by name, counted at most twice a minute. 0 everywhere is a fair sale." example:"{\"never_oversold\":0}"`
}

// FairnessDraw is the draw of a sale as far as it is public.
type FairnessDraw struct {
	Algorithm   string          `json:"algorithm" enum:"swap-or-not-90-sha256"`
	Commitment  *string         `json:"commitment" doc:"SHA-256(secret), in hex, published with the sale. Null in a fifo sale and in a draft, as is all that follows."`
	CommittedAt *time.Time      `json:"committed_at"`
	Secret      *string         `json:"secret" doc:"32 bytes in hex; null until the draw, or the end of a sale that had none."`
	Root        *string         `json:"root" doc:"Merkle root (RFC 6962) over the spots of the lobby, in order of arrival; null until the lobby is frozen."`
	LobbySize   *int64          `json:"lobby_size" doc:"How many stood in the lobby when it was frozen; later arrivals keep their arrival for a number."`
	Beacon      *FairnessBeacon `json:"beacon" doc:"Null where the organizer named none."`
	Seed        *string         `json:"seed" doc:"SHA-256(secret ‖ root ‖ lobby_size as uint64 big-endian ‖ UTF-8 of beacon.value or nothing), in hex."`
	DrawnAt     *time.Time      `json:"drawn_at"`
}

// TransformSchema documents that beacon may be null.
func (FairnessDraw) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return nullable(s, "beacon")
}

// FairnessBeacon is the public randomness that a draw waits for.
type FairnessBeacon struct {
	Name  string  `json:"name" example:"drand quicknet"`
	Round int64   `json:"round" doc:"The round that counts: the one named, or a later one where the lobby was frozen too late for it."`
	Value *string `json:"value" doc:"Null until it is given. Null with a draw that was held: the organizer went on without it."`
}

// AdmissionStep is one step of the line.
type AdmissionStep struct {
	FromNumber int64     `json:"from_number"`
	ToNumber   int64     `json:"to_number"`
	At         time.Time `json:"at"`
}

// Exception is a call that did not follow from the number alone.
type Exception struct {
	Number *int64    `json:"number" doc:"Null for who came back before the draw."`
	Rule   string    `json:"rule" doc:"redeem: missed the turn, next as soon as there is room. behind: another turn, behind everybody who waits. lobby: left and came back before the sale, in the same place. presale: called before the number, for tickets that take a code." example:"redeem"`
	At     time.Time `json:"at"`
}

// LedgerHead is the end of the chain of sealed decisions.
type LedgerHead struct {
	Blocks int64  `json:"blocks"`
	Head   string `json:"head" doc:"Hash of the last block, in hex; zeros before the first."`
}

type leafList struct {
	Leaves     []string `json:"leaves" nullable:"false" doc:"Leaf hashes in order of arrival, in hex. A leaf is spot id ‖ \":\" ‖ arrival in ASCII."`
	NextCursor *string  `json:"next_cursor" doc:"Null at the end."`
}

// Proof shows that a place stood in the lobby that was drawn.
type Proof struct {
	Arrival  int64    `json:"arrival"`
	Leaf     string   `json:"leaf" doc:"Leaf hash, in hex."`
	Path     []string `json:"path" nullable:"false" doc:"Hashes from the leaf's sibling to the root, as RFC 6962 has it."`
	TreeSize int64    `json:"tree_size"`
	Root     string   `json:"root"`
}

type admissionList struct {
	Admissions []AdmissionStep `json:"admissions" nullable:"false" doc:"Oldest first."`
	NextCursor *string         `json:"next_cursor" doc:"Null at the end."`
}

type exceptionList struct {
	Exceptions []Exception `json:"exceptions" nullable:"false" doc:"Oldest first."`
	NextCursor *string     `json:"next_cursor" doc:"Null at the end."`
}

const (
	algorithm = "swap-or-not-90-sha256"
	// newest is how many steps and exceptions stand in Fairness itself.
	newest = 100
	// Leaves are 67 bytes each: whoever checks a whole lobby needs all of them.
	maxLeaves, maxSteps = 10_000, 1_000
)

func hexOf(b *[32]byte) *string {
	if b == nil {
		return nil
	}
	s := hex.EncodeToString(b[:])
	return &s
}

func drawOut(s *sale.Snapshot) FairnessDraw {
	out := FairnessDraw{Algorithm: algorithm}
	if s.Terms.Ordering != sale.Draw {
		return out
	}
	if s.Terms.BeaconName != "" {
		out.Beacon = &FairnessBeacon{Name: s.Terms.BeaconName, Round: s.Terms.BeaconRound}
	}
	d := s.Draw
	if d == nil {
		return out
	}
	committed := d.CommittedAt.UTC()
	out.Commitment, out.CommittedAt = hexOf(&d.Commitment), &committed
	out.Secret, out.Root, out.Seed, out.DrawnAt = hexOf(d.Secret), hexOf(d.Root), hexOf(d.Seed), utc(d.DrawnAt)
	if d.FrozenAt != nil {
		out.LobbySize = s.LobbySize
	}
	if b := out.Beacon; b != nil {
		if d.BeaconRound > 0 {
			b.Round = d.BeaconRound
		}
		if d.BeaconValue != "" {
			b.Value = &d.BeaconValue
		}
	}
	return out
}

func stepsOut(steps []queue.Step) []AdmissionStep {
	out := make([]AdmissionStep, len(steps))
	for i, st := range steps {
		out[i] = AdmissionStep{FromNumber: st.From, ToNumber: st.To, At: st.At.UTC()}
	}
	return out
}

func exceptionsOut(exceptions []queue.Exception) []Exception {
	out := make([]Exception, len(exceptions))
	for i, x := range exceptions {
		out[i] = Exception{Rule: x.Rule, At: x.At.UTC()}
		if x.Number > 0 {
			out[i].Number = &x.Number
		}
	}
	return out
}

func hexes(hashes [][32]byte) []string {
	out := make([]string, len(hashes))
	for i := range hashes {
		out[i] = hex.EncodeToString(hashes[i][:])
	}
	return out
}

// fairnessOf makes the answer about one picture of a sale.
func (a *API) fairnessOf(ctx context.Context, s *sale.Snapshot) (Fairness, error) {
	out := Fairness{
		Ordering: string(s.Terms.Ordering), SaleState: string(s.State), Draw: drawOut(s), Serving: s.Serving,
		Invariants: map[string]int64{},
	}
	blocks, head, err := ledger.Head(ctx, a.DB)
	if err != nil {
		return out, err
	}
	out.Ledger = LedgerHead{Blocks: blocks, Head: hex.EncodeToString(head[:])}
	steps, exceptions, err := a.Queue.History(ctx, s.ID(), newest)
	if err != nil {
		return out, err
	}
	out.Admissions, out.Exceptions = stepsOut(steps), exceptionsOut(exceptions)
	if len(steps) > 0 {
		// The steps were read after the picture: both are told of one moment.
		out.Serving = max(out.Serving, steps[0].To)
	}
	if out.NamesCorrected, err = ticket.NamesCorrected(ctx, a.DB, s.ID()); err != nil {
		return out, err
	}
	if a.Invariants != nil {
		if out.Invariants, err = a.Invariants(ctx, s.ID()); err != nil {
			return out, err
		}
	}
	return out, nil
}

// pictures keeps the encoded Fairness of the newest picture of each sale.
// Pictures are replaced each second, and at once by what this process does: so
// the answer is made about once a second and event, however many ask.
type pictures struct {
	mu   sync.Mutex
	kept map[uuid.UUID]*encoded
}

type encoded struct {
	of   *sale.Snapshot
	done chan struct{} // closed when body and err are there
	body []byte
	err  error
}

const (
	picturesMost   = 1000
	pictureTimeout = 10 * time.Second
)

func (p *pictures) get(ctx context.Context, s *sale.Snapshot, build func(ctx context.Context) ([]byte, error)) ([]byte, error) {
	p.mu.Lock()
	e := p.kept[s.ID()]
	mine := e == nil || e.of != s
	if mine {
		if p.kept == nil || len(p.kept) >= picturesMost {
			p.kept = map[uuid.UUID]*encoded{}
		}
		e = &encoded{of: s, done: make(chan struct{})}
		p.kept[s.ID()] = e
	}
	p.mu.Unlock()
	if mine {
		e.fill(ctx, build)
		if e.err != nil {
			p.forget(s.ID(), e)
		}
	}
	select {
	case <-e.done:
		return e.body, e.err
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "database_unavailable", "This took too long. Ask again in a moment.")
	}
}

func (e *encoded) fill(ctx context.Context, build func(ctx context.Context) ([]byte, error)) {
	// Others wait for this answer when whoever came first has gone, also if building it breaks.
	e.err = fault.New(fault.Internal, "internal", "Something failed that should not.")
	defer close(e.done)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pictureTimeout)
	defer cancel()
	e.body, e.err = build(ctx)
}

func (p *pictures) forget(event uuid.UUID, e *encoded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept[event] == e {
		delete(p.kept, event)
	}
}

// public returns the event of the path where a token may be left out: 401, 404.
func (r *request) public() (*sale.Snapshot, error) {
	if _, _, err := r.maybe(); err != nil {
		return nil, err
	}
	return r.event()
}

// fairness gives the same bytes to all who ask.
func (a *API) fairness(e *echo.Echo) {
	a.hot(e, route{
		id: "get-fairness", method: http.MethodGet, path: prefix + "/events/{event}/fairness", tag: tagFairness, auth: optional,
		summary: "What is public about the order of a sale",
		doc: "The draw and everything that makes it checkable, the newest calls, the ledger and the invariants, at most a second old. " +
			"A fifo sale has no draw: `draw` is there with everything but the name of the algorithm null, and `number` is `arrival`. " +
			"In a draw `number` = 1 + compute_shuffled_index(`arrival` − 1, `lobby_size`, `seed`) of the Ethereum consensus specification, with 90 rounds, " +
			"up to `lobby_size`, and `arrival` behind it. `fairqueue verify` recomputes all of it.",
		ok: []int{http.StatusOK},
	}, Fairness{}, func(r *request) error {
		s, err := r.public()
		if err != nil {
			return err
		}
		b, err := a.pictures.get(r.ctx(), s, func(ctx context.Context) ([]byte, error) {
			f, err := a.fairnessOf(ctx, s)
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			enc := json.NewEncoder(&b)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(f); err != nil {
				return nil, fmt.Errorf("api: fairness of %s: %w", s.ID(), err)
			}
			return b.Bytes(), nil
		})
		if err != nil {
			return err
		}
		r.Response().Header().Set("Cache-Control", "no-store")
		return r.Blob(http.StatusOK, "application/json", b)
	})
	a.fairnessLists()
	a.receipt()
}

func (a *API) fairnessLists() {
	const path = prefix + "/events/{event}/fairness"
	add(a, route{
		id: "list-leaves", method: http.MethodGet, path: path + "/leaves", tag: tagFairness, auth: optional,
		summary: "Leaves of the lobby", doc: "Leaf hashes of the Merkle tree under `root`, in order of arrival.",
		ok: []int{http.StatusOK}, list: true, most: maxLeaves, codes: []string{"not_drawn"},
	}, func(r *request) (*reply[leafList], error) {
		s, err := r.public()
		if err != nil {
			return nil, err
		}
		limit, cursor, err := r.pageOf(maxLeaves)
		if err != nil {
			return nil, err
		}
		leaves, more, err := a.Queue.Leaves(r.ctx(), s, limit, cursor)
		if err != nil {
			return nil, err
		}
		return ok(leafList{Leaves: hexes(leaves), NextCursor: next(more)})
	})

	add(a, route{
		id: "get-proof", method: http.MethodGet, path: path + "/proof", tag: tagFairness, auth: optional,
		summary: "Proof that an arrival stood in the lobby", doc: "The leaf of an arrival and its path to `root`.",
		ok: []int{http.StatusOK}, codes: []string{"not_in_lobby", "invalid_request", "not_drawn"},
		query: []*huma.Param{{
			Name: "arrival", In: "query", Required: true, Description: "Order of joining, from 1 to lobby_size.", Schema: &huma.Schema{Type: "integer", Examples: []any{1}},
		}},
	}, func(r *request) (*reply[Proof], error) {
		s, err := r.public()
		if err != nil {
			return nil, err
		}
		arrival, err := strconv.ParseInt(r.QueryParam("arrival"), 10, 64)
		if err != nil {
			return nil, fault.InvalidField(fault.Field{Path: "arrival", Message: "arrival must be a whole number: the order of joining, from 1."})
		}
		p, err := a.Queue.Proof(r.ctx(), s, arrival)
		if err != nil {
			return nil, err
		}
		return ok(Proof{
			Arrival: p.Arrival, Leaf: hex.EncodeToString(p.Leaf[:]), Path: hexes(p.Path), TreeSize: p.TreeSize, Root: hex.EncodeToString(p.Root[:]),
		})
	})

	add(a, route{
		id: "list-admissions", method: http.MethodGet, path: path + "/admissions", tag: tagFairness, auth: optional,
		summary: "Every step of the line", doc: "Which numbers were called when. Each step begins where the one before ended.",
		ok: []int{http.StatusOK}, list: true, most: maxSteps,
	}, func(r *request) (*reply[admissionList], error) {
		s, err := r.public()
		if err != nil {
			return nil, err
		}
		limit, cursor, err := r.pageOf(maxSteps)
		if err != nil {
			return nil, err
		}
		steps, more, err := a.Queue.Admissions(r.ctx(), s, limit, cursor)
		if err != nil {
			return nil, err
		}
		return ok(admissionList{Admissions: stepsOut(steps), NextCursor: next(more)})
	})

	add(a, route{
		id: "list-exceptions", method: http.MethodGet, path: path + "/exceptions", tag: tagFairness, auth: optional,
		summary: "Every return to the line", doc: "Who was or will be called otherwise than by number alone, with the rule that allows it.",
		ok: []int{http.StatusOK}, list: true, most: maxSteps,
	}, func(r *request) (*reply[exceptionList], error) {
		s, err := r.public()
		if err != nil {
			return nil, err
		}
		limit, cursor, err := r.pageOf(maxSteps)
		if err != nil {
			return nil, err
		}
		exceptions, more, err := a.Queue.Exceptions(r.ctx(), s, limit, cursor)
		if err != nil {
			return nil, err
		}
		return ok(exceptionList{Exceptions: exceptionsOut(exceptions), NextCursor: next(more)})
	})
}

type receiptOut struct {
	Receipt string `json:"receipt" doc:"A compact JWS signed with Ed25519; keys at /.well-known/jwks.json. Claims: iss, event, spot, arrival, joined_at, commitment, iat."`
}

func (a *API) receipt() {
	add(a, route{
		id: "get-receipt", method: http.MethodGet, path: prefix + "/events/{event}/queue/receipt", tag: tagQueue, auth: bearer,
		summary: "A signed receipt of the place",
		doc:     "Keep it: with the published root of the lobby it shows that the place was not taken away or moved, and that the commitment is still the same.",
		ok:      []int{http.StatusOK}, codes: []string{"not_in_queue"},
	}, func(r *request) (*reply[receiptOut], error) {
		who, s, err := r.placeOf()
		if err != nil {
			return nil, err
		}
		receipt, err := a.Queue.Receipt(r.ctx(), s, who.AccountID)
		if err != nil {
			return nil, err
		}
		return ok(receiptOut{Receipt: receipt})
	})
}
