package server

import "syncline.dev/syncline/internal/storage/rclone"

// checkRemotes refuses names that no remote of rclone can have.
func (s *Settings) checkRemotes() error {
	for _, name := range s.RcloneRemotes {
		if err := rclone.CheckName(name); err != nil {
			return err
		}
	}
	return nil
}
