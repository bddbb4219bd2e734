package ticket_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"fairqueue/internal/db"
	"fairqueue/internal/dbtest"
	"fairqueue/internal/fault"
	"fairqueue/internal/keys"
	"fairqueue/internal/ticket"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// desk is a sale in a transaction, with the rows that tickets refer to.
type desk struct {
	*testing.T
	tx                     pgx.Tx
	ring                   *keys.Ring
	tickets                *ticket.Service
	event, tier, fan, spot uuid.UUID
	slots                  int
}

func open(t *testing.T) *desk {
	t.Helper()
	ring, err := keys.New("a secret of the tests, long enough")
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, tx: dbtest.Tx(t), ring: ring, event: uuid.New(), tier: uuid.New(), fan: uuid.New(), spot: uuid.New()}
	d.tickets = ticket.New(ticket.Config{DB: d.tx, Keys: ring})
	org := uuid.New()
	d.sql(`INSERT INTO organizations (id, name) VALUES ($1, 'House')`, org)
	d.sql(`INSERT INTO events (id, organization_id, slug, name, venue, timezone, starts_at) VALUES ($1, $2, $3, 'x', 'x', 'UTC', now())`, d.event, org, d.event.String())
	d.sql(`INSERT INTO tiers (id, event_id, ordinal, name, price_kobo, capacity) VALUES ($1, $2, 0, 'Stands', 500, 100)`, d.tier, d.event)
	d.sql(`INSERT INTO accounts (id, email) VALUES ($1, $2)`, d.fan, d.fan.String()+"@example.com")
	d.sql(`INSERT INTO spots (id, event_id, account_id, arrival) VALUES ($1, $2, $3, 1)`, d.spot, d.event, d.fan)
	return d
}

func (d *desk) sql(q string, args ...any) {
	d.Helper()
	if _, err := d.tx.Exec(d.Context(), q, args...); err != nil {
		d.Fatal(err)
	}
}

// order issues n tickets of a new claim.
func (d *desk) order(n int) (claim uuid.UUID, ids []uuid.UUID) {
	d.Helper()
	claim = uuid.New()
	payment := uuid.New()
	d.sql(`INSERT INTO claims (id, event_id, account_id, spot_id, status, total_kobo, expires_at, cap_at, limit_then) VALUES ($1, $2, $3, $4, 'paid', 1, now(), now(), 4)`,
		claim, d.event, d.fan, d.spot)
	d.sql(`INSERT INTO payments (id, claim_id, event_id, account_id, provider, reference, amount_kobo, status, deadline_at, settled_at, received_kobo)
		VALUES ($1, $2, $3, $4, 'paystack', $5, 1, 'succeeded', now(), now(), 1)`, payment, claim, d.event, d.fan, payment.String())
	o := ticket.Order{EventID: d.event, ClaimID: claim, PaymentID: payment, AccountID: d.fan}
	for range n {
		unit := uuid.New()
		d.slots++
		d.sql(`INSERT INTO units (id, event_id, tier_id, slot, state, claim_id) VALUES ($1, $2, $3, $4, 'sold', $5)`, unit, d.event, d.tier, d.slots, claim)
		o.Units = append(o.Units, ticket.Unit{UnitID: unit, TierID: d.tier, HolderName: "Ada", Price: 500})
	}
	ids, err := d.tickets.IssueTx(d.Context(), d.tx, o)
	if err != nil {
		d.Fatal(err)
	}
	return claim, ids
}

func TestTicketsOfAnOrder(t *testing.T) {
	t.Parallel()
	d := open(t)
	claim, ids := d.order(3)
	got, err := d.tickets.OfClaim(t.Context(), d.fan, claim)
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v %v", got, err)
	}
	for _, tk := range got {
		if !slices.Contains(ids, tk.ID) || tk.Tier != "Stands" || tk.HolderName != "Ada" || tk.Status != "valid" || tk.Price != 500 || tk.IssuedAt.IsZero() {
			t.Fatalf("%+v", tk)
		}
		one, err := d.tickets.Get(t.Context(), d.fan, tk.ID)
		if err != nil || one != tk {
			t.Fatalf("%+v %v", one, err)
		}
		if _, err := d.tickets.Get(t.Context(), uuid.New(), tk.ID); fault.Code(err) != "ticket_not_found" {
			t.Fatal(err)
		}
	}
	if other, err := d.tickets.OfClaim(t.Context(), uuid.New(), claim); err != nil || len(other) != 0 {
		t.Fatalf("%+v %v", other, err)
	}
	d.sql(`UPDATE tickets SET status = 'void', ended_at = now() WHERE id = $1`, ids[0])
	if void, _ := d.tickets.Get(t.Context(), d.fan, ids[0]); void.Code != "" {
		t.Fatal("a void ticket has a code")
	}
}

