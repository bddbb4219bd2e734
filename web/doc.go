// Package web knows how people talk to FairQueue over HTTP.
package web
