package db

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"fairqueue/internal/fault"
)

// SQLSTATEs that the code tells apart (PostgreSQL manual, appendix A).
const (
	codeReadOnly         = "25006"
	codeSerialization    = "40001"
	codeDeadlock         = "40P01"
	codeLockNotAvailable = "55P03"
	codeQueryCanceled    = "57014"
	codeUndefinedTable   = "42P01"
)

// Fault turns an error of PostgreSQL or pgx into a fault where there is
// something to tell: a database that is away, shutting down, full or too busy
// is Unavailable with code database_unavailable. Faults and everything else
// come back as they are.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if !away(err) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "database_unavailable",
		"We are on hold for a moment. Your place and your money are safe. Try again in a few seconds.").
		After(2 * time.Second)
}

// away reports whether err means that the database could not do its work now.
func away(err error) bool {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pe.Code {
		case codeSerialization, codeDeadlock, codeLockNotAvailable, codeQueryCanceled, codeReadOnly:
			return true
		}
		// 08 connection, 53 insufficient resources, 57P shutting down or
		// starting, 58 system error such as a failed write.
		return hasClass(pe.Code, "08", "53", "57P", "58")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true // context.DeadlineExceeded is one as well
	}
	for _, target := range []error{
		pgconn.ErrConnClosed, puddle.ErrClosedPool, net.ErrClosed,
		io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

func hasClass(code string, classes ...string) bool {
	for _, c := range classes {
		if strings.HasPrefix(code, c) {
			return true
		}
	}
	return false
}

func retryable(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pe.Code == codeSerialization || pe.Code == codeDeadlock)
}

// decided reports whether err, an answer to COMMIT, proves that the
// transaction was rolled back. A session that is ended (FATAL, PANIC) may have
// committed first: it can be cut off while it waits for a replica. What is no
// answer of the server proves nothing, pgconn.SafeToRetry included: pgx 5.12
// says "conn closed", safe to retry, of a COMMIT that was sent before the
// connection broke (TestACommitThatIsCutOffIsUnknown).
func decided(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, pgx.ErrTxClosed) {
		return true
	}
	pe, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	severity := pe.SeverityUnlocalized
	if severity == "" {
		severity = pe.Severity
	}
	return severity == "ERROR" && !hasClass(pe.Code, "08", "57")
}

type outcomeUnknownError struct{ err error }

func (e *outcomeUnknownError) Error() string {
	return "the outcome of a commit is unknown: " + e.err.Error()
}
func (e *outcomeUnknownError) Unwrap() error { return e.err }

func unknownOutcome(err error) error {
	return fault.Wrap(&outcomeUnknownError{err}, fault.Unavailable, "database_unavailable",
		"We could not make sure that this went through. Nothing is lost: look at this page again in a few seconds.").
		After(2 * time.Second)
}

// OutcomeUnknown reports whether err comes from a commit that may or may not
// have happened. Look the rows up before doing the work again.
func OutcomeUnknown(err error) bool {
	_, ok := errors.AsType[*outcomeUnknownError](err)
	return ok
}

// NoRows reports whether err says that a query found nothing.
func NoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
