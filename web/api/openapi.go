package api

import (
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"fairqueue/internal/stats"
)

// The parts of the document, in the order of a sale.
const (
	tagSignIn    = "Sign-in"
	tagEvents    = "Events"
	tagQueue     = "Queue"
	tagFairness  = "Fairness"
	tagClaims    = "Claims"
	tagPayments  = "Payments"
	tagTickets   = "Tickets"
	tagOrganizer = "Organizer"
)

var tags = []*huma.Tag{
	{Name: tagSignIn, Description: "A one-time code by e-mail becomes a bearer token. The token goes into the header `Authorization: Bearer TOKEN`."},
	{Name: tagEvents, Description: "Public. `{event}` is an id or a slug, here and everywhere."},
	{Name: tagQueue, Description: "A fan's place in the line. While it is the fan's turn, the place carries an admission."},
	{Name: tagFairness, Description: "Public: the draw, the order of calls and the promises, so that anybody can check them without us. Bytes are lower-case hex."},
	{Name: tagClaims, Description: "Tickets held for a fan. Needs a token, and to make a claim also the header `Admission` with the token of the admission."},
	{Name: tagPayments, Description: "Paying for a claim with Paystack."},
	{Name: tagTickets, Description: "What a paid claim becomes."},
	{Name: tagOrganizer, Description: "For accounts of an organization, on its own events only. Anything else is 404."},
}

const intro = "JSON in and out, UTF-8. Times are RFC 3339 in UTC, money is an integer in kobo. " +
	"Errors are problem+json (RFC 9457) with a stable `code`, decided in the order 401, 404, 403, 413, 422, 409; an error changes nothing. " +
	"429 and 503 carry Retry-After. Unknown fields and wrong types are refused, and a body is at most 1 MiB. " +
	"Lists take `limit` and `cursor` and give `next_cursor`, which is null at the end."

// names of types that would otherwise clash or say too little.
var names = map[reflect.Type]string{
	reflect.TypeFor[stats.Event](): "Stats",
	reflect.TypeFor[accountOut]():  "Account",
	reflect.TypeFor[onePayment]():  "PaymentAnswer",
}

func namer(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if n, ok := names[t]; ok {
		return n
	}
	if t.Name() == "" {
		// Anonymous parts of stats.Event.
		if part, ok := strings.CutPrefix(hint, "Event"); ok {
			return "Stats" + strings.TrimSuffix(part, "Struct")
		}
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// document is the configuration of huma: the format, the document, and none of
// huma's own routes and rewriting of bodies.
func document(public *url.URL) huma.Config {
	server := "/"
	if public != nil {
		server = strings.TrimSuffix(public.String(), "/")
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "FairQueue", Version: "1", Description: intro,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: server}},
			Tags:    tags,
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", namer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "The token of POST /auth/token."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}
