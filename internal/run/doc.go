// Package run runs work: pieces that belong to one repository, have a kind, and take a
// while. It starts, stops, resumes and watches them, makes them wait for their turn,
// keeps their states, progress and logs in the store, and removes old ones.
//
// The package knows no kind. A Kind brings the body, which does the work and tells the
// Task of its progress, and the rules and words in which the kinds differ.
//
// # Moving work
//
// The states are those of syncline.WorkState. Only this package moves work, and every
// move is in the store before anyone hears of it. The exception is a move that the
// store cannot take, as on a full disk: the service shows it and records it later. A
// node runs the work whose lease it holds. A node that takes the lease raises the epoch
// of the work. The store refuses moves and items of logs from another epoch. So a node
// that has lost its lease changes nothing, and cancels the body.
//
// A crash or a shutdown leaves work queued or running. The next Open takes it and runs
// it under the same id.
package run
