package verify_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fairqueue/internal/beacon"
	"fairqueue/internal/merkle"
	"fairqueue/internal/shuffle"
	"fairqueue/internal/verify"
)

// public is a sale as everybody sees it, answered the way CONTRACT.md says.
type public struct {
	fairness   map[string]any
	leaves     [][32]byte
	admissions []map[string]any
	exceptions []map[string]any
	// change alters an answer on its way, or nothing.
	change func(path string, body []byte) []byte
}

func hx(b []byte) string { return hex.EncodeToString(b) }

var began = time.Date(2030, 6, 1, 9, 0, 0, 123456000, time.UTC)

// drawn is a sale whose draw of n places was held, with steps called so far.
func drawn(n, steps int, beacon string) *public {
	p := &public{leaves: [][32]byte{}, admissions: []map[string]any{}, exceptions: []map[string]any{}}
	for a := range n {
		p.leaves = append(p.leaves, merkle.LeafHash(fmt.Appendf(nil, "00000000-0000-4000-8000-%012d:%d", a, a+1)))
	}
	secret := sha256.Sum256([]byte("a secret"))
	commitment := sha256.Sum256(secret[:])
	root := merkle.Root(p.leaves)
	in := binary.BigEndian.AppendUint64(append(append([]byte{}, secret[:]...), root[:]...), uint64(n)) //nolint:gosec // small
	seed := sha256.Sum256(append(in, beacon...))
	for i := range steps {
		p.admissions = append(p.admissions, map[string]any{"from_number": 1 + i*3, "to_number": 3 + i*3, "at": began.Add(time.Duration(i) * time.Second)})
	}
	p.exceptions = append(p.exceptions, map[string]any{"number": nil, "rule": "lobby", "at": began})
	if steps > 0 {
		p.exceptions = append(p.exceptions,
			map[string]any{"number": 1, "rule": "redeem", "at": began.Add(time.Second)},
			map[string]any{"number": 2, "rule": "behind", "at": began.Add(time.Second)},
			// With a presale code before their number, which is still to come, and missed.
			map[string]any{"number": 100, "rule": "presale", "at": began.Add(2 * time.Second)},
			map[string]any{"number": 100, "rule": "redeem", "at": began.Add(3 * time.Second)},
		)
	}
	invariants := map[string]any{}
	for _, name := range []string{
		"never_oversold", "one_spot_per_fan", "arrival_gapless", "no_lost_spot", "no_overtaking", "draw_verifies", "within_limits",
		"paid_means_ticket_or_refund", "ticket_means_paid", "money_adds_up",
	} {
		invariants[name] = 0
	}
	d := map[string]any{
		"algorithm": "swap-or-not-90-sha256", "commitment": hx(commitment[:]), "committed_at": began.Add(-time.Hour),
		"secret": hx(secret[:]), "root": hx(root[:]), "lobby_size": n, "beacon": nil, "seed": hx(seed[:]), "drawn_at": began,
	}
	if beacon != "" {
		d["beacon"] = map[string]any{"name": "drand quicknet", "round": 7, "value": beacon}
	}
	p.fairness = map[string]any{
		"ordering": "draw", "sale_state": "ended", "draw": d, "serving": 3 * steps,
		"ledger": map[string]any{"blocks": 2, "head": hx(secret[:])}, "invariants": invariants,
	}
	return p
}

func newest(all []map[string]any) []map[string]any {
	out := slices.Clone(all[max(0, len(all)-100):])
	slices.Reverse(out)
	return out
}

