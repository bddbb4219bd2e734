package verify

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

const stepsPage = 1_000

// list reads a whole list; nil with a failed check when it does not have its form.
func list[T any](ctx context.Context, v *run, name string) ([]T, error) {
	all := []T{}
	err := pages(ctx, v.client, name, stepsPage, func(page []T) bool {
		all = append(all, page...)
		return true
	})
	if bad, ok := errors.AsType[malformedError](err); ok {
		v.add(name, Fail, "%s", bad.says)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

func (v *run) admissions(ctx context.Context) ([]admission, error) {
	return list[admission](ctx, v, Admissions)
}

func (v *run) exceptions(ctx context.Context) ([]exception, error) {
	return list[exception](ctx, v, Exceptions)
}

// line checks that numbers were called in their order.
func (v *run) line(steps []admission) {
	if steps == nil {
		return
	}
	for _, some := range [][]admission{steps, v.first.Admissions, v.last.Admissions} {
		for i := range some {
			some[i].At = some[i].At.UTC() // Comparable, however it was written.
		}
	}
	end := int64(0)
	for i, st := range steps {
		switch {
		case st.From != end+1:
			v.add(Admissions, Fail, "step %d calls from number %d on, and the one before ended at %d", i+1, st.From, end)
			return
		case st.To < st.From:
			v.add(Admissions, Fail, "step %d goes back from number %d to %d", i+1, st.From, st.To)
			return
		case i > 0 && st.At.Before(steps[i-1].At):
			v.add(Admissions, Fail, "step %d is older than the one before", i+1)
			return
		}
		end = st.To
	}
	switch {
	case end < v.first.Serving || end > v.last.Serving:
		v.add(Admissions, Fail, "the steps end at number %d, and serving is %d", end, v.last.Serving)
	case !within(steps, v.first.Admissions, func(admission) bool { return false }) ||
		!within(steps, v.last.Admissions, func(st admission) bool { return st.From > end }):
		v.add(Admissions, Fail, "the newest steps are not those of the list of all steps")
	case end == 0:
		v.add(Admissions, Pass, "nobody was called yet")
	default:
		v.add(Admissions, Pass, "%d steps call the numbers 1 to %d, each once and in order", len(steps), end)
	}
}

// within reports whether the newest of a picture stand in the whole list as well; what is newer than the list is left out.
func within[T comparable](all, newest []T, newer func(T) bool) bool {
	left := map[T]int{}
	for _, x := range all {
		left[x]++
	}
	for _, x := range newest {
		if left[x] == 0 && !newer(x) {
			return false
		}
		left[x]--
	}
	return true
}

// rules are those by which somebody may be called otherwise than by number.
var rules = []string{"redeem", "behind", "lobby", "presale"}

// returns checks that every exception names its rule.
func (v *run) returns(all []exception) {
	if all == nil {
		return
	}
	counts := map[string]int{}
	early := map[int64]bool{} // called before their number, with a presale code
	for i, x := range all {
		if x.Rule == "presale" && x.Number != nil {
			early[*x.Number] = true
		}
		switch {
		case !slices.Contains(rules, x.Rule):
			v.add(Exceptions, Fail, "exception %d names the rule %q, which is none of %s", i+1, x.Rule, strings.Join(rules, ", "))
			return
		case x.Number != nil && *x.Number < 1:
			v.add(Exceptions, Fail, "exception %d is about number %d", i+1, *x.Number)
			return
		case i > 0 && x.At.Before(all[i-1].At):
			v.add(Exceptions, Fail, "exception %d is older than the one before", i+1)
			return
		case x.Rule == "redeem" && (x.Number == nil || *x.Number > v.last.Serving && !early[*x.Number]):
			v.add(Exceptions, Fail, "exception %d redeems a turn that was never called", i+1)
			return
		}
		counts[x.Rule]++
	}
	if !within(keys(all), keys(v.first.Exceptions), func(returned) bool { return false }) {
		v.add(Exceptions, Fail, "the newest exceptions are not those of the list of all exceptions")
		return
	}
	if len(all) == 0 {
		v.add(Exceptions, Pass, "nobody was called otherwise than by number")
		return
	}
	var said []string
	for _, r := range rules {
		if counts[r] > 0 {
			said = append(said, fmt.Sprintf("%s %d", r, counts[r]))
		}
	}
	v.add(Exceptions, Pass, "%d returns to the line, each by a published rule: %s", len(all), strings.Join(said, ", "))
}

// returned is an exception by value.
type returned struct {
	number int64
	rule   string
	at     int64
}

func keys(all []exception) []returned {
	out := make([]returned, len(all))
	for i, x := range all {
		out[i] = returned{rule: x.Rule, at: x.At.UnixNano()}
		if x.Number != nil {
			out[i].number = *x.Number
		}
	}
	return out
}

// sealed checks the form of the ledger's head, and that the chain only grows.
func (v *run) sealed() {
	first, last := v.first.Ledger, v.last.Ledger
	if last == nil {
		v.add(Ledger, Fail, "nothing is said about the ledger")
		return
	}
	for _, l := range []*ledger{first, last} {
		head, ok := digest(&l.Head)
		switch {
		case !ok:
			v.add(Ledger, Fail, "the head is not 32 bytes in hex")
			return
		case l.Blocks < 0 || (l.Blocks == 0) != (head == [32]byte{}):
			v.add(Ledger, Fail, "the head does not fit %d blocks", l.Blocks)
			return
		}
	}
	if last.Blocks < first.Blocks || last.Blocks == first.Blocks && last.Head != first.Head {
		v.add(Ledger, Fail, "the chain of blocks was changed while it was read")
		return
	}
	if last.Blocks == 0 {
		v.add(Ledger, Pass, "nothing is sealed in a block yet")
		return
	}
	v.add(Ledger, Pass, "%d blocks; keep %s to see later that none of them was exchanged", last.Blocks, last.Head)
}

// names are the invariants of CONTRACT.md.
var names = []string{
	"never_oversold", "one_spot_per_fan", "arrival_gapless", "no_lost_spot", "no_overtaking", "draw_verifies", "within_limits",
	"paid_means_ticket_or_refund", "ticket_means_paid", "money_adds_up",
}

// promises repeats what the server says of itself: it cannot be recomputed from outside.
func (v *run) promises() {
	for _, name := range names {
		n, ok := v.last.Invariants[name]
		if !ok {
			v.add(Invariants, Fail, "nothing is said about %s", name)
			return
		}
		if n != 0 {
			v.add(Invariants, Fail, "the server itself counts %d violations of %s", n, name)
			return
		}
	}
	v.add(Invariants, Pass, "the server itself counts no violation of its %d promises", len(names))
}

// unchanged compares what must not change with what it was when the check began.
func (v *run) unchanged() {
	a, b := v.first, v.last
	if a.Ordering != b.Ordering || (a.Draw == nil) != (b.Draw == nil) || b.Serving < a.Serving {
		v.add(Unchanged, Fail, "the ordering changed, or serving went back, while it was read")
		return
	}
	if a.Draw != nil {
		was, is := reflect.ValueOf(*a.Draw), reflect.ValueOf(*b.Draw)
		for i := range was.NumField() {
			field, _, _ := strings.Cut(was.Type().Field(i).Tag.Get("json"), ",")
			if field == "beacon" && a.Draw.Beacon != nil && b.Draw.Beacon != nil && a.Draw.Beacon.Value == nil {
				continue // Its round may move at the freeze, its value comes later.
			}
			if f := was.Field(i); !f.IsNil() && !reflect.DeepEqual(f.Interface(), is.Field(i).Interface()) {
				v.add(Unchanged, Fail, "%s of the draw changed while it was read", field)
				return
			}
		}
	}
	v.add(Unchanged, Pass, "what was published stood there to the end of this check")
}
