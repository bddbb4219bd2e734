package dbtest

import (
	"flag"
	"os"
	"strconv"
)

// Soak reports whether the tests run at their long sizes (make soak).
func Soak() bool { return os.Getenv("FAIRQUEUE_SOAK") == "1" }

// Size is how much of something a test uses: the first number every day, the
// second in a soak.
func Size(everyday, soak int) int {
	if Soak() {
		return soak
	}
	return everyday
}

// Seed is what random tests draw from: 1, or what `make soak SEED=…` says.
func Seed() int64 {
	n, err := strconv.ParseInt(os.Getenv("FAIRQUEUE_SEED"), 10, 64)
	if err != nil || n == 0 {
		return 1
	}
	return n
}

// size sets the flags of pgregory.net/rapid where a package uses it.
func size() {
	if !Soak() || flag.Lookup("rapid.checks") == nil {
		return
	}
	_ = flag.Set("rapid.checks", "1000") // Both exist and take these values.
	_ = flag.Set("rapid.seed", strconv.FormatInt(Seed(), 10))
}
