// Package dbtest gives tests a real PostgreSQL and a real Redis of their own.
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
//
//	tx := dbtest.Tx(t)        // rolled back at the end: the default
//	pool := dbtest.Pool(t)    // a database of its own, when commits matter
//	rdb := dbtest.Redis(t)    // a redis-server of its own
//
// The server is the one at FAIRQUEUE_TEST_DATABASE_URL (`make test` starts one
// for all packages), else a private cluster of this test process, which ends
// with the process, killed or not. The role needs the right to create databases.
//
// # Databases
//
//	fqtpl_<hash>        migrated template, one for each state of the migrations
//	fqtest_<run>_<n>    clones of it; <run> is one test process
//
// Many test processes share a server. What a process uses it locks with
// advisory locks on one connection that lives as long as the process: its run,
// and (shared) its template. Whoever can take such a lock exclusively knows
// that the owner is dead and drops what it left. Nothing is found by age or pid.
//
// # Redis
//
// Each call starts its own redis-server process (about 20 ms): a database
// number would not keep Publish, FLUSHALL, CONFIG and a kill apart. Without a
// redis-server on the machine it is miniredis in this process.
package dbtest
