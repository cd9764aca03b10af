//go:build !linux

package hangfs
