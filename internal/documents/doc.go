// Package documents has the tests that hold the documents to the program.
package documents
