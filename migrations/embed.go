// Package migrations holds the schema of the database as SQL for goose.
package migrations

import "embed"

// FS holds every migration, named NNNNN_subject.sql.
//
//go:embed *.sql
var FS embed.FS
