package views

// TextView is a plain page of words: help or privacy.
type TextView struct {
	Name string // help, privacy or fairness
}

func (v TextView) title() string {
	switch v.Name {
	case "help":
		return "Help"
	case "privacy":
		return "Privacy"
	}
	return "How we keep it fair"
}
