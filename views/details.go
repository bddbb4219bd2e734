package views

// DetailsView is the organizer's form of what an event is.
type DetailsView struct {
	Event     EventInfo
	Form      EventFormView
	Holders   int64 // people who hold good tickets
	Cancelled bool
	Done      string
}

func (v DetailsView) button() string {
	if v.Holders == 0 {
		return "Save"
	}
	return "Save and tell " + v.people()
}

func (v DetailsView) people() string {
	if v.Holders == 1 {
		return "the one ticket holder"
	}
	return num(int(v.Holders)) + " ticket holders"
}

func (v DetailsView) next() string {
	if v.Holders == 0 {
		return "Nobody holds a ticket yet, so nobody is written to. The change is written into the public record of the sale."
	}
	return "A mail with the old and the new goes to " + v.people() + ". Their tickets stay good. The change is written into the public record of the sale."
}
