// Package account knows people: who they are, how they prove it, what role
// they have.
//
// # Codes
//
// A person proves an address with a one-time code of six digits, sent by mail.
// Only HMAC(key, address, id of the code, code) is stored: with the key outside
// the database a copy of the table is worthless, and a slow hash would eat both
// cores at opening. A million codes, five tries and ten minutes are what
// protects them, therefore:
//
//   - a try is counted by a guarded UPDATE before the code is compared, so that
//     parallel guesses get no more than five answers together;
//   - only the newest code of an address counts, and at most MaxCodes that
//     nobody redeemed are sent in the time one lives: more requests get the
//     same answer and no mail;
//   - no step looks at accounts before the code was right: what a stranger
//     sees, and how long it takes, does not depend on whether one exists.
//
// # Credentials
//
// Bearer tokens (fqt_…) and session cookies (fqs_…) are
// base64url(payload) "." base64url(HMAC-SHA256), payload being version, kind,
// account id, credential id, issued, expires and flags. Verify needs neither
// database nor Redis, because 50,000 first requests at opening must not be
// 50,000 look-ups, and an emptied Redis must sign nobody out. What may not wait
// for a credential's expiry is a short list in memory, read from PostgreSQL
// each second by RefreshRevocations. Roles are not in a credential: they are
// looked up where they matter, so that a lost role ends at once.
package account
