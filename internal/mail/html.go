package mail

import (
	"bytes"
	_ "embed" // the frame of a letter
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A mail program shows no style sheet of ours and loads nothing: the look of
// the pages is written out, without pictures, and turns dark where the reader's
// screen is.
//
//go:embed letter.html
var letterHTML string

var frame = template.Must(template.New("letter").Funcs(template.FuncMap{"lines": lines}).Parse(letterHTML))

// lines keeps the line breaks of a paragraph.
func lines(s string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(s), "\n", "<br>")) //nolint:gosec // escaped here
}

// shown is a part as HTML has it.
type shown struct {
	Part
	// Code is a one-time code, for people to copy.
	Code string
	// Exact is text that is copied or compared.
	Exact string
}

// html is a letter for mail programs that show HTML.
func (l Letter) html() (string, error) {
	parts := make([]shown, len(l.Parts))
	for i, p := range l.Parts {
		parts[i] = shown{Part: p}
	}
	return render(l.Subject, l.Title, parts)
}

var (
	oneCode     = regexp.MustCompile(`^[0-9]{6}$`)
	leadingCode = regexp.MustCompile(`^[0-9]{6}\b`)
)

// wrappedAt is from which length on a line of text ends because it is full, and not because its writer ended it.
const wrappedAt = 60

// unwrap joins the lines of a paragraph that was wrapped for programs that do not.
func unwrap(block string) string {
	var b strings.Builder
	last := 0
	for i, line := range strings.Split(block, "\n") {
		if i > 0 {
			if last >= wrappedAt {
				b.WriteByte(' ')
			} else {
				b.WriteByte('\n')
			}
		}
		b.WriteString(line)
		last = utf8.RuneCountInString(line)
	}
	return b.String()
}

// plainHTML shows a message that was written as text alone: paragraphs, and what
// stands indented as a code, a link or something to copy.
func plainHTML(subject, text string) (string, error) {
	var parts []shown
	for block := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		block = strings.Trim(block, "\n")
		if strings.TrimSpace(block) == "" {
			continue
		}
		indented := true
		var inner []string
		for line := range strings.SplitSeq(block, "\n") {
			indented = indented && strings.HasPrefix(line, "    ")
			inner = append(inner, strings.TrimSpace(line))
		}
		exact := strings.Join(inner, "\n")
		switch {
		case !indented:
			if code := leadingCode.FindString(block); code != "" {
				parts = append(parts, shown{Code: code})
			}
			parts = append(parts, shown{Part: Part{Text: unwrap(block)}})
		case oneCode.MatchString(exact):
			parts = append(parts, shown{Code: exact})
		case len(inner) == 1 && (strings.HasPrefix(exact, "https://") || strings.HasPrefix(exact, "http://")):
			parts = append(parts, shown{Part: Part{URL: exact}})
		default:
			parts = append(parts, shown{Exact: exact})
		}
	}
	return render(subject, subject, parts)
}

func render(subject, title string, parts []shown) (string, error) {
	var b bytes.Buffer
	err := frame.Execute(&b, struct {
		Subject, Title string
		Parts          []shown
	}{subject, title, parts})
	if err != nil {
		return "", fmt.Errorf("mail: html: %w", err)
	}
	return b.String(), nil
}
