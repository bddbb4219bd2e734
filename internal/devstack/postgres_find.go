package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldest is the oldest major version that will do.
const oldest = 15

// pgBin is one installed PostgreSQL.
type pgBin struct {
	dir   string
	major int
}

var pgPlaces = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PostgreSQL's own RPMs
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/local/pgsql/bin",                               // from source
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew on Apple silicon
	"/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

// findPostgres returns the newest PostgreSQL of this machine, or the one that
// made the cluster when there is one already (made > 0).
func findPostgres(ctx context.Context, dirs []string, made int) (pgBin, error) {
	if dirs == nil {
		dirs = searchDirs(ctx)
	}
	var found []pgBin
	seen := map[string]bool{}
	for _, dir := range dirs {
		target, err := filepath.EvalSymlinks(dir)
		if err != nil || seen[target] {
			continue
		}
		seen[target] = true
		if major, ok := pgMajor(ctx, target); ok {
			found = append(found, pgBin{target, major})
		}
	}
	slices.SortStableFunc(found, func(a, b pgBin) int { return b.major - a.major })
	if made > 0 {
		for _, b := range found {
			if b.major == made {
				return b, nil
			}
		}
	}
	switch {
	case len(found) == 0:
		return pgBin{}, errors.New("PostgreSQL is not installed: install version 15 or newer (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), or use `docker compose up`")
	case found[0].major < oldest:
		return pgBin{}, fmt.Errorf("PostgreSQL %d is too old: install version %d or newer, or set DATABASE_URL", found[0].major, oldest)
	case made > 0:
		return pgBin{}, fmt.Errorf("the data was made by PostgreSQL %d, and this machine has %d: install PostgreSQL %d, or wipe the data with `make reset`", made, found[0].major, made)
	}
	return found[0], nil
}

func searchDirs(ctx context.Context) []string {
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		// Often a link to where initdb and the rest are.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, pattern := range pgPlaces {
		if m, err := filepath.Glob(pattern); err == nil {
			dirs = append(dirs, m...)
		}
	}
	return dirs
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

func pgMajor(ctx context.Context, dir string) (int, bool) {
	if fi, err := os.Stat(filepath.Join(dir, "initdb")); err != nil || fi.IsDir() {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0, false
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return 0, false
	}
	major, err := strconv.Atoi(string(m[1]))
	return major, err == nil
}
