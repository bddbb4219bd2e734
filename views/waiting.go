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
	Why       string    // why the wait grew or is not known: paused, slow_payments, stock_held, stock_later, slower; empty: nothing to say
	Rate      int       // fans called a minute lately; 0: not known
	Still     bool      // nobody is called just now: everything is taken up by those inside
	Until     time.Time // called: the turn ends; inside: the visit ends; missed: the grace ends
	Again     bool      // waiting for another turn, or (left, done) may ask for one
	More      bool      // called: two more minutes may be asked for
	Next      bool      // waiting after a missed turn: called again as soon as there is room
	Turn      time.Duration
	Visit     time.Duration
	Grace     time.Duration
	Checkout  string        // /checkout/{claim} while one is open
	Bank      *BankInfo     // inside: the payment that is not decided; nil: none
	UsedUp    *UsedUpInfo   // inside: no payment is left; nil: one is
	Tickets   int           // tickets this fan has
	Owned     int           // units of the show that the limit counts: sold, paying or held; 0: none, or not called yet
	Late      bool          // in the lobby, but after it was closed for the draw
	Seal      string        // the commitment of the draw, hex; empty: no draw
	Beacon    string        // what the draw waits for, "round 7 of drand quicknet"; empty: nothing
	Odds      *OddsInfo     // nil: nothing to say
	Wants     []int         // ordinals of the tiers wanted; empty: any
	Mail      bool          // a mail is sent when the turn comes
	Presale   bool          // some tickets take a code
	Crowd     int64         // how many are in this line: the page spreads what all of them ask
	PollAfter time.Duration // how soon the page asks again
	OnHold    bool          // the database cannot be reached: nobody is called
	Problem   *Problem
	// Digest is what Shared returns, for views made from one that knows it already; 0: not known.
	Digest uint64
}

// OddsInfo is what a fan who waits may expect.
type OddsInfo struct {
	Chance    string // likely, close, unlikely, gone
	Place     int64  // how many are called up to and with this fan, at most
	Left      int64  // unsold tickets in the tiers wanted
	Low, High int64  // the number up to which they are expected to last, as a range
}

// LeaveView asks whether the fan really wants to leave the line.
type LeaveView struct {
	Event   EventInfo
	Status  SpotStatus
	Number  int64 // 0: none yet
	Tickets int   // tickets this fan has
	Problem *Problem
}
