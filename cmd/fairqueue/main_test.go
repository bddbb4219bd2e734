package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairqueue/internal/devstack"
)

// mainEnv holds the arguments of the command that the test binary shall be.
const mainEnv = "FAIRQUEUE_TEST_MAIN"

func TestMain(m *testing.M) {
	if args := os.Getenv(mainEnv); args != "" {
		os.Args = append(os.Args[:1], strings.Fields(args)...)
		main()
	}
	os.Exit(m.Run())
}

// command is `fairqueue args` in a process of its own, with little in its environment.
func command(t *testing.T, args string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), mainEnv + "=" + args}, env...)
	return cmd
}

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
	for _, args := range [][]string{{}, {"nonsense"}, {"token"}, {"audit"}, {"lab"}, {"verify"}, {"help", "nonsense"}, {"token", "--email", "a@example.com", "--role", "king"}} {
		if code := run(t.Context(), args); code != 2 {
			t.Errorf("%q: status %d, want 2", args, code)
		}
	}
}

func TestHelpPrintsWhatHelpOfTheCommandPrints(t *testing.T) {
	t.Parallel()
	for help, same := range map[string]string{"help": "--help", "help lab fans": "lab fans --help", "help lab": "lab --help", "help token": "token --help"} {
		want, err := command(t, same).Output()
		if err != nil || !strings.HasPrefix(string(want), "Usage: fairqueue ") {
			t.Errorf("%s: %v %s", same, err, want)
		}
		// What dev needs may be wrong: help is for those whose start fails.
		got, err := command(t, help, "FAIRQUEUE_ENV=nonsense").Output()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v %s", help, err, got)
		}
	}
}
