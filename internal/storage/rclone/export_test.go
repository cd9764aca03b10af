package rclone

import "time"

// SetConnectionTests changes after which silence a connection is tested, and for how long.
func SetConnectionTests(after, patience time.Duration) { testAfter, testFor = after, patience }
