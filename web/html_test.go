package web_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// find returns the elements that match a selector: tags, #ids, .classes and
// [attribute=value], joined by spaces for "somewhere inside".
func find(root *html.Node, selector string) []*html.Node {
	found := []*html.Node{root}
	for _, part := range strings.Fields(selector) {
		var next []*html.Node
		for _, n := range found {
			for d := range n.Descendants() {
				if d.Type == html.ElementNode && matches(d, part) && !slices.Contains(next, d) {
					next = append(next, d)
				}
			}
		}
		found = next
	}
	return found
}

func matches(n *html.Node, part string) bool {
	for part != "" {
		i := strings.IndexAny(part[1:], "#.[") + 1
		if part[0] == '[' {
			i = strings.IndexByte(part, ']') + 1
		}
		if i <= 0 {
			i = len(part)
		}
		piece := part[:i]
		part = part[i:]
		switch piece[0] {
		case '#':
			if attr(n, "id") != piece[1:] {
				return false
			}
		case '.':
			if !slices.Contains(strings.Fields(attr(n, "class")), piece[1:]) {
				return false
			}
		case '[':
			name, value, exact := strings.Cut(piece[1:len(piece)-1], "=")
			if !has(n, name) || exact && attr(n, name) != value {
				return false
			}
		default:
			if n.Data != piece {
				return false
			}
		}
	}
	return true
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// words is the text of an element with single spaces.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestFind(t *testing.T) {
	t.Parallel()
	doc, err := html.Parse(strings.NewReader(`<main id="m"><form action="/x"><button class="btn big">Go <b>on</b></button></form><p>no</p></main>`))
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]int{
		"button": 1, "main form button": 1, "#m .btn.big": 1, "form[action=/x] b": 1, "form[action=/y]": 0, "[class]": 1, "main p": 1, "form p": 0,
	} {
		if got := len(find(doc, selector)); got != want {
			t.Errorf("%s: found %d, want %d", selector, got, want)
		}
	}
	if got := words(find(doc, "button")[0]); got != "Go on" {
		t.Errorf("words: %q", got)
	}
}
