// Package app knows how the parts are put together: it is the composition root
// that the command and the end-to-end tests share.
//
// New connects and builds, Run serves until its context ends and then stops in
// stages:
//
//  1. readyz answers 503, so that a proxy sends nobody new;
//  2. leadership is given up and the ticks end;
//  3. streams are closed, each browser reconnects elsewhere;
//  4. requests under way finish, new ones are refused;
//  5. jobs under way finish;
//  6. joins that were taken are committed, then PostgreSQL and Redis are closed.
//
// Each stage has a share of stopTimeout; a stage that takes longer is cut off,
// because nothing that was acknowledged depends on it.
package app
