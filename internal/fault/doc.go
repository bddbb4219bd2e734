// Package fault knows what can go wrong and how it is told to a person or a
// program.
//
// Every error that a user may cause or must be told about is an *Error with a
// Kind, a stable Code and a sentence that says what to do next. Everything
// else is Internal: the outside learns nothing but an id. The one table from
// Kind to HTTP status is Status; nothing else in the project chooses a status
// for an error.
package fault
