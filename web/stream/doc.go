// Package stream holds tens of thousands of open event streams and tells all
// of them the same bytes.
//
// # Shape
//
//	handler ── Serve: takes over the connection, writes head and first messages
//	               │ the handler's goroutine ends here
//	               ▼
//	Topic ─Publish─► writer 1 … writer n      one goroutine each, a table of streams each
//	 (latest Tick)      │ visit every stream: Listener.Beat, then at most one write(2)
//	                    ▼
//	                 sockets
//
// A Topic keeps only the latest Tick. A stream remembers which it has heard, so
// a visit is a comparison and, where something is new, one write(2) of bytes
// that are shared by all. Nothing is queued for a stream: one that could not
// take a message gets the newest once it can, and is dropped when it could not
// for Config.Deadline.
//
// A stream belongs to one writer, which alone writes to it and closes it; this
// is why there are no locks on the way and no goroutine a stream. Writes never
// block: they go through syscall.RawConn, and what the kernel does not take at
// once is remembered (backlog). TCP_NOTSENT_LOWAT makes the kernel refuse early,
// when a few KiB wait, so that a slow reader costs no megabytes of its memory
// and hears no minutes-old numbers; TCP_USER_TIMEOUT ends connections whose peer
// acknowledges nothing.
//
// Who has gone is asked once a beat of an epoll set of the writer's own
// (EPOLLRDHUP): one system call for all streams, instead of finding out by the
// second write after the peer closed, which may be fifteen seconds later in a
// quiet room.
//
// Once a second (Config.Beat) every stream is visited even when nothing was
// published: for its backlog, the comment line that says the stream lives, the
// end of its lifetime, and its Listener, which is where the owner does its
// arithmetic for a fan. Streams of a high rank hear the pulse only at every
// fifth beat, each at its own; news reaches everybody at once.
//
// Where a connection cannot be taken over (HTTP/2, TLS, a recorder in a test)
// the handler's goroutine stays, and gets the same bytes through a channel.
//
// Close says goodbye: a last `retry:` of its own for each stream, so that all
// of them do not come back in the same second, and then the connection is
// closed. net/http's Shutdown knows nothing of connections that were taken over.
//
// # Measured
//
// BenchmarkStreamTick, on two shared cores, server and clients as processes of
// their own, 19,000 streams in one process, messages of 200 bytes:
//
//	one tick to one stream     8.7 to 9.1 µs of CPU
//	a bare write(2)            8.4 to 8.7 µs: the tick is 1.03 to 1.05 times that
//	resident memory a stream   2.0 KiB, 1.4 after the heap gave back what is free
//	goroutines in the process  4 to 5
//	one tick to all            0.3 s of wall time beside seven other busy programs
//	Close                      0.5 to 0.9 s
//
// Nearly all of the time is the kernel's, which delivers a loopback packet within
// the write. In the whole server, with 15,000 bearers who joined and the viewers
// of web/api behind their streams, a stream took 2.1 KiB (resident memory of the
// process before and after opening them). Of what a stream takes, net's
// descriptor and its two addresses are the largest part, this package's Stream
// is 128 bytes, and the rest is the room that the garbage collector keeps.
//
// Considered and not taken: writing by the bare descriptor instead of
// syscall.RawConn, which could save the tenth of a microsecond of RawConn's lock
// and lose its safety; reading from each connection to notice who has gone,
// which costs a system call a stream where epoll costs one a writer; queues of
// messages a stream, which keep what is out of date.
package stream