func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v1/events/lagos-night/fairness")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"code":"event_not_found","detail":"There is no such event."}`)
		return
	}
	var out any
	switch path {
	case "":
		p.fairness["admissions"], p.fairness["exceptions"] = newest(p.admissions), newest(p.exceptions)
		out = p.fairness
	case "/leaves":
		all := []string{}
		for _, l := range p.leaves {
			all = append(all, hx(l[:]))
		}
		out = page("leaves", all, r, 7)
	case "/admissions":
		out = page("admissions", p.admissions, r, 5)
	case "/exceptions":
		out = page("exceptions", p.exceptions, r, 2)
	case "/proof":
		a, _ := strconv.Atoi(r.URL.Query().Get("arrival"))
		hashes := []string{}
		for _, h := range merkle.Path(p.leaves, a-1) {
			hashes = append(hashes, hx(h[:]))
		}
		root := merkle.Root(p.leaves)
		out = map[string]any{"arrival": a, "leaf": hx(p.leaves[a-1][:]), "path": hashes, "tree_size": len(p.leaves), "root": hx(root[:])}
	}
	b, _ := json.Marshal(out)
	if p.change != nil {
		b = p.change(path, b)
	}
	_, _ = w.Write(b)
}

func page[T any](name string, all []T, r *http.Request, size int) map[string]any {
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	to := min(len(all), from+size)
	out := map[string]any{name: append([]T{}, all[from:to]...), "next_cursor": nil}
	if to < len(all) {
		out["next_cursor"] = strconv.Itoa(to)
	}
	return out
}

