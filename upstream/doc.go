// Package upstream chooses who answers a request: groups of servers, the
// balancing methods of nginx, their passive health, and the connections kept to
// them.
//
// The shape of its data:
//
//	Declared                 what the files say: one Spec for each upstream { },
//	                         and one for each address that a proxy_pass names
//	  └─ Spec ─ Build ─→ Group
//	                       ├─ tier (primary, backup) ─→ Peer ─→ state
//	                       ├─ balancer (how a peer is chosen)
//	                       └─ Pool ─→ lane (one per address) ─→ Link
//
// A Group is shared by all loops. Its mutex is held for one choice or one
// report, never over a wait. An exchange embeds an [Attempt] by value:
//
//	a.Begin(group, ask) … p, err := a.Next(now) … a.Done(p, now, outcome, timing)
//
// Time is passed in, so that tests have a false clock; the unit of health is
// nginx's whole second, since that is what its comparisons are made of.
package upstream
