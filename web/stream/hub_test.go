package stream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a hub behind a server, with one topic.
type site struct {
	testing.TB
	hub    *Hub
	topic  *Topic
	server *httptest.Server
	// listener makes the listener of a request; nil for none.
	listener func(*http.Request) Listener
	emptied  chan struct{}
	errs     chan error
}

func newSite(t testing.TB, cfg Config, change ...func(*site)) *site {
	t.Helper()
	if cfg.Beat == 0 {
		cfg.Beat = 10 * time.Millisecond
	}
	s := &site{TB: t, hub: New(cfg), emptied: make(chan struct{}), errs: make(chan error, 100)}
	s.topic = s.hub.Topic(Tick{Pulse: pulse(0), News: news("welcome"), Reach: 100}, func() { close(s.emptied) })
	s.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.topic.Enter() {
			w.WriteHeader(http.StatusGone)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		var l Listener
		if s.listener != nil {
			l = s.listener(r)
		}
		if err := s.hub.Serve(w, r, s.topic, l); err != nil {
			select {
			case s.errs <- err:
			default:
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	for _, f := range change {
		f(s)
	}
	if s.server.URL == "" {
		s.server.Start()
	}
	t.Cleanup(func() {
		s.hub.Close()
		s.server.CloseClientConnections()
		s.server.Close()
		if n := s.hub.Open(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
	return s
}

func pulse(n int) []byte     { return fmt.Appendf(nil, "event: serving\ndata: {\"serving\":%d}\n\n", n) }
func news(s string) []byte   { return []byte("event: notice\ndata: \"" + s + "\"\n\n") }
func (s *site) tell(n int)   { s.tick(Tick{Pulse: pulse(n), News: s.topic.now.Load().News, Reach: 100}) }
func (s *site) tick(k Tick)  { s.topic.Publish(k) }
func (s *site) addr() string { return s.server.Listener.Addr().String() }

// until waits for a condition that nothing announces.
func (s *site) until(what string, done func() bool) {
	s.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-limit.C:
			s.Fatalf("never: %s; %+v", what, s.hub.Stats())
		}
	}
}

func (s *site) open(n int) {
	s.Helper()
	s.until(fmt.Sprint(n, " streams"), func() bool { return s.hub.Open() == n })
}

// reader is the other end of a stream.
type reader struct {
	site *site
	conn net.Conn
	res  *http.Response
	in   *bufio.Reader
}

func (s *site) dial(path string) *reader {
	s.Helper()
	conn, err := net.Dial("tcp", s.addr())
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: test\r\n\r\n"); err != nil {
		s.Fatal(err)
	}
	r := &reader{site: s, conn: conn, in: bufio.NewReader(conn)}
	return r
}

// listen opens a stream and reads its head and its first messages.
func (s *site) listen(path string) *reader {
	s.Helper()
	r := s.dial(path)
	res, err := http.ReadResponse(r.in, nil)
	if err != nil {
		s.Fatal(err)
	}
	r.res, r.in = res, bufio.NewReader(res.Body)
	if first := r.message(); !advice.MatchString(first) {
		s.Fatalf("first came %q", first)
	}
	return r
}

var advice = regexp.MustCompile(`^retry: [1-9]\d*\n\n$`)

// message reads one message; "" at the end of the stream.
func (r *reader) message() string {
	r.site.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var b strings.Builder
	for {
		line, err := r.in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" && b.Len() == 0 {
			return ""
		}
		if err != nil {
			r.site.Fatalf("%v after %q", err, b.String()+line)
		}
		b.WriteString(line)
		if line == "\n" {
			return b.String()
		}
	}
}

func (r *reader) expect(want ...[]byte) {
	r.site.Helper()
	for _, w := range want {
		if got := r.message(); got != string(w) {
			r.site.Fatalf("got %q, want %q", got, w)
		}
	}
}

func TestEverybodyHearsTheSameWithoutAGoroutineEach(t *testing.T) {
	// Not parallel: it counts goroutines.
	s := newSite(t, Config{})
	const n = 500
	before := runtime.NumGoroutine()
	all := make([]*reader, n)
	for i := range all {
		all[i] = s.listen("/")
	}
	s.open(n)
	// Handlers end a moment after their connection is taken over.
	s.until("fewer goroutines than streams", func() bool { return runtime.NumGoroutine() < before+n/10 })
	r := all[0].res
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if r.StatusCode != http.StatusOK || !r.Close || r.ContentLength != -1 || len(r.TransferEncoding) > 0 || r.Header.Get("Date") == "" {
		t.Errorf("%+v", r)
	}
	s.tell(1)
	for _, r := range all {
		r.expect(news("welcome"), pulse(0), pulse(1))
	}
	s.tick(Tick{Pulse: pulse(2), News: news("rain"), Reach: 100})
	for _, r := range all {
		r.expect(news("rain"), pulse(2))
	}
	// What has not changed is not told again.
	s.tick(Tick{Pulse: pulse(2), News: news("rain"), Reach: 100})
	s.tell(3)
	for _, r := range all {
		r.expect(pulse(3))
	}
}

func TestASlowReaderIsDroppedWhileOthersHearEveryTick(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Deadline: 300 * time.Millisecond})
	fast := s.listen("/")
	fast.expect(news("welcome"), pulse(0))
	slow := s.dial("/")
	// It never reads; its kernel takes as little as can be set.
	if err := slow.conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	s.open(2)
	big := strings.Repeat("x", 8<<10)
	n := 0
	s.until("somebody is dropped", func() bool {
		n++
		tick := fmt.Appendf(nil, "data: %d%s\n\n", n, big)
		s.tick(Tick{Pulse: tick, Reach: 100})
		fast.expect(tick)
		return s.hub.Stats().Slow > 0
	})
	s.open(1)
	if st := s.hub.Stats(); st.Slow != 1 || st.Gone != 0 {
		t.Errorf("%+v", st)
	}
	s.tell(7)
	fast.expect(pulse(7))
}

