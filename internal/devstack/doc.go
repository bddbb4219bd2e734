// Package devstack knows how to run a PostgreSQL and a Redis that nobody has
// set up.
//
// `fairqueue dev` and the tests use it. It takes the machine's own programs
// (PostgreSQL 15 or newer, redis-server, else an in-process Redis) and keeps
// everything under one data folder:
//
//	lock         held (flock) by the one process that uses the folder
//	env          addresses and keys, for psql, redis-cli and other commands
//	postgres/    the cluster; made as postgres.new and renamed when complete
//	run/         the unix socket; only its owner may enter, so that no
//	             password is needed
//	redis/       Redis's folder and port; it keeps nothing on disk
//	*.log        what they print
//
// # As root
//
// PostgreSQL refuses to run as root. Both then run as the user postgres, or
// nobody; an existing cluster runs as whoever owns it. Where that user may not
// enter the data folder (below /root, say), cluster and socket lie in
// /var/tmp/fairqueue-<hash of the path>, and a note says so.
//
// # Ends
//
// Not told to: a child that somebody ended (`redis-cli shutdown`, kill -9, a
// SIGQUIT of the postmaster) is started again at the same address with the same
// files, if Config.Revive wants it: at once, then with pauses of up to two
// seconds. Seven failures in a row, each within two seconds, give it up. One
// goroutine a child sees to that (keep.go), and Stop ends it before the child.
// A PostgreSQL that somebody started by hand in its place is stopped first:
// only our own children end with us.
//
// In order: Stop sends PostgreSQL SIGINT (fast shutdown) and Redis SIGTERM.
// Children are in process groups of their own, so that Ctrl-C reaches only us
// and the server can finish what it is doing first.
//
// Not in order: on Linux the kernel signals the children when the thread that
// started them ends (Pdeathsig), so a goroutine per child keeps its thread for
// as long as the child lives. Elsewhere, and in the moments between a SIGKILL
// and a new start, what is left is found by its pid file and stopped first; a
// pid that now belongs to another program is left alone. PostgreSQL recovers
// from its log like after any crash: fsync is on, save for tests.
package devstack
