// Package declare makes a server what a file says. It reads the file, compares it with
// the server, and takes the steps from the one to the other through the API. It knows
// the API's client and nothing of the server's inside.
package declare
