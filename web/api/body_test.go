package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

func TestBodiesAreCheckedAgainstTheirSchema(t *testing.T) {
	t.Parallel()
	const event = `{"name":"N","venue":"V","starts_at":"2030-01-01T18:00:00Z",
		"sale":{"ordering":"fifo","opens_at":"2029-12-01T18:00:00Z","closes_at":"2029-12-31T18:00:00Z"%SALE%},
		"tiers":[{"name":"A","price_kobo":100,"capacity":10}%TIER%]%TOP%}`
	with := func(mark, text string) string {
		s := strings.Replace(event, mark, text, 1)
		for _, m := range []string{"%SALE%", "%TIER%", "%TOP%"} {
			s = strings.Replace(s, m, "", 1)
		}
		return s
	}
	claim := func(s string) string { return `{"tier_id":"0190e8a0-0000-7000-8000-000000000001",` + s + `}` }
	for _, c := range []struct {
		name string
		body any
		text string
		want string // paths, comma-separated
	}{
		{"good", newClaim{}, claim(`"quantity":50`), ""},
		{"zero", newClaim{}, claim(`"quantity":0`), "quantity"},
		{"negative", newClaim{}, claim(`"quantity":-1`), "quantity"},
		{"huge", newClaim{}, claim(`"quantity":1000000000`), "quantity"},
		{"beyond int64", newClaim{}, claim(`"quantity":1e400`), "quantity"},
		{"fraction", newClaim{}, claim(`"quantity":1.5`), "quantity"},
		{"text", newClaim{}, claim(`"quantity":"1"`), "quantity"},
		{"null", newClaim{}, claim(`"quantity":null`), "quantity"},
		{"other case", newCode{}, `{"Email":"ada@example.com"}`, "email,Email"},
		{"seats", newClaim{}, `{"seat_ids":["7",null]}`, "seat_ids[0],seat_ids[1]"},
		{"no seats", newClaim{}, `{"seat_ids":[]}`, "seat_ids"},
		{"unknown", newClaim{}, claim(`"quantity":1,"admin":true`), "admin"},
		{"missing", newTier{}, `{}`, "name,price_kobo"},
		{"no id", newClaim{}, `{"tier_id":"7","quantity":1}`, "tier_id"},
		{"array", newClaim{}, `[]`, ""},
		{"e-mail", newCode{}, `{"email":"nobody"}`, "email"},
		{"NUL", newEvent{}, with("%TOP%", `,"slug":"a\u0000b"`), "slug"},
		{"event", newEvent{}, with("%TOP%", ""), ""},
		{"nested range", newEvent{}, with("%SALE%", `,"turn_seconds":29,"max_inside":0,"max_tickets_per_fan":51`), "sale.max_inside,sale.max_tickets_per_fan,sale.turn_seconds"},
		{"nested null", newEvent{}, with("%SALE%", `,"lobby_opens_at":null,"max_waiting":null`), ""},
		{"null where there is none", newEvent{}, with("%SALE%", `,"hold_seconds":null`), "sale.hold_seconds"},
		{"in a list", newEvent{}, with("%TIER%", `,{"name":"","price_kobo":-1,"capacity":200001,"x":1}`), "tiers[1].capacity,tiers[1].name,tiers[1].price_kobo,tiers[1].x"},
		{"time", newEvent{}, strings.Replace(with("%TOP%", ""), "2030-01-01T18:00:00Z", "tomorrow", 1), "starts_at"},
		{"choice", newEvent{}, strings.Replace(with("%TOP%", ""), "fifo", "race", 1), "sale.ordering"},
		{"beacon", newEvent{}, with("%SALE%", `,"beacon":{"round":0}`), "sale.beacon.name,sale.beacon.round"},
		{"patch", salePatch{}, `{"admit_per_minute":600000,"message":"","closes_at":"2030-01-01T00:00:00+01:00"}`, ""},
		{"money", newEvent{}, with("%SALE%", `,"channels":["card","ussd"],"fees_by":"fan","tax":{"name":"VAT","percent":7.5},"returns":true,"returns_until":"2029-12-30T00:00:00Z","disputes":"keep"`), ""},
		{"wrong money", newEvent{}, with("%SALE%", `,"channels":["cash"],"fees_by":"x","tax":{"percent":101},"returns":1,"disputes":"x"`), "sale.channels[0],sale.disputes,sale.fees_by,sale.returns,sale.tax.name,sale.tax.percent"},
		{"tax as text", salePatch{}, `{"tax":{"name":"VAT","percent":"7.5"}}`, "tax.percent"},
		{"no tax", salePatch{}, `{"tax":null}`, "tax"},
		{"patch null", salePatch{}, `{"message":null}`, "message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var v any
			d := json.NewDecoder(strings.NewReader(c.text))
			d.UseNumber()
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			registry := huma.NewMapRegistry("#/components/schemas/", namer)
			check := checker{registry: registry}
			check.check(registry.Schema(reflect.TypeOf(c.body), true, ""), v, "")
			var paths []string
			for _, w := range check.wrong {
				paths = append(paths, w.Path)
				if !strings.HasSuffix(w.Message, ".") || !strings.HasPrefix(w.Message, w.Path) {
					t.Errorf("not a sentence about the field: %q", w.Message)
				}
			}
			if c.name == "array" && len(check.wrong) == 0 {
				t.Error("an array passed as an object")
			}
			if got := strings.Join(paths, ","); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for header, good := range map[string]bool{
		"": true, "application/json": true, "application/json; charset=UTF-8": true, "application/merge-patch+json": true,
		"application/x-www-form-urlencoded": true, // curl -d
		"text/plain":                        false, "application/xml": false, "multipart/form-data; boundary=x": false,
		"application/json; charset=latin1": false, "x;y;z": false,
	} {
		if got := checkType(header) == nil; got != good {
			t.Errorf("%q: %v", header, got)
		}
	}
}
