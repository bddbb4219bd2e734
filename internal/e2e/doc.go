// Package e2e knows the product from outside: its tests start the whole of it (internal/app) on a real PostgreSQL and
// Redis with the Paystack sandbox beside it, and then do what people and programs do, in a real browser and over HTTP.
//
// What a test cannot wait for (the end of a hold is at least a minute away) it makes happen by moving the times in the
// test's own database; it never sleeps. Every test has an event of its own, so that all run beside each other.
//
// # Load and recovery
//
// TestFiftyThousandJoinAndListen runs three replicas and three crowds, each a process of its own (this test binary again),
// because a process may open 20,000 files: 600 fans every day, 50,000 in a soak. On 2 cores that everything shared with
// other work (load average 27) 50,000 joined at 4,600 a second, p99 270 ms, and held 50,000 streams at 1.6 KiB resident
// each; every stream heard where the line stood, half of them within 1.1 s of its moment, and the audit was clean.
//
// recovery_test.go takes Redis away in every way from a line that waits, kills replicas, and signs out. Its polls are
// compared with what the same replica answers at /livez in the same seconds, because other work slows both.
//
// What the suite cannot reach: a real Paystack, a mail server that delivers, other browsers than Chromium, a real phone.
package e2e