// A reader who was slow for a moment hears the rest of what was begun, whole,
// and then the newest.
func TestWhoCatchesUpHearsTheNewest(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Deadline: time.Hour})
	r := s.listen("/")
	r.expect(news("welcome"), pulse(0))
	big := strings.Repeat("x", 64<<10)
	held := func() bool {
		// Bytes stop growing when the kernel takes no more.
		before := s.hub.Stats().Bytes
		for n := range 3 {
			s.tick(Tick{Pulse: fmt.Appendf(nil, "data: %d %d%s\n\n", before, n, big), Reach: 100})
			w := s.hub.Stats().Writes
			s.until("a write", func() bool { return s.hub.Stats().Writes > w })
		}
		return s.hub.Stats().Bytes == before
	}
	s.until("a full connection", held)
	s.tell(9)
	told := 0
	for m := ""; m != string(pulse(9)); told++ {
		if m = r.message(); !strings.HasPrefix(m, "data: ") && m != string(pulse(9)) {
			t.Fatalf("half a message: %.100q", m)
		}
	}
	if s.hub.Stats().Slow != 0 || told < 2 {
		t.Errorf("%d messages, %+v", told, s.hub.Stats())
	}
}

func TestWhoHasGoneIsNoticedAtTheNextBeat(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Log("elsewhere the next writes notice")
		return
	}
	s := newSite(t, Config{Quiet: time.Hour})
	stays := s.listen("/")
	for range 300 { // more than are reported at once
		s.listen("/").conn.Close()
	}
	s.open(1)
	if st := s.hub.Stats(); st.Gone != 300 || st.Writes != 0 {
		t.Errorf("%+v", st)
	}
	stays.expect(news("welcome"), pulse(0))
	s.tell(1)
	stays.expect(pulse(1))
	// A slot is used again.
	s.listen("/")
	s.open(2)
}

func TestALifeEndsWithAdviceWhenToComeBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Lifetime: 50 * time.Millisecond})
	r := s.listen("/")
	r.expect(news("welcome"), pulse(0))
	if m := r.message(); !advice.MatchString(m) {
		t.Errorf("got %q", m)
	}
	if m := r.message(); m != "" {
		t.Errorf("after the end came %q", m)
	}
	s.until("the end is counted", func() bool { return s.hub.Stats().Expired == 1 })
}

