package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// listenAtMost is how long a fan trusts the stream before looking at the place anyway.
const listenAtMost = time.Minute

// listen waits by the stream until there is reason to look at the place again; false when the stream does not work, so
// that the fan polls.
func (f *fan) listen(ctx context.Context, p place) bool {
	ctx, cancel := context.WithTimeout(ctx, listenAtMost)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.cfg.BaseURL+"/api/v1"+f.path("/queue/stream"), nil)
	if err != nil {
		return false
	}
	req.Header.Set("Accept", "text/event-stream")
	f.sign(req)
	res, err := f.streams.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return false
	}
	lines := bufio.NewScanner(res.Body)
	name := ""
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			name = ""
		} else if v, ok := strings.CutPrefix(line, "event:"); ok {
			name = strings.TrimSpace(v)
		} else if v, ok := strings.CutPrefix(line, "data:"); ok && f.reason(name, v, p) {
			return true
		}
	}
	// The time is over: a look is due. A stream that broke is a reason to poll.
	return ctx.Err() != nil
}

// reason reports whether a message of the stream concerns the fan.
func (f *fan) reason(name, data string, p place) bool {
	switch name {
	case "turn":
		return true
	case "serving":
		var s struct {
			Serving int64  `json:"serving"`
			State   string `json:"state"`
		}
		if json.Unmarshal([]byte(data), &s) != nil {
			return false
		}
		return s.State != p.SaleState || (p.Spot.Number != nil && p.Serving < *p.Spot.Number && s.Serving >= *p.Spot.Number)
	}
	return false
}
