package views

import "time"

// WaitingView is the waiting room as one fan sees it.
type WaitingView struct {
	Event     EventInfo
	Tiers     []TierInfo
	Status    SpotStatus // empty: not in the line yet
	Number    int64      // 0: none yet
	Ahead     int64
	Serving   int64
	Arrival   int64
	LobbySize int64         // fans in the lobby now; 0: not known
	HasEta    bool          // EtaLow and EtaHigh mean something
	EtaLow    time.Duration // from Frame.Now
	EtaHigh   time.Duration
	Rate      int       // fans called a minute lately; 0: not known
	Still     bool      // nobody is called just now: everything is taken up by those inside
	Until     time.Time // called: the turn ends; inside: the visit ends; missed: the grace ends
	Again     bool      // waiting for another turn, or (left, done) may ask for one
	Next      bool      // waiting after a missed turn: called again as soon as there is room
	Turn      time.Duration
	Visit     time.Duration
	Grace     time.Duration
	Checkout  string        // /checkout/{claim} while one is open
	Tickets   int           // tickets this fan has
	PollAfter time.Duration // how soon the page asks again
	OnHold    bool          // the database cannot be reached: nobody is called
	Problem   *Problem
}

// LeaveView asks whether the fan really wants to leave the line.
type LeaveView struct {
	Event   EventInfo
	Status  SpotStatus
	Number  int64 // 0: none yet
	Tickets int   // tickets this fan has
	Problem *Problem
}
