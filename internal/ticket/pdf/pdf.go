package pdf

import (
	_ "embed" // the faces
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/text/unicode/norm"
)

var (
	//go:embed fonts/noto-sans.ttf
	notoSans []byte
	//go:embed fonts/noto-sans-bold.ttf
	notoSansBold []byte
	//go:embed fonts/anton-fq.ttf
	anton []byte
)

// Page is one ticket as it is printed; times and amounts are words already.
type Page struct {
	// Label says which ticket of how many this is.
	Label string
	// Event and Venue are where it lets in; Date and Starts are when.
	Event, Venue, Date, Starts string
	// Facts stand below each other: the kind of ticket, the seat, the price.
	Facts  []Fact
	Holder string
	// QR are the modules by row, true for dark; CodeEnds are the last characters of the code.
	QR       [][]bool
	CodeEnds string
	// Notes are paragraphs below the ticket.
	Notes []string
	// URL is the ticket's own page.
	URL string
	// Issued is when the ticket was issued; the file carries it as its date.
	Issued time.Time
}

// Fact is a name with its value.
type Fact struct{ Name, Value string }

const (
	body, display = "noto", "anton"

	left, top, wide = 18.0, 38.0, 174.0 // of the stub, in mm, on A4
	tear            = 112.0             // where it tears, from its left
	pad             = 7.0
	pointMM         = 25.4 / 72
)

// Write draws the pages of some tickets.
func Write(w io.Writer, title string, pages []Page) error {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetMargins(left, 16, left)
	f.SetAutoPageBreak(false, 0)
	f.SetTitle(clean(title), true)
	f.SetCreator("FairQueue", true)
	f.SetLang("en")
	f.SetCatalogSort(true)
	f.AddUTF8FontFromBytes(body, "", notoSans)
	f.AddUTF8FontFromBytes(body, "B", notoSansBold)
	f.AddUTF8FontFromBytes(display, "", anton)
	for _, p := range pages {
		f.SetCreationDate(p.Issued.UTC())
		f.SetModificationDate(p.Issued.UTC())
		f.AddPage()
		(&sheet{f}).ticket(p)
	}
	if err := f.Output(w); err != nil {
		return fmt.Errorf("pdf.Write: %w", err)
	}
	return nil
}

// sheet is one page being drawn.
type sheet struct{ *fpdf.Fpdf }

func (s *sheet) ink() {
	s.SetTextColor(28, 19, 10)
	s.SetDrawColor(28, 19, 10)
	s.SetFillColor(28, 19, 10)
}
func (s *sheet) muted() { s.SetTextColor(95, 82, 66) }

// face sets type of a size in points and returns the height of its line in mm.
func (s *sheet) face(family, style string, size, line float64) float64 {
	s.SetFont(family, style, size)
	return size * line * pointMM
}

// say prints words from a place on, in lines no wider than width, and returns where the next line begins.
func (s *sheet) say(x, y, width, height float64, words string) float64 {
	for _, line := range s.SplitText(clean(words), width) {
		s.SetXY(x, y)
		s.CellFormat(width, height, line, "", 0, "L", false, 0, "")
		y += height
	}
	return y
}

func (s *sheet) ticket(p Page) {
	s.SetCellMargin(0)
	s.ink()
	h := s.face(display, "", 17, 1)
	s.SetXY(left, 20)
	s.CellFormat(80, h, "FAIRQUEUE", "", 0, "L", false, 0, "")
	h = s.face(body, "", 10.5, 1.4)
	s.muted()
	s.SetXY(left+80, 20)
	s.CellFormat(wide-80, h, clean(p.Label), "", 0, "R", false, 0, "")
	s.ink()
	s.SetLineWidth(1)
	s.Line(left, 29, left+wide, 29)

	foot := max(s.front(p), s.code(p)) + pad
	s.frame(foot)
	s.below(p, foot+10)
}

// front prints the left part of the stub and returns where it ends.
func (s *sheet) front(p Page) float64 {
	// Yellow is what is the reader's own: a band, so that little ink does.
	const band = 9.0
	s.SetFillColor(255, 194, 14)
	s.Rect(left, top, wide, band, "F")
	s.ink()
	s.face(body, "B", 10.5, 1)
	s.SetXY(left+pad, top)
	s.CellFormat(tear-2*pad, band, clean(p.Date), "", 0, "LM", false, 0, "")
	s.SetXY(left+tear+pad, top)
	s.CellFormat(wide-tear-2*pad, band, clean(p.Label), "", 0, "LM", false, 0, "")

	x, width := left+pad, tear-2*pad
	y := s.heading(x, top+band+pad, width, p.Event) + 3
	y = s.say(x, y, width, s.face(body, "", 11.5, 1.4), p.Venue)
	y = s.say(x, y, width, s.face(body, "", 11.5, 1.4), p.Starts) + 4
	for _, fact := range append([]Fact{{"Name", p.Holder}}, p.Facts...) {
		if fact.Value == "" {
			continue
		}
		s.SetLineWidth(0.2)
		s.Line(x, y, x+width, y)
		y += 1.6
		s.muted()
		s.say(x, y, 24, s.face(body, "", 9.5, 1.55), fact.Name)
		s.ink()
		y = s.say(x+24, y, width-24, s.face(body, "B", 11, 1.35), fact.Value) + 1.6
	}
	return y
}

