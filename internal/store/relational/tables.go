package relational

import "slices"

// tables are the tables of the state, each after those that it refers to.
var tables = []string{
	"instance", "encryption_keys", "accounts", "account_users", "object_storages", "repositories", "users", "token_families", "tokens",
	"work", "work_holds", "work_log", "series", "sightings", "looks", "examinations", "alarm_rules", "alarms", "alarm_events", "checks", "immutability",
	"channels", "deliveries", "duties", "nodes",
}

// TableNames returns the names of the tables of the state, each after those that it
// refers to.
func TableNames() []string { return slices.Clone(tables) }
