package api

import (
	"testing"

	"fairqueue/internal/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
