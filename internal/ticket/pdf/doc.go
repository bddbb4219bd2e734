// Package pdf draws tickets on paper: one A4 page each, to keep on a phone or to print.
//
// A page holds nothing that the ticket's own page does not show: the event, the
// holder and the code, as vectors, so that a door reads it from any printer. It
// looks like the stub on the screen, with little colour, because ink is dear.
//
// The faces are inside the file (fonts/, both under the OFL 1.1): Noto Sans with
// all of Latin and its marks, and the display face of the pages, which has the
// letters of Nigerian languages. A character that neither has is printed as a
// box; the code and the door need no name.
//
// The PDF is written by codeberg.org/go-pdf/fpdf, which embeds only the glyphs
// that are used. Everything in the file follows from what was asked for, the
// date too, so the same ticket is the same file.
package pdf
