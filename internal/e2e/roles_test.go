package e2e_test

import (
	"net/http"
	"testing"
)

// A process that only works answers whoever supervises it, and nobody else.
func TestAWorkerAnswersItsProbesOnly(t *testing.T) {
	t.Parallel()
	p := prepareProduct(t)
	p.cfg.Roles = []string{"worker"}
	p.startApp() // waits for /readyz
	for path, want := range map[string]int{"/livez": http.StatusOK, "/": http.StatusNotFound, "/api/v1/events": http.StatusNotFound, "/sign-in": http.StatusNotFound} {
		p.request(t, "GET", p.url+path, "", nil, nil).want(want)
	}
}
