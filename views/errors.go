package views

import (
	"time"

	"fairqueue/views/ui"
)

// ErrorView is a page, or a part of one, that says what went wrong.
type ErrorView struct {
	Status   int    // HTTP status
	Title    string // what happened; empty: from Status
	Text     string // what happens next; empty: from Status
	Label    string // of the one action; empty: "See events"
	URL      string // of the one action; empty: /
	Retry    time.Duration
	RetryURL string // GET address that the page tries by itself after Retry; empty: it does not
}

// errorWords is an error ready for the page.
type errorWords struct {
	State             ui.State
	Word, Title, Text string
	Label, URL        string
}

func (v ErrorView) words() errorWords {
	w := errorWords{State: ui.Low, Word: "Not saved", Title: "That did not work", Text: "Nothing was changed. Try again. If it happens again, tell us the number below.", Label: "See events", URL: "/"}
	switch {
	case v.Status == 400, v.Status == 422:
		w.Title, w.Text = "Something in the form is not right", "Nothing was changed. Go back, look at the fields, and send it again."
	case v.Status == 401:
		w.State, w.Word, w.Title, w.Text = ui.Soon, "Signed out", "Please sign in", "Your place and your tickets are kept. Sign in with the same e-mail to see them."
		w.Label, w.URL = "Sign in", "/sign-in"
	case v.Status == 403:
		w.State, w.Word, w.Title, w.Text = ui.Out, "Not allowed", "This is not yours to open", "It belongs to another account. If it should be yours, sign in with the e-mail you used."
	case v.Status == 404:
		w.State, w.Word, w.Title, w.Text = ui.Out, "Not found", "There is nothing here", "The address may be mistyped, or the event is not public. Everything on sale is in the list of events."
	case v.Status == 405:
		w.State, w.Word, w.Title, w.Text = ui.Out, "Nothing to see", "This address takes a form only", "Nothing was changed. Go back, and use the button on the page."
	case v.Status == 409:
		w.Title, w.Text = "That is not possible now", "Something changed in the meantime. Nothing was lost. Go back and load the page again."
	case v.Status == 413:
		w.Title, w.Text = "That is too much to send", "Nothing was changed. Send less."
	case v.Status == 429:
		w.Word, w.Title, w.Text = "Too fast", "Please wait a moment", "Too many tries came from you in a short time. Your place is safe. Being faster does not help."
	case v.Status == 503, v.Status == 504:
		w.Word, w.Title, w.Text = "Very busy", "We cannot answer just now", "Too many people came in the same second, or our records cannot be reached. What was saved before is safe: your place, your tickets, your money. Try again in a few seconds."
	case v.Status >= 500:
		w.Title, w.Text = "Our side has a fault", "You did nothing wrong, and nothing was changed. Try again in a minute."
	}
	if v.Title != "" {
		w.Title = v.Title
	}
	if v.Text != "" {
		w.Text = v.Text
	}
	if v.Label != "" {
		w.Label = v.Label
	}
	if v.URL != "" {
		w.URL = v.URL
	}
	return w
}

func (w errorWords) banner() ui.BannerKind {
	switch w.State {
	case ui.Out:
		return ui.Err
	case ui.Soon:
		return ui.Info
	}
	return ui.Warn
}

func (w errorWords) icon() string {
	switch w.State {
	case ui.Out:
		return "octagon-x"
	case ui.Soon:
		return "lock"
	}
	return "triangle-alert"
}

// refresh is how soon the page tries again by itself, in seconds; 0: it does not.
func (v ErrorView) refresh() int {
	if v.Retry <= 0 || v.RetryURL == "" {
		return 0
	}
	return max(int(v.Retry.Round(time.Second)/time.Second), 1)
}
