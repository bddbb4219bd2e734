package views

// TextView is a plain page of words: help or privacy.
type TextView struct {
	Name string // help, privacy or fairness
}
