package views

import "github.com/a-h/templ"

// GalleryEntry is one view with canned data.
type GalleryEntry struct {
	Name  string // in /gallery/{name}
	Group string
	Title string
	Page  func(f Frame) templ.Component
}

// Gallery is every view with canned data, in order.
func Gallery() []GalleryEntry { return nil }
