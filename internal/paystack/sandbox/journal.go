package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// compactAt is the size in bytes beyond which the journal is written anew, if that saves half.
const compactAt = 32 << 20

// journal is a file of JSON lines, one a change, the last of a reference being the truth. Writers that come together
// share one fsync. A nil journal keeps nothing.
type journal struct {
	path     string
	snapshot func(w io.Writer) (int64, error) // writes every transaction; takes Server.mu

	mu      sync.Mutex
	file    *os.File
	buf     []byte
	size    int64
	floor   int64 // size after the last compaction
	batch   *batch
	closed  bool
	kick    chan struct{}
	stopped chan struct{}
}

// batch is what goes to the disk together.
type batch struct {
	done chan struct{}
	err  error
}

// restore reads the state file, writes it anew without what is past, and begins the journal.
func (s *Server) restore() error {
	if s.cfg.StateFile == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.cfg.StateFile), 0o700); err != nil {
		return fmt.Errorf("sandbox: state file: %w", err)
	}
	if err := s.load(); err != nil {
		return fmt.Errorf("sandbox: read %s: %w", s.cfg.StateFile, err)
	}
	j := &journal{path: s.cfg.StateFile, snapshot: s.writeAll, batch: &batch{done: make(chan struct{})},
		kick: make(chan struct{}, 1), stopped: make(chan struct{})}
	if err := j.compact(); err != nil {
		return fmt.Errorf("sandbox: write %s: %w", s.cfg.StateFile, err)
	}
	s.journal = j
	go j.run() // ended by close, which waits for it
	return nil
}

func (s *Server) load() error {
	f, err := os.Open(s.cfg.StateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	latest := map[string]*transaction{}
	var order []string
	r := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := r.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			t := &transaction{}
			if json.Unmarshal(line, t) != nil || t.Reference == "" {
				// The last line of a process that was killed while writing it; nobody was told that it is kept.
				s.log.Warn("a line of the state file is torn and left out", "file", s.cfg.StateFile)
			} else {
				if latest[t.Reference] == nil {
					order = append(order, t.Reference)
				}
				latest[t.Reference] = t
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for _, ref := range order {
		if s.insert(latest[ref]) {
			s.alarm(latest[ref])
		}
	}
	return nil
}

// writeAll writes every transaction as the journal keeps it.
func (s *Server) writeAll(w io.Writer) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n int64
	for _, t := range s.order {
		line, err := json.Marshal(t)
		if err != nil {
			return n, err
		}
		k, err := w.Write(append(line, '\n'))
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// append adds a line and returns what waits until it is on disk.
func (j *journal) append(line []byte) (wait func() error) {
	if j == nil {
		return func() error { return nil }
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return func() error { return errors.New("sandbox: closed") }
	}
	j.buf = append(append(j.buf, line...), '\n')
	b := j.batch
	select {
	case j.kick <- struct{}{}:
	default:
	}
	return func() error {
		<-b.done
		return b.err
	}
}

func (j *journal) run() {
	defer close(j.stopped)
	for range j.kick {
		j.flush()
	}
	j.flush()
}

// flush writes what has come together since the last time.
func (j *journal) flush() {
	j.mu.Lock()
	buf, b := j.buf, j.batch
	j.buf, j.batch = nil, &batch{done: make(chan struct{})}
	j.mu.Unlock()
	defer close(b.done)
	if len(buf) == 0 {
		return
	}
	if _, err := j.file.Write(buf); err != nil {
		b.err = err
		return
	}
	if b.err = j.file.Sync(); b.err != nil {
		return
	}
	j.size += int64(len(buf))
	if j.size > compactAt && j.size > 2*j.floor {
		b.err = j.compact()
	}
}

// compact replaces the file by one with a line a transaction. A crash leaves the old file or the new one.
func (j *journal) compact() error {
	tmp := j.path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	size, err := j.snapshot(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(tmp, j.path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(j.path))
	}
	if err != nil {
		_ = f.Close()
		return err
	}
	if j.file != nil {
		_ = j.file.Close()
	}
	// f stays open at its end, so that appending goes on in the renamed file.
	j.file, j.size, j.floor = f, size, size
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// close writes what is left and ends.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	j.closed = true
	close(j.kick)
	j.mu.Unlock()
	<-j.stopped
	return j.file.Close()
}