func (p *public) check(t *testing.T, arrivals ...int64) *verify.Report {
	t.Helper()
	s := httptest.NewServer(p)
	defer s.Close()
	r, err := verify.Run(t.Context(), verify.Config{URL: s.URL, Event: "lagos-night", HTTP: s.Client(), Arrivals: arrivals})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func failed(r *verify.Report) (names []string) {
	for _, c := range r.Checks {
		if c.Status == verify.Fail {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestAnHonestSaleVerifies(t *testing.T) {
	t.Parallel()
	for _, p := range []*public{drawn(100, 33, "a2c4"), drawn(100, 0, ""), drawn(1, 0, ""), drawn(0, 0, ""), drawn(257, 120, "")} {
		r := p.check(t, 1, 3, 1000)
		if !r.OK || failed(r) != nil {
			t.Errorf("%+v", r.Checks)
		}
		if n := len(p.leaves); n > 100 {
			seed, _ := hex.DecodeString(p.fairness["draw"].(map[string]any)["seed"].(string))
			want := []int64{
				1 + int64(shuffle.Index(0, uint64(n), [32]byte(seed))), 1 + int64(shuffle.Index(2, uint64(n), [32]byte(seed))), 1000, //nolint:gosec // small
			}
			if !slices.Equal(r.Numbers, want) {
				t.Errorf("numbers %v, want %v", r.Numbers, want)
			}
		}
	}
}

// A value that cannot be the beacon's is no difference, and must not look like one that can be.
func TestAValueThatIsNotTheBeaconsIsNamed(t *testing.T) {
	t.Parallel()
	hex64 := strings.Repeat("0aF9", 16)
	late, _ := beacon.RoundAfter("drand quicknet", began.Add(time.Second))
	due, _ := beacon.RoundAfter("drand quicknet", began.Add(-3*time.Second))
	for name, c := range map[string]struct {
		beacon, value string
		round         int64
		want          string
	}{
		"in time":           {"drand quicknet", hex64, due, ""},
		"before its round":  {"drand quicknet", hex64, late, "it came before its round"},
		"far in the future": {"drand quicknet", hex64, 1 << 62, "it came before its round"},
		"no hex":            {"drand quicknet", strings.Repeat("x", 64), due, "it is not 64 hex digits"},
		"too short":         {"drand", hex64[1:], 7, "it is not 64 hex digits"},
		"a friend's dice":   {"a friend's dice", "6", 1 << 40, ""},
	} {
		p := drawn(20, 2, c.value)
		b := p.fairness["draw"].(map[string]any)["beacon"].(map[string]any)
		b["name"], b["round"] = c.beacon, c.round
		r := p.check(t)
		if !r.OK {
			t.Errorf("%s: %v fail", name, failed(r))
		}
		said := ""
		for _, check := range r.Checks {
			if check.Name == verify.Beacon {
				said += check.Says
				if check.Status != verify.Note {
					t.Errorf("%s: %s", name, check.Status)
				}
			}
			if check.Name == verify.Seed && strings.Contains(check.Says, "compare") != (c.want == "") {
				t.Errorf("%s: %s", name, check.Says)
			}
		}
		if (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
			t.Errorf("%s: said %q, want %q", name, said, c.want)
		}
	}
}

// Before the draw there is less to see, and none of it is a difference.
func TestASaleBeforeItsDrawVerifiesAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	p := drawn(10, 0, "a2c4")
	d := p.fairness["draw"].(map[string]any)
	d["seed"], d["drawn_at"], d["secret"], d["beacon"].(map[string]any)["value"] = nil, nil, nil, nil
	p.exceptions = []map[string]any{}
	if r := p.check(t, 4); !r.OK || r.Numbers[0] != 0 {
		t.Errorf("frozen: %+v", r)
	}
	d["root"], d["lobby_size"] = nil, nil
	r := p.check(t)
	if !r.OK || !slices.ContainsFunc(r.Checks, func(c verify.Check) bool { return c.Name == verify.Seed && c.Status == verify.Later }) {
		t.Errorf("in the lobby: %+v", r.Checks)
	}
}

func TestAFifoSaleHasNoDrawToCheck(t *testing.T) {
	t.Parallel()
	p := drawn(10, 3, "")
	p.fairness["ordering"] = "fifo"
	d := p.fairness["draw"].(map[string]any)
	for k := range d {
		if k != "algorithm" {
			d[k] = nil
		}
	}
	if r := p.check(t, 5); !r.OK || r.Numbers[0] != 5 || !strings.Contains(r.Checks[0].Says, "no draw") {
		t.Errorf("%+v", r)
	}
	p.admissions[1]["from_number"] = 5
	if r := p.check(t); r.OK || !slices.Contains(failed(r), verify.Admissions) {
		t.Errorf("a gap passes: %+v", r.Checks)
	}
}

// flip changes one hex digit or decimal digit behind a key.
func flip(body []byte, key string) []byte {
	i := bytes.Index(body, []byte(`"`+key+`":`))
	if i < 0 {
		return body
	}
	out := bytes.Clone(body)
	for i += len(key) + 3; ; i++ {
		if c := out[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
			switch { // No number becomes one with a zero in front, which is no JSON.
			case c >= 'a':
				out[i] = '0'
			case c == '9':
				out[i] = '8'
			default:
				out[i] = c + 1
			}
			return out
		}
	}
}

// One altered byte of any answer is seen, and the check that fails names it.
func TestOneAlteredByteIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, key, name string }{
		{"", "commitment", verify.Commitment},
		{"", "secret", verify.Commitment},
		{"", "secret", verify.Seed},
		{"", "root", verify.Root},
		{"", "root", verify.Seed},
		{"", "lobby_size", verify.Root},
		{"", "seed", verify.Seed},
		{"", "value", verify.Seed},
		{"", "serving", verify.Admissions},
		{"", "from_number", verify.Admissions},
		{"", "number", verify.Exceptions},
		{"", "algorithm", verify.Form},
		{"", "ordering", verify.Form},
		{"", "draw_verifies", verify.Invariants},
		{"", "blocks", ""}, // Another number of blocks cannot be seen from outside.
		{"/leaves", "leaves", verify.Root},
		{"/proof", "leaf", verify.Proofs},
		{"/proof", "path", verify.Proofs},
		{"/proof", "root", verify.Proofs},
		{"/proof", "tree_size", verify.Proofs},
		{"/proof", "arrival", verify.Proofs},
		{"/admissions", "from_number", verify.Admissions},
		{"/admissions", "to_number", verify.Admissions},
		{"/admissions", "at", verify.Admissions},
		{"/exceptions", "rule", verify.Exceptions},
		{"/exceptions", "number", verify.Exceptions},
		{"/exceptions", "at", verify.Exceptions},
	} {
		p := drawn(100, 33, "a2c4")
		touched := false
		p.change = func(path string, body []byte) []byte {
			if path != c.path {
				return body
			}
			out := flip(body, c.key)
			touched = touched || !bytes.Equal(out, body)
			return out
		}
		r := p.check(t)
		switch {
		case !touched:
			t.Errorf("%s %s: nothing was altered", c.path, c.key)
		case c.name == "" && !r.OK:
			t.Errorf("%s %s: %v", c.path, c.key, failed(r))
		case c.name != "" && (r.OK || !slices.Contains(failed(r), c.name)):
			t.Errorf("%s %s: %v fail, want %s among them", c.path, c.key, failed(r), c.name)
		}
	}
}

// A lie that only a part of the answers tells, or that grows without end.
func TestOtherLiesAreSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lie  func(p *public)
		want string
	}{
		"a place is missing":            {func(p *public) { p.leaves = p.leaves[:99] }, verify.Root},
		"a place too many":              {func(p *public) { p.leaves = append(p.leaves, p.leaves[0]) }, verify.Root},
		"a step is missing":             {func(p *public) { p.admissions = slices.Delete(p.admissions, 4, 5) }, verify.Admissions},
		"the first step is missing":     {func(p *public) { p.admissions = p.admissions[1:] }, verify.Admissions},
		"the last step is missing":      {func(p *public) { p.admissions = p.admissions[:32] }, verify.Admissions},
		"a number is called twice":      {func(p *public) { p.admissions[7]["to_number"] = 25 }, verify.Admissions},
		"time goes back":                {func(p *public) { p.admissions[7]["at"] = began }, verify.Admissions},
		"an unknown rule":               {func(p *public) { p.exceptions[1]["rule"] = "friend" }, verify.Exceptions},
		"a turn redeemed before called": {func(p *public) { p.exceptions[1]["number"] = 100 }, verify.Exceptions},
		"a promise is broken":           {func(p *public) { p.fairness["invariants"].(map[string]any)["no_lost_spot"] = 1 }, verify.Invariants},
		"a promise is left out":         {func(p *public) { delete(p.fairness["invariants"].(map[string]any), "no_lost_spot") }, verify.Invariants},
		"the head is short":             {func(p *public) { p.fairness["ledger"].(map[string]any)["head"] = "00" }, verify.Ledger},
		"zeros at the head of blocks":   {func(p *public) { p.fairness["ledger"].(map[string]any)["head"] = strings.Repeat("0", 64) }, verify.Ledger},
		"drawn without a secret":        {func(p *public) { p.fairness["draw"].(map[string]any)["secret"] = nil }, verify.Commitment},
		"drawn without a root":          {func(p *public) { p.fairness["draw"].(map[string]any)["root"] = nil }, verify.Root},
		"the leaves never end": {func(p *public) {
			p.change = func(path string, body []byte) []byte {
				if path == "/leaves" {
					return bytes.Replace(body, []byte(`"next_cursor":null`), []byte(`"next_cursor":"0"`), 1)
				}
				return body
			}
		}, verify.Root},
		"the steps never end": {func(p *public) {
			p.change = func(path string, body []byte) []byte {
				if path == "/admissions" {
					return []byte(`{"admissions":[{"from_number":1,"to_number":1,"at":"2030-06-01T09:00:00Z"}],"next_cursor":"x"}`)
				}
				return body
			}
		}, verify.Admissions},
		"an answer that is no JSON": {func(p *public) {
			p.change = func(string, []byte) []byte { return []byte("<html>") }
		}, verify.Form},
		"the commitment is exchanged while we look": {func(p *public) {
			n := 0
			p.change = func(path string, body []byte) []byte {
				if path == "" {
					if n++; n > 1 {
						return flip(body, "commitment")
					}
				}
				return body
			}
		}, verify.Unchanged},
	} {
		p := drawn(100, 33, "")
		c.lie(p)
		if r := p.check(t); r.OK || !slices.Contains(failed(r), c.want) {
			t.Errorf("%s: %v fail, want %s among them: %+v", name, failed(r), c.want, r.Checks)
		}
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	p := drawn(1, 0, "")
	s := httptest.NewServer(p)
	defer s.Close()
	for _, c := range []verify.Config{
		{URL: s.URL, Event: "another"}, {URL: "nowhere", Event: "lagos-night"}, {URL: "http://127.0.0.1:1", Event: "lagos-night"},
	} {
		if r, err := verify.Run(t.Context(), c); err == nil {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}
