// Package migrations holds the schema of the database as SQL for goose.
package migrations
