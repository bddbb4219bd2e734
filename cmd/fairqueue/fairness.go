package main

import (
	"crypto/sha256"
	"encoding/binary"
	"os"

	"fairqueue/internal/lab"
	"fairqueue/internal/shuffle"
)

type labFairnessCmd struct {
	Seeds int     `default:"200" help:"How many lines to form."`
	Seed  uint64  `default:"1" help:"The first seed."`
	Fans  int     `default:"10000" help:"How many join."`
	Front int     `default:"1000" help:"How many are called first."`
	Bots  float64 `default:"0.2" help:"The part of the fans that are bots."`
	Tabs  int     `default:"10" help:"Tabs a bot opens."`
	// Faster is how many times faster than a person a bot reacts.
	Faster float64 `default:"100" help:"How many times faster a bot reacts."`
}

// Run needs no server: it measures the order itself, with the product's own draw.
func (c labFairnessCmd) Run() error {
	r, err := lab.Fairness{
		Seeds: c.Seeds, Seed: c.Seed, Fans: c.Fans, Front: c.Front, Bots: c.Bots, Tabs: c.Tabs, Faster: c.Faster,
		Order: func(seed uint64, n int) []uint32 {
			return shuffle.Table(n, sha256.Sum256(binary.BigEndian.AppendUint64(nil, seed)))
		},
	}.Run()
	if err != nil {
		return err
	}
	if err := r.Print(os.Stdout); err != nil {
		return err
	}
	if !r.OK {
		return errSilent
	}
	return nil
}
