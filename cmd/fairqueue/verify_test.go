package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whatever keeps a sale from being checked ends with status 1, and so does a difference: it must never look like a pass.
func TestVerifyEndsWithOneUnlessAllIsRight(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, url := range map[string]string{
		"no server":       "http://127.0.0.1:1",
		"no address":      "nowhere",
		"no such event":   answer(http.StatusNotFound, `{"code":"event_not_found"}`),
		"no JSON":         answer(http.StatusOK, "<html>"),
		"nothing in it":   answer(http.StatusOK, "{}"),
		"another scheme":  answer(http.StatusOK, `{"ordering":"draw","draw":{"algorithm":"dice"},"ledger":{},"admissions":[],"exceptions":[],"invariants":{}}`),
		"a draw in a row": answer(http.StatusOK, `{"ordering":"fifo","draw":{"seed":"00"},"ledger":{},"admissions":[],"exceptions":[],"invariants":{},"next_cursor":null}`),
	} {
		if code := run(t.Context(), []string{"verify", "--event", "lagos-night", "--url", url}); code != 1 {
			t.Errorf("%s: status %d", name, code)
		}
	}
}

func TestLabFairnessEndsWithItsOutcome(t *testing.T) {
	t.Parallel()
	if code := run(t.Context(), []string{"lab", "fairness", "--seeds", "20"}); code != 0 {
		t.Errorf("status %d", code)
	}
	if code := run(t.Context(), []string{"lab", "fairness", "--bots", "2"}); code != 1 {
		t.Errorf("status %d for twice as many bots as fans", code)
	}
}