func TestCloseEndsAllSoonAndEachComesBackAtItsOwnTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{})
	const n = 300
	all := make([]*reader, n)
	for i := range all {
		all[i] = s.listen("/")
	}
	s.open(n)
	start := time.Now()
	s.hub.Close()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("closing took %s", took)
	}
	if st := s.hub.Stats(); st.Open != 0 || st.Shut != n {
		t.Errorf("%+v", st)
	}
	when := map[string]bool{}
	for _, r := range all {
		r.expect(news("welcome"), pulse(0))
		m := r.message()
		if !advice.MatchString(m) {
			t.Fatalf("the last words were %q", m)
		}
		when[m] = true
		if m = r.message(); m != "" {
			t.Fatalf("after the end came %q", m)
		}
	}
	if len(when) < n/2 {
		t.Errorf("%d streams come back at %d moments", n, len(when))
	}
	// Nobody is taken any more, and nothing was written to those who asked.
	r := s.dial("/")
	res, err := http.ReadResponse(r.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-s.errs; !errors.Is(err, ErrClosed) || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v, %d", err, res.StatusCode)
	}
}

func TestNoMoreStreamsThanAreTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Most: 2})
	one := s.listen("/")
	s.listen("/")
	s.open(2)
	res, err := http.ReadResponse(s.dial("/").in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-s.errs; !errors.Is(err, ErrFull) || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v, %d", err, res.StatusCode)
	}
	one.conn.Close()
	s.open(1)
	s.listen("/")
	s.open(2)
}

// fan is a listener of a test.
type fan struct {
	rank int64
	beat func(*Stream)
	once sync.Once
}

func (f *fan) Beat(s *Stream, _ time.Duration) {
	f.once.Do(func() { s.SetRank(f.rank) })
	if f.beat != nil {
		f.beat(s)
	}
}

func TestWhoIsFarHearsEveryFifthPulseAndAllNews(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Beat: 20 * time.Millisecond, Writers: 1}, func(s *site) {
		s.listener = func(r *http.Request) Listener {
			rank := int64(50)
			if r.URL.Path == "/far" {
				rank = 101
			}
			return &fan{rank: rank}
		}
	})
	near, far := s.listen("/near"), s.listen("/far")
	near.expect(news("welcome"), pulse(0))
	far.expect(news("welcome"), pulse(0))
	const ticks = 50
	first := s.hub.Now() / s.hub.cfg.Beat
	for n := 1; n <= ticks; n++ {
		s.tell(n)
		near.expect(pulse(n)) // every one
		w := s.hub.Now() / s.hub.cfg.Beat
		s.until("the next beat", func() bool { return s.hub.Now()/s.hub.cfg.Beat > w })
	}
	heard := 0
	for m := ""; m != string(pulse(ticks)); heard++ {
		// The last comes too, without a tick after it.
		if m = far.message(); !strings.HasPrefix(m, "event: serving") {
			t.Fatalf("got %q", m)
		}
	}
	beats := int(s.hub.Now()/s.hub.cfg.Beat - first)
	if heard < 3 || heard > beats/farEvery+2 {
		t.Errorf("%d of %d pulses in %d beats", heard, ticks, beats)
	}
	for n := range 5 {
		text := news(fmt.Sprint("now ", n))
		s.tick(Tick{Pulse: pulse(ticks), News: text, Reach: 100})
		near.expect(text)
		far.expect(text)
	}
}

