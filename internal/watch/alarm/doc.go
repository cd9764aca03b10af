// Package alarm turns conditions into alarms. Reporters say what is wrong at present; the
// desk compares with the alarms that are open, and keeps what began, worsened and ended.
// It knows neither how conditions are found nor who is told of alarms.
package alarm