func TestOneLiveTicketAUnit(t *testing.T) {
	t.Parallel()
	d := open(t)
	claim, _ := d.order(1)
	got, _ := d.tickets.OfClaim(t.Context(), d.fan, claim)
	err := db.InTx(t.Context(), d.tx, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `
			INSERT INTO tickets (id, event_id, tier_id, unit_id, claim_id, payment_id, account_id, price_kobo)
			SELECT gen_random_uuid(), event_id, tier_id, unit_id, claim_id, (SELECT id FROM payments WHERE id <> t.payment_id LIMIT 1), account_id, 0
			FROM tickets t WHERE id = $1`, got[0].ID)
		return err
	})
	if err == nil {
		t.Fatal("a place was sold twice")
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	d := open(t)
	for range 3 {
		d.order(2)
	}
	// All of them were issued in one moment: then kind and place decide, over pages too.
	rows, err := d.tx.Query(t.Context(), `SELECT t.id FROM tickets t JOIN units u ON u.id = t.unit_id WHERE t.account_id = $1 ORDER BY u.slot`, d.fan)
	if err != nil {
		t.Fatal(err)
	}
	want, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		t.Fatal(err)
	}
	var seen []uuid.UUID
	cursor := ""
	for page := 0; ; page++ {
		list, next, err := d.tickets.List(t.Context(), d.fan, 4, cursor)
		if err != nil || page > 1 {
			t.Fatal(page, err)
		}
		for _, tk := range list {
			seen = append(seen, tk.ID)
		}
		if cursor = next; next == "" {
			break
		}
	}
	if len(seen) != 6 || !slices.Equal(seen, want) {
		t.Fatalf("%d of 6 tickets, in order: %t", len(seen), slices.Equal(seen, want))
	}
	if _, _, err := d.tickets.List(t.Context(), d.fan, 4, "nonsense"); fault.Status(err) != 422 {
		t.Fatal(err)
	}
	if list, next, err := d.tickets.List(t.Context(), uuid.New(), 0, ""); err != nil || len(list) != 0 || next != "" {
		t.Fatal(list, next, err)
	}
}

func TestACodeProvesItself(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, ids := d.order(2)
	one, _ := d.tickets.Get(t.Context(), d.fan, ids[0])
	if id, ok := d.tickets.Read(one.Code, d.event); !ok || id != ids[0] {
		t.Fatalf("%s %v", id, ok)
	}
	if again, _ := d.tickets.Get(t.Context(), d.fan, ids[0]); again.Code != one.Code {
		t.Fatal("a code changes")
	}
	// Anybody with the public key can check it.
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(one.Code, "FQ1."))
	if err != nil || len(raw) != 80 {
		t.Fatal(len(raw), err)
	}
	message := slices.Concat([]byte("fairqueue-ticket-v1"), ids[0][:], d.event[:])
	if !ed25519.Verify(d.ring.Signer("ticket").Public().(ed25519.PublicKey), message, raw[16:]) {
		t.Fatal("the signature is not over the documented message")
	}
	other, _ := keys.New("another secret, as long as this")
	forged := slices.Concat(ids[0][:], ed25519.Sign(other.Signer("ticket"), message))
	swapped := slices.Concat(ids[1][:], raw[16:])
	for name, code := range map[string]string{
		"empty": "", "other prefix": "FQ2." + one.Code[4:], "no prefix": one.Code[4:], "cut": one.Code[:len(one.Code)-1], "longer": one.Code + "A",
		"padded": one.Code + "=", "a bit off": one.Code[:20] + flip(one.Code[20]) + one.Code[21:], "spaces": " " + one.Code,
		"forged": "FQ1." + base64.RawURLEncoding.EncodeToString(forged), "another ticket": "FQ1." + base64.RawURLEncoding.EncodeToString(swapped),
	} {
		if _, ok := d.tickets.Read(code, d.event); ok {
			t.Errorf("%s is taken", name)
		}
	}
	if _, ok := d.tickets.Read(one.Code, uuid.New()); ok {
		t.Error("a code of another event is taken")
	}
}

func flip(b byte) string {
	if b == 'A' {
		return "B"
	}
	return "A"
}

func TestQR(t *testing.T) {
	t.Parallel()
	rows, err := ticket.QR("FQ1." + strings.Repeat("A", 107))
	if err != nil {
		t.Fatal(err)
	}
	n := len(rows)
	if n < 21 || (n-17)%4 != 0 {
		t.Fatalf("%d modules", n)
	}
	// Three corners carry the finder: a dark ring of seven.
	for _, c := range [][2]int{{0, 0}, {n - 7, 0}, {0, n - 7}} {
		for i := range 7 {
			if len(rows[c[1]+i]) != n || !rows[c[1]][c[0]+i] || !rows[c[1]+6][c[0]+i] || !rows[c[1]+i][c[0]] || !rows[c[1]+i][c[0]+6] {
				t.Fatalf("no finder at %v", c)
			}
		}
		if rows[c[1]+1][c[0]+1] {
			t.Fatalf("no light ring at %v", c)
		}
	}
	if _, err := ticket.QR(strings.Repeat("x", 5000)); err == nil {
		t.Fatal("5,000 characters fit")
	}
}
