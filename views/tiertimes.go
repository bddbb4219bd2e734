package views

// TierTimesView is when each kind of ticket of an event is sold, for its organizer.
type TierTimesView struct {
	Event EventInfo
	Form  EventFormView // of which the times of the tiers and the errors count
	Done  string
}

// sold is how long the sale itself runs.
func (v TierTimesView) sold(f Frame) string {
	return "The sale runs from " + when(v.Event.OpensAt, f.Now, v.Event.Zone) + " until " + when(v.Event.ClosesAt, f.Now, v.Event.Zone) + ". Times are " + zoneWords(v.Event.Zone) + "."
}
