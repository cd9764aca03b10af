// Package notify tells people of alarms: by e-mail, webhook, Alertmanager and chat. It
// groups what begins together, sends each message until it is taken or given up, and
// keeps a log. It also sends digests, and calls an address while the checks go well. It
// does not know how alarms come about.
package notify
