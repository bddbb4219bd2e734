package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"fairqueue/internal/account"
	"fairqueue/internal/fault"
	"fairqueue/internal/sale"
)

// request is one call of the API.
type request struct {
	echo.Context
	api *API
	// quiet: the account is not noted for the log line, which a success does not have.
	quiet   bool
	account uuid.UUID
}

func (r *request) ctx() context.Context { return r.Request().Context() }

// AccountKey is the key under which the account of a verified bearer stands in
// the echo context, for the log line of the request.
const AccountKey = "account"

// bearer returns who the token belongs to; 401 without a good one.
func (r *request) bearer() (account.Identity, error) {
	who, given, err := r.maybe()
	if err == nil && !given {
		err = errUnauthorized
	}
	return who, err
}

// maybe is bearer where a token may be left out. One that is sent must be good:
// a program that believes to be signed in is told that it is not.
func (r *request) maybe() (who account.Identity, given bool, err error) {
	h := r.Request().Header.Get("Authorization")
	if h == "" {
		return account.Identity{}, false, nil
	}
	scheme, token, _ := strings.Cut(h, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return account.Identity{}, true, errUnauthorized
	}
	who, err = r.api.Accounts.Verify(account.Bearer, strings.TrimSpace(token))
	if err != nil {
		return account.Identity{}, true, errUnauthorized.Because(err)
	}
	if r.account = who.AccountID; !r.quiet {
		r.Set(AccountKey, who.AccountID)
	}
	return who, true, nil
}

// isSlug reports whether s is a slug as the schema of events allows it:
// ^[a-z0-9]+(-[a-z0-9]+)*$, at most 80 letters. A regular expression took a
// twentieth of a poll.
func isSlug(s string) bool {
	if s == "" || len(s) > 80 {
		return false
	}
	dash := true // as if one stood before the first letter
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			dash = false
		case c == '-' && !dash:
			dash = true
		default:
			return false
		}
	}
	return !dash
}

// eventRef returns {event} if it can be one: nothing else reaches the database.
func (r *request) eventRef() (string, bool) {
	s := r.Param("event")
	if id, ok := parseID(s); ok {
		return id.String(), true
	}
	return s, isSlug(s)
}

// event returns the event of the path; 404 for a draft to all but its organization.
func (r *request) event() (*sale.Snapshot, error) {
	ref, ok := r.eventRef()
	if !ok {
		return nil, errNoEvent
	}
	s, err := r.api.Sales.Get(r.ctx(), ref)
	if err != nil {
		return nil, err
	}
	if s.Published() {
		return s, nil
	}
	who, given, err := r.maybe()
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, errNoEvent
	}
	org, err := r.api.Accounts.Organization(r.ctx(), who.AccountID)
	if err != nil && fault.From(err).Kind != fault.Forbidden {
		return nil, err
	}
	if err != nil || org != s.Event.OrganizationID {
		return nil, errNoEvent
	}
	return s, nil
}

// own returns the event of the path for its organizer: 401, then 404 for
// everybody else, organizer or not.
func (r *request) own() (account.Identity, *sale.Snapshot, error) {
	who, err := r.bearer()
	if err != nil {
		return who, nil, err
	}
	ref, ok := r.eventRef()
	if !ok {
		return who, nil, errNoEvent
	}
	org, err := r.api.Accounts.Organization(r.ctx(), who.AccountID)
	if err != nil {
		if fault.From(err).Kind == fault.Forbidden {
			err = errNoEvent
		}
		return who, nil, err
	}
	s, err := r.api.Sales.Own(r.ctx(), org, ref)
	return who, s, err
}

// id returns {id}; missing is the error when it is no id at all.
func (r *request) id(missing error) (uuid.UUID, error) {
	id, ok := parseID(r.Param("id"))
	if !ok {
		return uuid.Nil, missing
	}
	return id, nil
}

// parseID reads the usual text form of a UUID and no other.
func parseID(s string) (uuid.UUID, bool) {
	if len(s) != 36 {
		return uuid.Nil, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil
}

const (
	defaultLimit = 50
	// maxLimit is what the services give at once; who asks for more gets that.
	maxLimit = 100
)

// page returns limit and cursor; 422 if they cannot be.
func (r *request) page() (limit int, cursor string, err error) { return r.pageOf(maxLimit) }

// pageOf is page where more than usual come at once.
func (r *request) pageOf(most int) (limit int, cursor string, err error) {
	limit = defaultLimit
	if s := r.QueryParam("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, "", fault.InvalidField(fault.Field{Path: "limit", Message: "limit must be a whole number of at least 1."})
		}
		limit = min(n, most)
	}
	cursor = r.QueryParam("cursor")
	if len(cursor) > 500 || strings.ContainsFunc(cursor, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return 0, "", fault.InvalidField(fault.Field{Path: "cursor", Message: "cursor must be the next_cursor of the page before."})
	}
	return limit, cursor, nil
}

// next is next_cursor: null at the end of a list.
func next(cursor string) *string {
	if cursor == "" {
		return nil
	}
	return &cursor
}
