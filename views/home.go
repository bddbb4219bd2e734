package views

// HomeView is the list of events. The first one is the most urgent and is shown large.
type HomeView struct {
	Events []HomeEvent
	Places []PlaceInfo // lines the fan stands in, most urgent first
	Banks  []BankInfo  // payments of the fan that are not decided, newest first
}

// HomeEvent is one row of the list.
type HomeEvent struct {
	Event EventInfo
	Tiers []TierInfo // prices and what is left; may be empty
}
