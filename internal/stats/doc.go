// Package stats knows figures for dashboards; it only reads.
//
// Every figure is counted from rows when it is asked for, so that there is no
// counter that could disagree with them. The queries run in one snapshot: the
// parts of the line, and of the stock, add up.
package stats
