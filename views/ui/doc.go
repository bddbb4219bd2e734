// Package ui knows the small parts that pages are made of: the brand, icons,
// poster art, words of state, banners.
//
// Icons are written out where they stand instead of being referred to from a
// sprite: a part that htmx swaps then brings what it needs, a page carries no
// icon it does not show, and repeated ones cost a few bytes after compression.
package ui
