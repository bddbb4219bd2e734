package stream

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The measurements start this binary again: one process may not open enough
	// files for both ends of twenty thousand connections.
	switch os.Getenv(fleetRole) {
	case "server":
		fleetServer()
		os.Exit(0)
	case "clients":
		fleetClients()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
