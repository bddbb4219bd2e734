package views

import (
	"strings"
	"testing"
)

func TestEveryPageMarksTestMode(t *testing.T) {
	t.Parallel()
	for _, e := range Gallery() {
		var off, on strings.Builder
		if err := e.Page(Frame{}).Render(t.Context(), &off); err != nil {
			t.Fatal(err)
		}
		if err := e.Page(Frame{TestMode: true}).Render(t.Context(), &on); err != nil {
			t.Fatal(err)
		}
		const mark = "Test mode: no real money."
		if !strings.HasPrefix(e.Name, "test-mode") && strings.Contains(off.String(), mark) {
			t.Errorf("%s: marked where money is real", e.Name)
		}
		if strings.Contains(on.String(), "<body") && !strings.Contains(on.String(), mark) {
			t.Errorf("%s: not marked", e.Name)
		}
	}
}
