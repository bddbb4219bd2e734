package ui

import (
	"fmt"
	"strings"
)

// State is how a thing goes, told by shape and colour beside the word.
type State string

// The states of the design.
const (
	Open State = "open" // goes well
	Soon State = "soon" // will be
	Low  State = "low"  // few, slow, soon over
	Hold State = "hold" // paused
	Out  State = "out"  // over, refused
)

func (s State) icon() string {
	switch s {
	case Open:
		return "circle-check"
	case Low:
		return "triangle-alert"
	case Hold:
		return "pause"
	case Out:
		return "octagon-x"
	default:
		return "clock"
	}
}

// BannerKind is what a banner is about.
type BannerKind string

// The kinds of banner.
const (
	OK   BannerKind = "ok"
	Info BannerKind = "info"
	Warn BannerKind = "warn"
	Err  BannerKind = "err"
	Note BannerKind = "note" // the organizer's own words
)

// A refusal answers what the person just did, so it is read out at once;
// everything else waits for a pause.
func (k BannerKind) role() string {
	switch k {
	case Err:
		return "alert"
	case Note:
		return ""
	default:
		return "status"
	}
}

// lineArt is seven rows of fourteen people; the yellow one stands out.
var lineArt = func() string {
	var b strings.Builder
	for row := range 7 {
		for col := range 14 {
			if row == 2 && col == 9 {
				fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="74" fill="#ffc20e" stroke="var(--fq-you-edge)" stroke-width="2"/>`, 6+28*col, 80*row-4)
				continue
			}
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="8" height="58" fill="currentColor"/>`, 8+28*col, 10+80*row)
		}
	}
	return b.String()
}()
