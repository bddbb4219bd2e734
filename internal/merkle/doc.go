// Package merkle knows the hash trees of RFC 6962, by which a set of leaves is committed to in 32 bytes.
package merkle
