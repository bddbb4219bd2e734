package seatmap

import "embed"

// Schema is the JSON Schema of the format.
//
//go:embed schema.json
var Schema []byte

// Venues are three examples of the format: venues/theatre.json, arena.json and stadium.json, made by venues_test.go.
//
//go:embed venues/*.json
var Venues embed.FS
