package views

import (
	"net/url"

	"fairqueue/static"
)

// page is what one page tells the frame.
type page struct {
	Title   string
	Event   *EventInfo // the page belongs to this event: its name stands where the navigation is
	Turn    bool       // the whole page is yellow
	Refresh int        // seconds to the next load without JavaScript; 0: none
	Again   string     // the path of that load, where the address may end in a part of the page; empty: this page
	Live    bool       // loads htmx
	Scripts []string   // beside page.js
}

// again is the load after Refresh. A page whose address ends in #part is not
// loaded by a browser that is sent to the same address: it only scrolls.
func (p page) again() string {
	if p.Again == "" {
		return itoa(p.Refresh)
	}
	return itoa(p.Refresh) + ";url=" + p.Again
}

// signInURL leads to sign-in and back to a path of ours.
func signInURL(next string) string {
	if next == "" || next == "/" {
		return "/sign-in"
	}
	return "/sign-in?" + url.Values{"next": {next}}.Encode()
}

// otherTheme is what the switch in the footer chooses, and its name.
func (f Frame) otherTheme() (value, words string) {
	switch f.Theme {
	case ThemeNight:
		return string(ThemeDay), "Light colours"
	case ThemeDay:
		return string(ThemeNight), "Dark colours"
	}
	return string(ThemeNight), "Dark colours"
}

func (f Frame) nowMillis() string { return itoa64(f.Now.UnixMilli()) }

// scripts are the files a page loads, in order.
func (p page) scripts(f Frame) []string {
	if f.Still {
		return []string{static.URL("page.js")}
	}
	var s []string
	if p.Live {
		s = append(s, static.URL("htmx.js"))
	}
	s = append(s, static.URL("page.js"))
	for _, name := range p.Scripts {
		s = append(s, static.URL(name))
	}
	return s
}

// htmxConfig: htmx adds no style sheet, the browser keeps its own history, and a
// poll is given up before the next but one. Where an answer with an error goes
// is said by hx-status on the part that asks: never in the place of what is true.
const htmxConfig = `{"history":false,"includeIndicatorCSS":false,"defaultTimeout":15000}`
