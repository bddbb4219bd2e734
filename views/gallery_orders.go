package views

import (
	"time"

	"github.com/a-h/templ"
)

func galleryOrder(change func(*OrderView)) func(Frame) templ.Component {
	return func(f Frame) templ.Component {
		at := galleryNow.Add(-40 * time.Minute)
		v := OrderView{
			Event: galleryEvent(SaleOpen), ID: "o1", Buyer: "jolaade.with.a.long.name@mail.example", Total: 5000000, Status: "succeeded", At: at, PaidAt: at,
			Worth: 4500000, Refundable: true, Form: RefundForm{Resell: true},
			Tickets: []OrderTicketRow{
				{ID: "t1", Tier: "Floor", Holder: "Jọláadé Adébáyọ̀", Ends: "7Q4Tab", Status: "valid", Price: 2500000, Worth: 2000000, Good: true},
				{ID: "t2", Tier: "Floor", Holder: "Jọláadé Adébáyọ̀", Ends: "x_9Kd2", Status: "used", Price: 2500000, Worth: 2500000, Good: true},
			},
			Payments: []PaymentRow{
				{Reference: "fq-0190b6a07c1d", Status: "failed", Asked: 5000000, At: at.Add(-3 * time.Minute)},
				{Reference: "fq-0190b6a07c1e", Status: "succeeded", Channel: "card", Asked: 5000000, Received: 5000000, Fees: 85000, At: at},
			},
			Refunds: []RefundRow{{ID: "r1", Status: "processed", Reason: "organizer", Note: "The second stage does not open.", Amount: 500000, At: at.Add(20 * time.Minute), ProcessedAt: at.Add(25 * time.Minute)}},
		}
		if change != nil {
			change(&v)
		}
		return OrderPage(organizer(f), v)
	}
}

