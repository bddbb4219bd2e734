// Package verify knows how to check a sale from what is public about it alone: the draw, and the order in which numbers
// were called.
package verify
