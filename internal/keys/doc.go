// Package keys knows every key of the installation, each derived from
// FAIRQUEUE_SECRET by HKDF with a label of its own.
//
// The secret is extracted once (HKDF-SHA256, RFC 5869) and every key is an
// expansion under "fairqueue/v1/<use>/<label>". The use (mac, sign, seal) is
// part of the name, so that one label can never give the same bytes to two
// algorithms. Changing anything here signs everybody out and makes every
// ticket's code worthless: keys_test.go holds fixed vectors against that.
package keys
