package main

import (
	"path/filepath"
	"testing"

	"fairqueue/internal/devstack"
)

// The operator's tools find the running dev stack by themselves, and believe whoever says otherwise.
func TestToolsReadTheDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	vars := func() map[string]string {
		return map[string]string{"FAIRQUEUE_DATA_DIR": dir, "REDIS_URL": "redis://elsewhere:6379", "FAIRQUEUE_SECRET": ""}
	}
	got, err := withDataEnv(vars())
	if err != nil || got["DATABASE_URL"] != "" {
		t.Fatalf("without a file: %v, %v", got, err)
	}
	if err := devstack.WriteEnv(filepath.Join(dir, "env"), [][2]string{
		{"DATABASE_URL", "postgres://fairqueue@/fairqueue?host=/a b/run"}, {"REDIS_URL", "redis://here:1"}, {"FAIRQUEUE_SECRET", "from the file"},
	}); err != nil {
		t.Fatal(err)
	}
	if got, err = withDataEnv(vars()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"DATABASE_URL": "postgres://fairqueue@/fairqueue?host=/a b/run", "REDIS_URL": "redis://elsewhere:6379", "FAIRQUEUE_SECRET": "from the file",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestExitStatusOfWhatIsNoCommand(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"nonsense"}, {"token"}, {"audit"}, {"lab"}, {"verify"}, {"token", "--email", "a@example.com", "--role", "king"}} {
		if code := run(t.Context(), args); code != 2 {
			t.Errorf("%q: status %d, want 2", args, code)
		}
	}
}
