// Package duty keeps a duty for a node: something that one node at a time does. It knows
// nothing of what that is.
//
// The states of a duty on a node:
//
//	            taken                    another node has it, or the
//	(idle) ──────────────▶ held          length passed without a renewal
//	   ▲                     │                       │
//	   └─────────────────────┴───────────────────────┘
//
// The database's clock decides who has a duty, and each write compares its epoch there. A
// node's own clock only ends what the node does for a duty that it may have lost.
package duty
