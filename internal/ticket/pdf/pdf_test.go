package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func page() Page {
	return Page{
		Label: "Ticket 1 of 2", Event: "Ọjọ́ Afro Night", Venue: "Eko Hall, Lagos", Date: "Sat 12 Dec 2026", Starts: "Saturday 12 December, 20:00",
		Facts: []Fact{{"Ticket", "Floor"}, {"Seat", "Block A, row 3, seat 12"}, {"Price", "₦25,000"}}, Holder: "Jọláadé Ńwọ́gụ̀",
		QR: [][]bool{{true, true, false}, {false, true, false}, {true, false, true}}, CodeEnds: "7Q4Tab",
		Notes: []string{"One scan lets one person in."}, URL: "https://tickets.example/tickets/1", Issued: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
	}
}

func write(t *testing.T, pages ...Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, "Your tickets", pages); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// contents are the page descriptions of a file, opened.
func contents(t *testing.T, file []byte) (pages []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?s)/FlateDecode /Length \d+>>\nstream\n(.*?)\nendstream`).FindAllSubmatch(file, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(plain), "Tj") {
			pages = append(pages, string(plain))
		}
	}
	return pages
}

var escapes = strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r")

// words is what a page description prints, line by line.
func words(content string) string {
	var b strings.Builder
	for _, m := range regexp.MustCompile(`(?s)\((.*?[^\\])\) ?Tj`).FindAllStringSubmatch(content, -1) {
		raw := []byte(escapes.Replace(m[1]))
		units := make([]uint16, len(raw)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(raw[2*i:])
		}
		b.WriteString(string(utf16.Decode(units)) + "\n")
	}
	return b.String()
}

func TestATicketOnPaper(t *testing.T) {
	t.Parallel()
	file := write(t, page(), page())
	if !bytes.HasPrefix(file, []byte("%PDF-")) || !bytes.Contains(file, []byte("/Count 2")) {
		t.Fatalf("%.20q, %d bytes", file, len(file))
	}
	pages := contents(t, file)
	if len(pages) != 2 {
		t.Fatalf("%d pages", len(pages))
	}
	text := words(pages[0])
	for _, want := range []string{
		"FAIRQUEUE", "Ticket 1 of 2", "Eko Hall, Lagos", "Sat 12 Dec 2026", "Saturday 12 December, 20:00", "Floor", "Block A, row 3, seat 12",
		"₦25,000", "Jọláadé Ńwọ́gụ̀", "7Q4Tab", "One scan lets one person in.", "https://tickets.example/tickets/1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if len(file) > 120_000 {
		t.Errorf("%d bytes: fans pay for them", len(file))
	}
	if again := write(t, page(), page()); !bytes.Equal(again, file) {
		t.Error("the same tickets are another file")
	}
}

func TestTheCodeIsDrawnModuleByModule(t *testing.T) {
	t.Parallel()
	p := page()
	content := contents(t, write(t, p))[0]
	// The code is all that is drawn in pure black.
	at := strings.LastIndex(content, "0.000 g\n")
	if at < 0 {
		t.Fatalf("nothing black in\n%s", content)
	}
	black := content[at+len("0.000 g\n"):]
	type rect struct{ x, y, w, h float64 }
	var rects []rect
	for line := range strings.SplitSeq(black, "\n") {
		f := strings.Fields(line)
		if len(f) != 6 || f[4] != "re" || f[5] != "f" {
			break
		}
		var v [4]float64
		for i := range v {
			n, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				t.Fatal(err)
			}
			v[i] = n
		}
		rects = append(rects, rect{v[0], v[1], v[2], -v[3]})
	}
	n := len(p.QR)
	module := (wide - tear - 2*pad) / float64(n+8) / pointMM
	drawn := make([][]bool, n)
	for y := range drawn {
		drawn[y] = make([]bool, n)
	}
	for _, r := range rects {
		if math.Abs(r.h-module) > 0.02 {
			t.Errorf("%+v is not %f high", r, module)
		}
		x := int(math.Round((r.x-(left+tear+pad)/pointMM)/module)) - 4
		y := int(math.Round((841.89-r.y-(top+9+pad)/pointMM)/module)) - 4
		for i := range int(math.Round(r.w / module)) {
			drawn[y][x+i] = true
		}
	}
	for y := range drawn {
		for x := range drawn[y] {
			if drawn[y][x] != p.QR[y][x] {
				t.Errorf("module %d, %d is %v", x, y, drawn[y][x])
			}
		}
	}
}

// What people type may be anything: it must make a page, whatever it is.
func TestAnyTextMakesAPage(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "long": strings.Repeat("Grand Reunion ", 15), "one word": strings.Repeat("W", 200), "other scripts": "音楽 Музыка موسيقى",
		"emoji": "Night 🎉 out 👩‍👩‍👧", "brackets": `a (b) \c ) (`, "control": "a\x00\u202eb\tc\nd", "not UTF-8": "a\xffb", "marks": "e\u0301\u0323\u0304",
	} {
		p := page()
		p.Event, p.Venue, p.Holder, p.Facts[0].Value, p.Notes[0] = text, text, text, text, text
		pages := contents(t, write(t, p))
		if len(pages) != 1 || !strings.Contains(words(pages[0]), "7Q4Tab") {
			t.Errorf("%s: %d pages", name, len(pages))
		}
	}
}
