//go:build !linux

package stream

import (
	"iter"
	"time"
)

func tuneSocket(uintptr, time.Duration) {}

// poller knows nothing here: the write after the next finds out who has gone.
type poller struct{}

func (p *poller) open()       {}
func (p *poller) close()      {}
func (p *poller) add(*Stream) {}

func (p *poller) gone() iter.Seq[int32] { return func(func(int32) bool) {} }
