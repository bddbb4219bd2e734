package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// explain turns an error of the file system at path into a sentence.
func explain(path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("the disk that holds %s is full: free some space and start again", path)
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the disk that holds %s is read-only: set FAIRQUEUE_DATA_DIR to a folder that can be written", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be written by this user: run as its owner, or set FAIRQUEUE_DATA_DIR to another folder", path)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s is not a folder: set FAIRQUEUE_DATA_DIR to another place", path)
	}
	return err
}

// explainOutput turns what a program printed before it failed into a sentence.
// name is the program, path what it worked on, log where all of it stands.
func explainOutput(name, path, log, output string) error {
	for _, known := range []struct {
		text string
		err  error
	}{
		{"No space left on device", syscall.ENOSPC},
		{"Disk quota exceeded", syscall.EDQUOT},
		{"Read-only file system", syscall.EROFS},
		{"Permission denied", fs.ErrPermission},
	} {
		if strings.Contains(output, known.text) {
			return explain(path, known.err)
		}
	}
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		for _, mark := range []string{"FATAL:", "PANIC:", "error:", "ERROR:", "#"} {
			if _, after, ok := strings.Cut(line, mark); ok && strings.TrimSpace(after) != "" {
				last = strings.TrimSpace(after)
			}
		}
	}
	if last == "" {
		last = "it gave no reason"
	}
	return fmt.Errorf("%s did not start: %s (its output is in %s)", name, strings.TrimSuffix(last, "."), log)
}

// openLog opens a program's log and returns how long it was, so that only what
// is new is read. One that has grown large starts anew.
func openLog(path string) (f *os.File, before int64, err error) {
	f, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, 0, explain(path, err)
	}
	fi, err := f.Stat()
	if err == nil && fi.Size() > 16<<20 {
		return f, 0, f.Truncate(0)
	}
	if err != nil {
		return f, 0, err
	}
	return f, fi.Size(), nil
}

// newOutput is what was added to a log since it was before bytes long, 64 KiB
// of it at most.
func newOutput(path string, before int64) string {
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) < before {
		return ""
	}
	b = b[before:]
	if len(b) > 64<<10 {
		b = b[len(b)-64<<10:]
	}
	return string(b)
}
