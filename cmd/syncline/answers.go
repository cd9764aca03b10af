package main

// answers is what the commands ask: a repository that is opened here, with a
// catalog in the cache, or one that is attached to a running server.
type answers interface {
	snapshotter
	treeLister
	finder
	pathHistory
	comparer
	fileReader
	statsSource
	restorer
	catalogUpdater
}

// direct answers from a repository that is opened here.
type direct struct{ *environment }

// notServed refuses --server for a command that no server answers.
func (e *environment) notServed(command string) error {
	if e.server == "" {
		return nil
	}
	return usageError(command + " looks into the repository itself; leave out --server and SYNCLINE_SERVER, and name the repository with -r")
}

func (e *environment) answers() answers {
	if e.server != "" {
		return served{e}
	}
	return direct{e}
}
