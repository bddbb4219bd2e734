package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A provider that does not answer keeps the reconciler waiting, and nobody in the line.
func TestTheLineMovesWhileTheProviderIsSilent(t *testing.T) {
	t.Parallel()
	asked, gaveUp := make(chan struct{}, 64), make(chan struct{}, 64)
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/transaction/verify/") {
			asked <- struct{}{}
			<-r.Context().Done() // until the one who asked gives up
			gaveUp <- struct{}{}
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"status":true,"message":"Authorization URL created","data":{"authorization_url":"https://checkout.example/x","access_code":"x"}}`)
	}))
	p := prepareProduct(t)
	p.cfg.PaystackBaseURL = silent.URL
	p.startApp()
	t.Cleanup(silent.Close) // after the app has stopped asking
	s := p.newShow(t, "silent", 5, nil)

	ada, _ := p.signedIn("ada@example.test")
	buyer := s.called(t, ada)
	buyer.pay(buyer.claim(1))
	<-asked

	bayo, _ := p.signedIn("bayo@example.test")
	s.called(t, bayo)
	select {
	case <-gaveUp:
		t.Error("the next fan was called only after the reconciler had given the provider up")
	default:
	}
	p.stopApp()
	s.audited(t)
}