// The same without a clock: two visits a beat, by the beat and by a tick.
func TestWhoIsFarHearsOnePulseInFiveBeats(t *testing.T) {
	t.Parallel()
	h := New(Config{Lifetime: time.Hour})
	defer h.Close()
	w := h.writers[0]
	topic := h.Topic(Tick{Pulse: pulse(0), Reach: 100}, nil)
	var all []*Stream
	for range 10 {
		s := &Stream{topic: topic, writer: w, out: make(chan []byte, 1000), ends: time.Hour, pulse: topic.now.Load().pulse}
		s.SetRank(101)
		w.adopt(s)
		all = append(all, s)
	}
	beats := map[int]int{} // how many heard at a beat
	for n := range 100 {
		now := time.Duration(n) * time.Second
		w.pass(now)
		topic.Publish(Tick{Pulse: pulse(n + 1), Reach: 100})
		before := w.wrote
		w.pass(now + 400*time.Millisecond)
		beats[n%farEvery] += int(w.wrote - before)
	}
	for _, s := range all {
		if n := len(s.out); n < 19 || n > 21 {
			t.Errorf("slot %d heard %d of 100", s.slot, n)
		}
		s.topic.hub.open.Add(1) // drop takes it back
		topic.inUse.Add(1)
		w.drop(s, &h.count.gone)
	}
	for beat, n := range beats {
		if n > 60 {
			t.Errorf("%d of them at beat %d: they are not spread", n, beat)
		}
	}
}

func TestAMessageReachesOneStream(t *testing.T) {
	t.Parallel()
	var once sync.Once
	s := newSite(t, Config{}, func(s *site) {
		s.listener = func(r *http.Request) Listener {
			if r.URL.Path != "/fan" {
				return nil
			}
			return &fan{beat: func(s *Stream) { once.Do(func() { s.Send([]byte("event: turn\ndata: 4\n\n")) }) }}
		}
	})
	other, mine := s.listen("/"), s.listen("/fan")
	mine.expect(news("welcome"), pulse(0), []byte("event: turn\ndata: 4\n\n"))
	s.tell(1)
	mine.expect(pulse(1))
	other.expect(news("welcome"), pulse(0), pulse(1))
}

func TestAQuietStreamSaysThatItLives(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{Quiet: 100 * time.Millisecond})
	r := s.listen("/")
	r.expect(news("welcome"), pulse(0), comment, comment)
	s.tell(1)
	r.expect(pulse(1), comment)
}

func TestATopicEndsWithItsLastStream(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{})
	r := s.listen("/")
	s.topic.Leave() // the use that it began with
	select {
	case <-s.emptied:
		t.Fatal("it ended under its stream")
	default:
	}
	r.conn.Close()
	<-s.emptied
	if s.topic.Enter() {
		t.Error("somebody entered a topic that has ended")
	}
}

func TestHTTP2IsServedByItsHandler(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{}, func(s *site) {
		s.server.EnableHTTP2 = true
		s.server.StartTLS()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.ProtoMajor != 2 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", res.Proto, res.Header)
	}
	a, b := net.Pipe() // for its deadlines only
	defer a.Close()
	defer b.Close()
	r := &reader{site: s, conn: a, in: bufio.NewReader(res.Body)}
	if m := r.message(); !advice.MatchString(m) {
		t.Fatalf("first came %q", m)
	}
	r.expect(news("welcome"), pulse(0))
	s.tell(1)
	r.expect(pulse(1))
	cancel()
	s.open(0)
}

// opaque is a connection without a descriptor, as some listeners make them.
type opaque struct{ net.Conn }

type opaqueListener struct{ net.Listener }

func (l opaqueListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return opaque{c}, nil
}

func TestAConnectionWithoutADescriptorIsServedByItsHandler(t *testing.T) {
	t.Parallel()
	s := newSite(t, Config{}, func(s *site) { s.server.Listener = opaqueListener{s.server.Listener} })
	r := s.listen("/")
	r.expect(news("welcome"), pulse(0))
	s.tell(1)
	r.expect(pulse(1))
	s.hub.Close()
	if m := r.message(); !advice.MatchString(m) {
		t.Errorf("got %q", m)
	}
	if m := r.message(); m != "" {
		t.Errorf("after the end came %q", m)
	}
}

func TestTheHeadIsAsTheHandlerSetIt(t *testing.T) {
	t.Parallel()
	h := http.Header{"X-A": {"1", "2"}, "Connection": {"keep-alive"}, "Transfer-Encoding": {"chunked"}, "X-Split": {"a\r\nb"}}
	b := head(h)
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !res.Close || len(res.Header["X-A"]) != 2 || len(res.TransferEncoding) != 0 || res.Header.Get("X-Split") != "a  b" {
		t.Errorf("%q", b)
	}
}
