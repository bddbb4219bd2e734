// Package catalog knows events: what happens where and when.
package catalog
