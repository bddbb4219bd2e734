package api

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/catalog/seatmap"
	"fairqueue/internal/claim"
	"fairqueue/internal/sale"
)

// seatBodies keeps the encoded sections of each event, so that a section is
// encoded once for each change of it, however many ask and whatever changes
// elsewhere in the hall. An answer is put together from them.
type seatBodies struct {
	mu   sync.Mutex
	kept map[seatsKey]*seatBody
}

// seatsKey tells apart what fans with different presale codes see of an event.
type seatsKey struct {
	event uuid.UUID
	view  string
}

const seatBodiesMost = 64

// of is what is kept of an event as somebody sees it.
func (b *seatBodies) of(s *sale.Snapshot, seats *claim.Seats) *seatBody {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := seatsKey{s.ID(), seats.View}
	e := b.kept[key]
	if e != nil {
		return e
	}
	if b.kept == nil || len(b.kept) >= seatBodiesMost {
		b.kept = map[seatsKey]*seatBody{}
	}
	e = &seatBody{made: map[string]chunk{}}
	b.kept[key] = e
	return e
}

type seatBody struct {
	mu sync.Mutex
	// made are sections as they were encoded last, by id and whether with rows.
	made map[string]chunk
}

// chunk is a part of an answer.
type chunk struct {
	plain []byte
	sum   uint64
	// packed is it compressed, once somebody wants it so, as a part of a DEFLATE
	// stream (RFC 1951) that refers to nothing before it and ends at a byte: such
	// parts can follow each other.
	packed func() []byte
	// What it was made from.
	states   []claim.SeatState
	standing string
}

// seatPart is an answer in its parts.
type seatPart struct {
	chunks []chunk
	etag   string
}

// part is the answer about one section, or all of them for "".
func (e *seatBody) part(s *sale.Snapshot, seats *claim.Seats, rows bool, only string) (seatPart, error) {
	p := seatPart{chunks: []chunk{pack([]byte(`{"sections":[`))}}
	sum := fnv.New64a()
	first := 0
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range seats.Map.Sections {
		section := &seats.Map.Sections[i]
		n := 0
		for _, row := range section.Rows {
			n += len(row.Seats)
		}
		if only == "" || only == section.ID {
			c, err := e.section(s, seats, section, first, n, rows)
			if err != nil {
				return seatPart{}, err
			}
			if len(p.chunks) > 1 {
				p.chunks = append(p.chunks, comma)
			}
			p.chunks = append(p.chunks, c)
			_ = binary.Write(sum, binary.LittleEndian, c.sum)
		}
		first += n
	}
	p.chunks = append(p.chunks, pack([]byte(`],"version":`+strconv.Quote(seats.Version)+`}`)))
	// Weak: it is about the seats, whatever their encoding and whatever the version of the rest of the hall.
	p.etag = fmt.Sprintf(`W/"%x"`, sum.Sum64())
	if !rows {
		// Many small parts that resemble each other: compressed together a stadium takes 1 kB instead of 20.
		p.chunks = []chunk{e.together(only, p)}
	}
	return p, nil
}

// together is an answer in one part, the last one if it is the same.
func (e *seatBody) together(only string, p seatPart) chunk {
	var plain []byte
	for _, c := range p.chunks {
		plain = append(plain, c.plain...)
	}
	key := "together " + only
	c, ok := e.made[key]
	if !ok || !bytes.Equal(c.plain, plain) {
		c = pack(plain)
		e.made[key] = c
	}
	return c
}

var comma = pack([]byte(","))

// section is one section as it is now.
func (e *seatBody) section(s *sale.Snapshot, seats *claim.Seats, section *seatmap.Section, first, n int, rows bool) (chunk, error) {
	key := section.ID
	if rows {
		key += " with rows"
	}
	states, standing := seats.States[first:first+n], ""
	if section.Kind == seatmap.Standing {
		t := s.Tiers[section.Tier]
		standing = strconv.Itoa(t.Available) + " of " + strconv.Itoa(t.Capacity)
	}
	c, ok := e.made[key]
	if ok && c.standing == standing && slices.Equal(c.states, states) {
		return c, nil
	}
	body, err := json.Marshal(sectionOut(s, seats, section, first, rows))
	if err != nil {
		return c, fmt.Errorf("api: seats of %s: %w", s.ID(), err)
	}
	c = pack(body)
	c.states, c.standing = states, standing
	e.made[key] = c
	return c, nil
}

var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

func pack(plain []byte) chunk {
	h := fnv.New64a()
	_, _ = h.Write(plain)
	return chunk{plain: plain, sum: h.Sum64(), packed: sync.OnceValue(func() []byte {
		var buf bytes.Buffer               // it takes everything
		w := packers.Get().(*flate.Writer) //nolint:forcetypeassert // nothing else is in the pool
		defer packers.Put(w)
		w.Reset(&buf)
		_, _ = w.Write(plain)
		_ = w.Flush()
		return buf.Bytes()
	})}
}

// A gzip file (RFC 1952) around the parts: its head, and an empty last block.
var (
	gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	lastPart = []byte{1, 0, 0, 0xff, 0xff}
)

// write sends the answer, compressed for who takes gzip.
func (p seatPart) write(w *echo.Response, r *http.Request) error {
	var parts [][]byte
	size := 0
	if takesGzip(r) {
		parts = append(parts, gzipHead)
		crc, plain := uint32(0), uint32(0)
		for _, c := range p.chunks {
			parts = append(parts, c.packed())
			crc = crc32.Update(crc, crc32.IEEETable, c.plain)
			plain += uint32(len(c.plain)) //nolint:gosec // by RFC 1952 the size modulo 2³²
		}
		end := binary.LittleEndian.AppendUint32(slices.Clone(lastPart), crc)
		parts = append(parts, binary.LittleEndian.AppendUint32(end, plain))
		w.Header().Set(echo.HeaderContentEncoding, "gzip")
	} else {
		for _, c := range p.chunks {
			parts = append(parts, c.plain)
		}
	}
	for _, b := range parts {
		size += len(b)
	}
	w.Header().Set(echo.HeaderContentType, "application/json")
	w.Header().Set(echo.HeaderContentLength, strconv.Itoa(size))
	w.WriteHeader(http.StatusOK)
	for _, b := range parts {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// takesGzip reads the only encoding that is offered out of Accept-Encoding.
func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get(echo.HeaderAcceptEncoding), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(name) != "gzip" {
			continue
		}
		_, value, given := strings.Cut(q, "=")
		weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return !given || err == nil && weight > 0
	}
	return false
}
