package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says where the stack lives and which parts are not needed.
type Config struct {
	// DataDir is made if it is not there; required.
	DataDir string
	// DatabaseURL is a PostgreSQL that runs already; "": start one.
	DatabaseURL string
	// RedisURL is a Redis that runs already; "": start one.
	RedisURL string
	// NoSync gives durability up for speed. For tests only.
	NoSync bool
	// Revive is told, in one sentence, of a child that ended without being told
	// to and is started again; nil: it is not, and Dead gives the reason.
	Revive func(sentence string)

	// binDirs are where PostgreSQL's programs are looked for; nil: everywhere.
	binDirs []string
	// noRedis starts none.
	noRedis bool
}

// Stack is what runs, until Stop.
type Stack struct {
	// DatabaseURL and RedisURL are the addresses, given or started.
	DatabaseURL, RedisURL string
	// Notes are sentences for the person who started it.
	Notes []string

	dir   string
	temp  bool // the folder goes with the stack
	lock  *lock
	pg    *postgres
	redis *Redis

	revive              func(string)
	pgChild, redisChild *child     // nil: not started
	dead                chan error // room for one of each, so that nobody has to read it

	stopOnce sync.Once
	stopErr  error
}

// stopTimeout is the most that Stop takes when its context allows more.
const stopTimeout = 9 * time.Second

// Start starts what cfg does not give and returns when it answers. Errors are
// one sentence for the person at the terminal.
func Start(ctx context.Context, cfg Config) (_ *Stack, err error) {
	if cfg.DataDir == "" {
		return nil, errors.New("no data folder was named: set FAIRQUEUE_DATA_DIR")
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, explain(dir, err)
	}
	// One spelling of the path, for pid files and the hash of the far place.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, explain(dir, err)
	}
	l, err := acquire(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := &Stack{DatabaseURL: cfg.DatabaseURL, RedisURL: cfg.RedisURL, dir: dir, lock: l, revive: cfg.Revive, dead: make(chan error, 2)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if cfg.DatabaseURL == "" {
		if err := s.startPostgres(ctx, cfg); err != nil {
			return nil, err
		}
	}
	if cfg.RedisURL == "" && !cfg.noRedis {
		r, err := StartRedis(ctx, RedisConfig{Dir: filepath.Join(dir, "redis")})
		if err != nil {
			return nil, err
		}
		s.redis, s.RedisURL = r, r.URL
		s.redisChild = s.watchRedis()
		if r.InProcess() {
			s.Notes = append(s.Notes, "There is no redis-server on this machine: a small one inside this process stands in for it.")
		}
	}
	return s, nil
}

func (s *Stack) startPostgres(ctx context.Context, cfg Config) error {
	pg, notes, err := newPostgres(ctx, s.dir, cfg)
	if err != nil {
		return err
	}
	if err := pg.start(ctx); err != nil {
		return err
	}
	s.pg, s.DatabaseURL, s.Notes = pg, pg.url(database), append(s.Notes, notes...)
	s.pgChild = s.watchPostgres()
	return nil
}

// Dead gives the error of a child that ended without being told to and is not
// started again.
func (s *Stack) Dead() <-chan error { return s.dead }

// Stop ends what Start started, within ten seconds, and gives the data folder
// free. It may be called twice.
func (s *Stack) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Stack) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	s.lock.stopping()
	var wg sync.WaitGroup
	var pgErr, redisErr error
	wg.Go(func() { pgErr = s.pgChild.end(ctx) })
	wg.Go(func() { redisErr = s.redisChild.end(ctx) })
	wg.Wait()
	errs := []error{pgErr, redisErr}
	if s.temp {
		errs = append(errs, removeFar(s.dir), os.RemoveAll(s.dir))
	}
	return errors.Join(append(errs, s.lock.release())...)
}

// Reset stops whatever runs on a data folder and removes the folder.
func Reset(ctx context.Context, dataDir string) error {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return err
	}
	dir, err = filepath.EvalSymlinks(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(dir, err)
	}
	if err := looksLikeData(dir); err != nil {
		return err
	}
	l, err := evict(ctx, dir)
	if err != nil {
		return err
	}
	err = errors.Join(stopLeftovers(ctx, dir), removeFar(dir))
	if err == nil {
		err = explain(dir, os.RemoveAll(dir))
	}
	return errors.Join(err, l.release())
}

// looksLikeData keeps `make reset` with a mistyped folder from wiping it.
func looksLikeData(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return explain(dir, err)
	}
	if len(entries) == 0 {
		return nil
	}
	for _, e := range entries {
		if e.Name() == "lock" || e.Name() == "env" {
			return nil
		}
	}
	return fmt.Errorf("%s does not look like a data folder of FairQueue, so it was left alone", dir)
}

// stopLeftovers ends children of a process that was killed.
func stopLeftovers(ctx context.Context, dir string) error {
	place, err := placeOf(dir)
	if err != nil {
		return err
	}
	return errors.Join(
		stopLeftoverPostgres(ctx, filepath.Join(place.base, "postgres")),
		stopLeftoverRedis(ctx, filepath.Join(dir, "redis")),
	)
}