func (b *galleryBook) orders() {
	list := func(change func(*OrdersView)) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			v := OrdersView{Event: galleryEvent(SaleOpen), Next: "?cursor=x"}
			for i, s := range []string{"succeeded", "pending", "failed", "held", "refund_due", "refunded", "abandoned", "charged_back"} {
				v.Orders = append(v.Orders, OrderRow{ID: "o" + itoa(i), Reference: "fq_0190b6a07c1e" + itoa(i), Email: "fan" + itoa(i) + "@mail.example", What: "2 × Floor", Amount: 5000000, Status: s, At: galleryNow.Add(-time.Duration(i) * 7 * time.Second)})
			}
			v.Orders[0].Back = 500000
			if change != nil {
				change(&v)
			}
			return OrdersPage(organizer(f), v)
		}
	}
	b.add("console-trouble", "Console, money waits for the organizer", func(f Frame) templ.Component {
		v := ConsoleView{Event: galleryEvent(SaleOpen), Stats: galleryStats(), AdmitPerMinute: 300, MaxInside: 500,
			Can: []ConsoleAction{ActionPause, ActionEnd}, Trouble: Trouble{Refunds: 1, Disputes: 1}}
		v.Stats.Refunded, v.Stats.Disputed = 12500000, 5000000
		return ConsolePage(organizer(f), v)
	})
	b.add("organizer-trouble", "Your events, money waits for you", func(f Frame) templ.Component {
		e := galleryEvent(SaleOpen)
		return OrganizerPage(organizer(f), OrganizerView{Events: []OrganizerEvent{
			{Event: e, Capacity: 12000, Sold: 6968, Waiting: 41510, Trouble: Trouble{Refunds: 2, Disputes: 1}}, {Event: e, Capacity: 800, Sold: 3},
		}})
	})
	b.add("orders", "Orders", list(nil))
	b.add("orders-older", "Orders, a later page", list(func(v *OrdersView) { v.Later, v.Next = true, "" }))
	b.add("orders-empty", "No orders yet", func(f Frame) templ.Component {
		return OrdersPage(organizer(f), OrdersView{Event: galleryEvent(SaleOpen)})
	})
	b.add("orders-trouble", "Orders, money waits for the organizer", list(func(v *OrdersView) { v.Trouble = Trouble{Refunds: 2, Disputes: 1} }))
	b.add("orders-needs", "Orders that need the organizer", list(func(v *OrdersView) {
		v.Needing, v.Next, v.Orders = true, "", v.Orders[4:5]
		v.Orders[0].Stuck = true
		v.Orders = append(v.Orders, OrderRow{ID: "o9", Reference: "fq_0190b6a07c1e9", Email: "fan9@mail.example", What: "2 × Floor", Amount: 5000000, Status: "charged_back", Disputed: true, AnswerBy: galleryNow.Add(47 * time.Hour), At: galleryNow})
	}))
	b.add("orders-found", "Orders that were looked for", list(func(v *OrdersView) { v.Search, v.Next, v.Orders = "fan1@", "", v.Orders[1:2] }))
	b.add("orders-found-none", "No order that was looked for", func(f Frame) templ.Component {
		return OrdersPage(organizer(f), OrdersView{Event: galleryEvent(SaleOpen), Search: "7q4tab"})
	})
	b.add("orders-needs-none", "No order needs the organizer", func(f Frame) templ.Component {
		return OrdersPage(organizer(f), OrdersView{Event: galleryEvent(SaleOpen), Needing: true})
	})
	b.add("orders-cancelled", "Orders, the event is cancelled", list(func(v *OrdersView) {
		v.Event.State, v.Event.Cancelled = SaleEnded, true
		v.Cancel = &CancelProgress{Orders: 1840, OrdersBack: 902, Open: 311, Free: 12, Disputed: 1, UnderWay: 2, Stuck: 2, Moving: 625, All: 920000000000, Sent: 451000000000}
	}))
	b.add("orders-cancelled-stuck", "Orders, what is left waits for the organizer", list(func(v *OrdersView) {
		v.Event.State, v.Event.Cancelled = SaleEnded, true
		v.Cancel = &CancelProgress{Orders: 1840, OrdersBack: 1838, Stuck: 2, All: 920000000000, Sent: 919000000000}
	}))
	b.add("orders-cancelled-done", "Orders, all money is back", list(func(v *OrdersView) {
		v.Event.State, v.Event.Cancelled = SaleEnded, true
		v.Cancel = &CancelProgress{Orders: 1840, OrdersBack: 1840, All: 920000000000, Sent: 920000000000, Done: true}
	}))
	b.add("order", "An order", galleryOrder(nil))
	b.add("order-error", "An order, the refund is mistyped", galleryOrder(func(v *OrderView) {
		v.Form.What, v.Form.Amount = "amount", "2 thousand"
		v.Errors = map[string]string{"amount": "Write the amount in naira, such as 2500."}
	}))
	b.add("order-failed", "An order, its refund failed", galleryOrder(func(v *OrderView) {
		v.Refunds[0].Status, v.Refunds[0].LastError = "failed", "insufficient balance"
	}))
	b.add("order-attention", "An order, its refund needs a bank account", galleryOrder(func(v *OrderView) {
		v.Refunds[0].Status = "needs_attention"
		v.Banks = []BankOption{{ID: "1", Name: "Access Bank"}, {ID: "9", Name: "First Bank of Nigeria"}}
		v.Errors = map[string]string{"account_number": "Write the number of the account: 10 digits."}
	}))
	b.add("order-disputed", "An order under dispute", galleryOrder(func(v *OrderView) {
		v.Status, v.Refundable = "charged_back", false
		v.Tickets[0].Status, v.Tickets[1].Status, v.Tickets[0].Good, v.Tickets[1].Good = "void", "void", false, false
		v.Tickets[0].Dispute, v.Tickets[1].Dispute = disputeAsked, disputeAsked
		v.Payments[1].Status, v.Payments[1].Disputed = "charged_back", true
		v.Disputes = []DisputeRow{{Status: "open", Amount: 5000000, Void: true, DueAt: galleryNow.Add(47 * time.Hour), OpenedAt: galleryNow}}
	}))
	b.add("tickets-disputed", "My tickets, a bank asks or has taken the money", func(f Frame) templ.Component {
		asked, lost := galleryTicket(TicketVoid), galleryTicket(TicketVoid)
		asked.Dispute, lost.Dispute = disputeAsked, disputeLost
		return TicketsPage(signedIn(f), TicketsView{Tickets: []TicketInfo{asked, lost}})
	})
	b.add("ticket-lost", "Ticket whose money the bank gave back", func(f Frame) templ.Component {
		v := TicketView{Ticket: galleryTicket(TicketVoid), Index: 1, Of: 1}
		v.Ticket.Dispute = disputeLost
		return TicketPage(signedIn(f), v)
	})
	b.add("order-lost", "An order, the dispute is lost", galleryOrder(func(v *OrderView) {
		v.Status, v.Refundable, v.Tickets = "charged_back", false, v.Tickets[:1]
		v.Tickets[0].Status, v.Tickets[0].Good, v.Tickets[0].Dispute = "void", false, disputeLost
		v.Disputes = []DisputeRow{{Status: "lost", Amount: 5000000, ResolvedAt: galleryNow.Add(-time.Hour)}}
	}))
	ask := func(form RefundForm, ending, kept []OrderTicketRow) func(Frame) templ.Component {
		return func(f Frame) templ.Component {
			return RefundAskPage(organizer(f), RefundAskView{
				Event: galleryEvent(SaleOpen), OrderID: "o1", Buyer: "jolaade@mail.example", Form: form, Back: 2500000, Ending: ending, Kept: kept,
			})
		}
	}
	both := []OrderTicketRow{
		{ID: "t1", Tier: "Floor", Holder: "Jọláadé Adébáyọ̀", Ends: "7Q4Tab"}, {ID: "t2", Tier: "Floor", Holder: "Jọláadé Adébáyọ̀", Ends: "x_9Kd2"},
	}
	b.add("refund-all", "Give everything back?", ask(RefundForm{What: "all", Resell: true, Reason: "The second stage does not open."}, both, nil))
	b.add("refund-some", "Give a ticket back?", ask(RefundForm{What: "tickets"}, both[:1], both[1:]))
	b.add("refund-part", "Give part of the price back?", ask(RefundForm{What: "amount"}, nil, both))
	b.add("refund-send", "Send a refund to a bank account?", func(f Frame) templ.Component {
		return SendAskPage(organizer(f), SendAskView{Event: galleryEvent(SaleOpen), OrderID: "o1", Buyer: "jolaade@mail.example", Refund: "r1", Amount: 500000, BankID: "9", Bank: "First Bank of Nigeria", Account: "0123456789"})
	})
	b.add("cancel", "Cancel the event?", func(f Frame) templ.Component {
		return CancelPage(organizer(f), CancelView{Event: galleryEvent(SaleOpen), Orders: 1840, Owed: 920000000000, Free: 12, Disputed: 1, OnWay: 500000, Waiting: 12408})
	})
	b.add("cancel-error", "Cancel the event, not ticked", func(f Frame) templ.Component {
		return CancelPage(organizer(f), CancelView{Event: galleryEvent(SaleOpen), Reason: "The hall is flooded.", Errors: map[string]string{"sure": "Tick this first. It is the last step before everything goes back."}})
	})
	b.add("event-cancelled", "Event, cancelled", func(f Frame) templ.Component {
		v := EventView{Event: galleryEvent(SaleEnded), Tiers: galleryTiers()}
		v.Event.Cancelled, v.Event.CancelReason = true, "The hall is flooded. We look for another date."
		return EventPage(signedIn(f), v)
	})
}