// heading prints the name of the event as large as three lines allow.
func (s *sheet) heading(x, y, width float64, name string) float64 {
	family, style := display, ""
	if !inAnton(name) {
		family, style = body, "B"
	} else {
		name = strings.ToUpper(name)
	}
	for size := 30.0; ; size -= 2 {
		h := s.face(family, style, size, 1.2)
		if len(s.SplitText(clean(name), width)) <= 3 || size <= 12 {
			return s.say(x, y, width, h, name)
		}
	}
}

// code prints the right part of the stub and returns where it ends.
func (s *sheet) code(p Page) float64 {
	x, y, width := left+tear+pad, top+9+pad, wide-tear-2*pad
	if n := len(p.QR); n > 0 {
		// Readers ask for four modules of white around the code.
		module := width / float64(n+8)
		s.SetFillColor(0, 0, 0)
		for row, modules := range p.QR {
			for from := 0; from < len(modules); from++ {
				if !modules[from] {
					continue
				}
				run := 1
				for from+run < len(modules) && modules[from+run] {
					run++
				}
				s.Rect(x+float64(from+4)*module, y+float64(row+4)*module, float64(run)*module, module, "F")
				from += run
			}
		}
		y += width
	}
	s.ink()
	y = s.say(x, y+2, width, s.face(body, "", 10, 1.4), "Code ends in")
	return s.say(x, y, width, s.face(body, "B", 13, 1.3), p.CodeEnds)
}

// frame draws the edge of the stub and where it tears.
func (s *sheet) frame(foot float64) {
	s.SetLineWidth(0.7)
	s.Rect(left, top, wide, foot-top, "D")
	s.SetLineWidth(0.5)
	s.SetDashPattern([]float64{1.6, 1.6}, 0)
	s.Line(left+tear, top, left+tear, foot)
	s.SetDashPattern(nil, 0)
	const hole = 3.5
	s.SetFillColor(255, 255, 255)
	s.SetLineWidth(0.7)
	s.Arc(left+tear, top, hole, hole, 0, 180, 360, "FD")
	s.Arc(left+tear, foot, hole, hole, 0, 0, 180, "FD")
	// The arcs hide the edge that they interrupt.
	s.SetDrawColor(255, 255, 255)
	s.SetLineWidth(0.9)
	s.Line(left+tear-hole+0.4, top, left+tear+hole-0.4, top)
	s.Line(left+tear-hole+0.4, foot, left+tear+hole-0.4, foot)
	s.ink()
}

// below prints the notes.
func (s *sheet) below(p Page, y float64) {
	for _, note := range p.Notes {
		y = s.say(left, y, wide, s.face(body, "", 10.5, 1.45), note) + 2.5
	}
	if p.URL != "" {
		s.muted()
		s.say(left, y, wide, s.face(body, "", 9.5, 1.4), p.URL)
		s.ink()
	}
}

// clean is text as the faces can print it: composed, in one line, and without characters that a PDF of this writer cannot hold.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		case r > 0xffff:
			return unicode.ReplacementChar
		}
		return r
	}, norm.NFC.String(text))
}

// antonLetters are what the display face has beside ASCII, as static/fonts/make.py keeps them. Its marks that stand alone
// are left out: the writer of the PDF cannot lift them over capitals.
const antonLetters = "₦·×–—‘’“”…°ÀÁÈÉÌÍÒÓÙÚàáèéìíòóùúÑñṢṣỌọẸẹỊịỤụŃńǸǹṄṅƁɓƊɗƘƙƳƴḾḿÇçÂâÊêÔôÖöÄäÜü"

// inAnton reports whether the display face has every letter of a name, in small and in capitals.
func inAnton(name string) bool {
	for _, r := range clean(name) + strings.ToUpper(clean(name)) {
		if (r < ' ' || r > '~') && !strings.ContainsRune(antonLetters, r) {
			return false
		}
	}
	return true
}
