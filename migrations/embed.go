package migrations

import "embed"

// FS holds every migration, named NNNNN_subject.sql.
//
//go:embed *.sql
var FS embed.FS
