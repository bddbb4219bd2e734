// Package internal holds the rules of the layout as a test: who may import
// whom, and who may write which table.
package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "fairqueue/"

// imports says which packages of ours a package may import, besides its own
// sub-packages. The order is the ladder of ARCHITECTURE.md, top first. A
// package that is not listed fails the test: a new subject takes its place here.
var imports = map[string][]string{
	"cmd/fairqueue": {"internal/verify", "internal/shuffle", "internal/app", "internal/account", "internal/audit", "internal/claim", "internal/db", "internal/devstack", "internal/fault", "internal/keys", "internal/lab", "internal/money", "internal/paystack/sandbox", "internal/queue", "internal/sale", "internal/catalog", "internal/catalog/seatmap"},
	"internal/app": {"web", "internal/account", "internal/claim", "internal/db", "internal/guard", "internal/keys", "internal/lease", "internal/ledger", "internal/live", "internal/mail",
		"internal/payment", "internal/paystack", "internal/queue", "internal/sale", "internal/ticket", "internal/fault"},

	"web": {"internal/beacon", "web/api", "web/stream", "views", "views/ui", "static", "internal/account", "internal/catalog", "internal/catalog/seatmap", "internal/claim", "internal/db", "internal/db/sessiondb", "internal/fault", "internal/guard", "internal/live",
		"internal/mail", "internal/money", "internal/payment", "internal/queue", "internal/sale", "internal/stats", "internal/ticket", "internal/ticket/pdf", "internal/audit"},
	"web/api": {"web/stream", "static", "internal/account", "internal/catalog", "internal/catalog/seatmap", "internal/claim", "internal/db", "internal/fault", "internal/guard", "internal/ledger", "internal/live",
		"internal/money", "internal/payment", "internal/queue", "internal/sale", "internal/stats", "internal/ticket"},
	"web/stream": {},
	"views":      {"views/ui", "internal/money", "static"},
	"views/ui":   {"internal/money", "static"},
	"static":     {},

	"internal/paystack":         {"internal/payment", "internal/fault", "internal/money"},
	"internal/paystack/sandbox": {"internal/fault", "internal/money"},
	"internal/payment": {"internal/claim", "internal/queue", "internal/sale", "internal/catalog", "internal/ticket", "internal/account", "internal/mail", "internal/ledger", "internal/live",
		"internal/db", "internal/db/paymentdb", "internal/fault", "internal/money"},
	"internal/claim":   {"internal/queue", "internal/sale", "internal/catalog", "internal/catalog/seatmap", "internal/ledger", "internal/keys", "internal/db", "internal/db/claimdb", "internal/fault", "internal/money"},
	"internal/queue":   {"internal/beacon", "internal/sale", "internal/catalog", "internal/ledger", "internal/merkle", "internal/shuffle", "internal/mail", "internal/live", "internal/lease", "internal/keys", "internal/db", "internal/db/queuedb", "internal/fault"},
	"internal/sale":    {"internal/beacon", "internal/catalog", "internal/catalog/seatmap", "internal/ledger", "internal/live", "internal/db", "internal/db/saledb", "internal/fault", "internal/money"},
	"internal/catalog": {"internal/catalog/seatmap", "internal/db", "internal/db/catalogdb", "internal/fault"},
	// Pure: the format of seat maps.
	"internal/catalog/seatmap": {"internal/fault"},

	// The side rail.
	"internal/ticket/pdf": {}, // Pure: tickets on paper.
	"internal/ticket":     {"internal/keys", "internal/ledger", "internal/db", "internal/db/ticketdb", "internal/fault", "internal/money"},
	"internal/account":    {"internal/keys", "internal/mail", "internal/live", "internal/db", "internal/db/accountdb", "internal/fault"},
	"internal/mail":       {"internal/keys", "internal/db", "internal/db/maildb", "internal/fault"},
	"internal/guard":      {"internal/fault"},
	"internal/ledger":     {"internal/merkle", "internal/db", "internal/db/ledgerdb"},
	"internal/lease":      {"internal/db", "internal/db/leasedb", "internal/fault"},
	"internal/live":       {},
	"internal/keys":       {},
	"internal/fault":      {},
	"internal/money":      {},
	"internal/beacon":     {},
	"internal/merkle":     {},
	"internal/shuffle":    {},
	"internal/db":         {"internal/fault", "migrations"},
	"migrations":          {},

	// Readers.
	"internal/stats": {"internal/db", "internal/db/statsdb", "internal/money"},
	"internal/audit": {"internal/ledger", "internal/merkle", "internal/shuffle", "internal/db", "internal/db/auditdb", "internal/fault"},

	// Around the product.
	"internal/verify":       {"internal/beacon", "internal/merkle", "internal/shuffle"},
	"internal/lab":          {},
	"internal/devstack":     {"internal/fault"},
	"internal/devstack/run": {"internal/devstack"},
	"internal/dbtest":       {"internal/db", "internal/devstack", "migrations"},
	"internal/e2e":          {},
}

