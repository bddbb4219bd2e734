package ui

import "hash/fnv"

// Ink is the flat colour and the drawing of one event's poster.
type Ink string

// The inks of the design. None is yellow, and none means anything.
const (
	Verm   Ink = "verm"
	Palm   Ink = "palm"
	Adire  Ink = "adire"
	Plum   Ink = "plum"
	Clay   Ink = "clay"
	Lagoon Ink = "lagoon"
)

// Inks is every ink, in the order in which InkOf counts.
var Inks = []Ink{Verm, Palm, Adire, Plum, Clay, Lagoon}

// InkOf chooses the ink of an event by its id: always the same one.
func InkOf(id string) Ink {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return Inks[h.Sum32()%uint32(len(Inks))]
}

// Drawings in a box of 600 by 600: flat geometry, 0.3 to 1.5 kB each.
var art = map[Ink]string{
	Verm:   `<path d="M300 0A300 300 0 0 0 60 120H540A300 300 0 0 0 300 0Z"/><path d="M50 134A300 300 0 0 0 17 200H583A300 300 0 0 0 550 134Z"/><path d="M12 216A300 300 0 0 0 2 268H598A300 300 0 0 0 588 216Z"/><path d="M0 286A300 300 0 0 0 1 328H599A300 300 0 0 0 600 286Z"/><path d="M4 348A300 300 0 0 0 11 381H589A300 300 0 0 0 596 348Z"/><path d="M18 403A300 300 0 0 0 29 429H571A300 300 0 0 0 582 403Z"/><path d="M42 453A300 300 0 0 0 55 473H545A300 300 0 0 0 558 453Z"/><path d="M76 499A300 300 0 0 0 89 513H511A300 300 0 0 0 524 499Z"/><path d="M121 541A300 300 0 0 0 134 550H466A300 300 0 0 0 479 541Z"/><path d="M190 579A300 300 0 0 0 203 584H397A300 300 0 0 0 410 579Z"/>`,
	Palm:   `<path d="M292 0h16v180a120 120 0 0 1 0 240v180h-16V420a120 120 0 0 1 0-240zM292 197a104 104 0 0 0 0 206zm16 0v206a104 104 0 0 0 0-206zM0 110h150v380H0v-16h134V126H0zM600 110H450v380h150v-16H466V126h134z"/>`,
	Adire:  `<circle cx="300" cy="300" r="290" fill="none" stroke="currentColor" stroke-width="20"/><circle cx="300" cy="300" r="250" fill="none" stroke="currentColor" stroke-width="17.6"/><circle cx="300" cy="300" r="214" fill="none" stroke="currentColor" stroke-width="15.2"/><circle cx="300" cy="300" r="182" fill="none" stroke="currentColor" stroke-width="12.8"/><circle cx="300" cy="300" r="154" fill="none" stroke="currentColor" stroke-width="10.4"/><circle cx="300" cy="300" r="130" fill="none" stroke="currentColor" stroke-width="8"/><circle cx="300" cy="300" r="90"/>`,
	Plum:   `<path d="M15 30a60 60 0 0 0 120 0z"/><path d="M165 30a60 60 0 0 0 120 0z"/><path d="M315 30a60 60 0 0 0 120 0z"/><path d="M465 30a60 60 0 0 0 120 0z"/><path d="M15 180a60 60 0 0 0 120 0z"/><path d="M165 180a60 60 0 0 0 120 0z"/><path d="M315 180a60 60 0 0 0 120 0z"/><path d="M465 180a60 60 0 0 0 120 0z"/><path d="M15 330a60 60 0 0 0 120 0z"/><path d="M165 330a60 60 0 0 0 120 0z"/><path d="M315 330a60 60 0 0 0 120 0z"/><path d="M465 330a60 60 0 0 0 120 0z"/><path d="M15 480a60 60 0 0 0 120 0z"/><path d="M165 480a60 60 0 0 0 120 0z"/><path d="M315 480a60 60 0 0 0 120 0z"/><path d="M465 480a60 60 0 0 0 120 0z"/>`,
	Clay:   `<path d="M0 80L75 -10L150 80L225 -10L300 80L375 -10L450 80L525 -10L600 80V108L525 18L450 108L375 18L300 108L225 18L150 108L75 18L0 108Z"/><path d="M0 180L75 90L150 180L225 90L300 180L375 90L450 180L525 90L600 180V208L525 118L450 208L375 118L300 208L225 118L150 208L75 118L0 208Z"/><path d="M0 280L75 190L150 280L225 190L300 280L375 190L450 280L525 190L600 280V308L525 218L450 308L375 218L300 308L225 218L150 308L75 218L0 308Z"/><path d="M0 380L75 290L150 380L225 290L300 380L375 290L450 380L525 290L600 380V408L525 318L450 408L375 318L300 408L225 318L150 408L75 318L0 408Z"/><path d="M0 480L75 390L150 480L225 390L300 480L375 390L450 480L525 390L600 480V508L525 418L450 508L375 418L300 508L225 418L150 508L75 418L0 508Z"/><path d="M0 580L75 490L150 580L225 490L300 580L375 490L450 580L525 490L600 580V608L525 518L450 608L375 518L300 608L225 518L150 608L75 518L0 608Z"/>`,
	Lagoon: `<path d="M480 0A120 120 0 0 0 600 120v-34A86 86 0 0 1 514 0Z"/><path d="M410 0A190 190 0 0 0 600 190v-34A156 156 0 0 1 444 0Z"/><path d="M340 0A260 260 0 0 0 600 260v-34A226 226 0 0 1 374 0Z"/><path d="M270 0A330 330 0 0 0 600 330v-34A296 296 0 0 1 304 0Z"/><path d="M200 0A400 400 0 0 0 600 400v-34A366 366 0 0 1 234 0Z"/><path d="M130 0A470 470 0 0 0 600 470v-34A436 436 0 0 1 164 0Z"/><path d="M60 0A540 540 0 0 0 600 540v-34A506 506 0 0 1 94 0Z"/>`,
}
