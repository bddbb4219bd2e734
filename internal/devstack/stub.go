// Package devstack starts a private PostgreSQL and Redis.
package devstack

import (
	"context"
	"errors"

	"github.com/alicebob/miniredis/v2"
)

// Stack is what runs.
type Stack struct{ DatabaseURL, RedisURL string }

// Stop ends it.
func (s *Stack) Stop(ctx context.Context) error { return nil }

// StartTemp starts a stack for tests.
func StartTemp(ctx context.Context) (*Stack, error) {
	return nil, errors.New("set FAIRQUEUE_TEST_DATABASE_URL")
}

// Redis is a Redis.
type Redis struct {
	URL string
	m   *miniredis.Miniredis
}

// RedisConfig says where.
type RedisConfig struct{ Dir string }

// StartRedis starts a Redis.
func StartRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	m, err := miniredis.Run()
	if err != nil {
		return nil, err
	}
	return &Redis{URL: "redis://" + m.Addr() + "/0", m: m}, nil
}

// Stop ends it.
func (r *Redis) Stop(ctx context.Context) error { r.m.Close(); return nil }
