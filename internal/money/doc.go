// Package money knows amounts: integers in kobo, the hundredth of a naira.
package money