// owners says which package writes a table; queries/<owner>.sql is the only
// place that may.
var owners = map[string]string{
	"accounts": "account", "organizations": "account", "members": "account", "codes": "account", "revocations": "account",
	"sessions": "session", // alexedwards/scs writes it, through its own store
	"mailbox":  "mail",
	"leases":   "lease",
	"ledger":   "ledger", "ledger_blocks": "ledger",
	"events": "catalog", "seat_maps": "catalog", "seat_sections": "catalog", "seat_rows": "catalog", "seats": "catalog", "released_seats": "catalog",
	"sales": "sale", "tiers": "sale",
	"queue_heads": "queue", "spots": "queue", "draws": "queue", "draw_secrets": "queue", "presence": "queue",
	"claims": "claim", "units": "claim", "claim_lines": "claim",
	"presales": "claim", "presale_seats": "claim", "presale_codes": "claim", "presale_unlocks": "claim",
	"payments": "payment", "webhooks": "payment", "refunds": "payment", "disputes": "payment", "refund_looks": "payment", "stray_refunds": "payment",
	"tickets": "ticket",
}

// topLevel are the only folders and files at the top.
var topLevel = []string{
	"cmd", "web", "views", "static", "queries", "migrations", "internal", "deploy",
	"sqlc.yaml", "Dockerfile", "docker-compose.yml", "Makefile", "README.md", "ARCHITECTURE.md",
	"CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "go.mod", "go.sum",
	// Made by the build, never committed.
	"bin", "dist", "test-results",
}

// rank of the subjects: none may import one beside or above it.
func TestImportsFollowTheLadder(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	walkGo(t, func(path string, file *ast.File) {
		dir := filepath.ToSlash(filepath.Dir(path))
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(dir, "internal/tools") {
			return
		}
		generated := strings.HasPrefix(dir, "internal/db/")
		allowed, listed := imports[dir]
		if !listed && !generated && !strings.HasPrefix(dir, "internal/lab/") && dir != "internal" {
			t.Errorf("%s is not in the table of imports", dir)
			return
		}
		seen[dir] = true
		for _, spec := range file.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			ours, ok := strings.CutPrefix(p, module)
			if !ok || strings.HasPrefix(ours, dir+"/") {
				continue
			}
			if generated || !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s", path, ours)
			}
		}
	})
	for dir := range imports {
		if !seen[dir] && dir != "internal/e2e" {
			t.Errorf("the table of imports lists %s, which does not exist", dir)
		}
	}
}

var (
	writes  = regexp.MustCompile(`(?is)\b(?:insert\s+into|update|delete\s+from|truncate(?:\s+table)?|merge\s+into)\s+(?:only\s+)?("?[a-z_]+"?)`)
	creates = regexp.MustCompile(`(?im)^create(?:\s+unlogged)?\s+table\s+(?:if\s+not\s+exists\s+)?([a-z_]+)`)
	comment = regexp.MustCompile(`(?m)--.*$`)
	// Locking clauses and conflict clauses hold the word update without a table.
	noTable = regexp.MustCompile(`(?is)\bfor\s+(?:no\s+key\s+)?update\b(?:\s+of\s+[a-z_, ]+)?|\bdo\s+update\b|\bon\s+update\b`)
)

func TestOnlyTheOwnerWritesATable(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../queries/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no queries: %v", err)
	}
	for _, f := range files {
		owner := strings.TrimSuffix(filepath.Base(f), ".sql")
		for _, table := range writtenBy(t, f) {
			if got, known := owners[table]; !known {
				t.Errorf("%s writes %s, which has no owner", f, table)
			} else if got != owner {
				t.Errorf("%s writes %s, which belongs to %s", f, table, got)
			}
		}
	}
}

func TestEveryTableHasAnOwner(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../migrations/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	found := map[string]bool{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range creates.FindAllStringSubmatch(string(src), -1) {
			found[m[1]] = true
			if owners[m[1]] == "" {
				t.Errorf("%s creates %s, which has no owner", f, m[1])
			}
		}
	}
	for table := range owners {
		if !found[table] {
			t.Errorf("owners lists %s, which no migration creates", table)
		}
	}
}

func TestReadersNeverWrite(t *testing.T) {
	t.Parallel()
	for _, reader := range []string{"stats", "audit"} {
		if w := writtenBy(t, "../queries/"+reader+".sql"); len(w) > 0 {
			t.Errorf("%s writes %v", reader, w)
		}
	}
}

// SQL lives in queries/, where its owner is checked; these may hold some.
var sqlAllowed = []string{"internal/db/", "internal/dbtest", "internal/devstack", "migrations"}

var looksLikeSQL = regexp.MustCompile(`(?is)^\s*(?:select\s.+\sfrom\s|insert\s+into\s|update\s+[a-z_]+\s+set\s|delete\s+from\s|with\s+[a-z_]+\s+as\s)`)

func TestNoSQLInGo(t *testing.T) {
	t.Parallel()
	walkGo(t, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") || slices.ContainsFunc(sqlAllowed, func(p string) bool { return strings.HasPrefix(path, p) }) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && looksLikeSQL.MatchString(s) {
				t.Errorf("%s holds SQL: %.60q", path, s)
			}
			return true
		})
	})
}

func TestTopLevel(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			t.Errorf("%s does not belong at the top", e.Name())
		}
	}
}

func writtenBy(t *testing.T, file string) (tables []string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := noTable.ReplaceAllString(comment.ReplaceAllString(string(src), ""), "")
	for _, m := range writes.FindAllStringSubmatch(text, -1) {
		tables = append(tables, strings.Trim(m[1], `"`))
	}
	return tables
}

func walkGo(t *testing.T, visit func(path string, file *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); path != ".." && (strings.HasPrefix(n, ".") || n == "node_modules" || n == "testdata" || n == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(rel), f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
