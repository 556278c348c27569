package demo

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// The two sites of the sample.
const (
	East = "east"
	West = "west"
)

// Node is one service of the sample estate. The list is the same as in the organisation's files;
// a test compares them.
type Node struct {
	ID     string
	System string
	Site   string
	Role   string
	Index  int // 1 … 39, the same for a node and its peer
}

// Peer is the id of the same service at the other site.
func (n Node) Peer() string {
	if n.Site == East {
		return n.System + "-" + n.Role + "-w" + n.number()
	}
	return n.System + "-" + n.Role + "-e" + n.number()
}

func (n Node) number() string { return n.ID[strings.LastIndexByte(n.ID, '-')+2:] }

// estate lists what each site consists of.
var estate = [...]struct {
	system, role string
	count        int
}{
	{"channels", "dns", 1}, {"channels", "frontdoor", 2}, {"channels", "gateway", 3}, {"channels", "app", 4}, {"channels", "cache", 2},
	{"identity", "gateway", 1}, {"identity", "app", 2}, {"identity", "cache", 1}, {"identity", "db", 1}, {"identity", "batch", 1},
	{"ledger", "app", 4}, {"ledger", "cache", 2}, {"ledger", "db", 1}, {"ledger", "queue", 1}, {"ledger", "batch", 2},
	{"payments", "gateway", 2}, {"payments", "app", 4}, {"payments", "cache", 1}, {"payments", "db", 1}, {"payments", "queue", 1},
	{"payments", "batch", 1}, {"payments", "transfer", 1},
}

// NodesPerSite is the size of each site.
const NodesPerSite = 39

// Nodes lists both sites' nodes, east first.
func Nodes() []Node {
	var out []Node
	for _, site := range []string{East, West} {
		index := 0
		for _, g := range estate {
			for i := 1; i <= g.count; i++ {
				index++
				id := fmt.Sprintf("%s-%s-%c%d", g.system, g.role, site[0], i)
				out = append(out, Node{ID: id, System: g.system, Site: site, Role: g.role, Index: index})
			}
		}
	}
	return out
}

// FindNode looks a node up by id.
func FindNode(id string) (Node, bool) {
	for _, n := range Nodes() {
		if n.ID == id {
			return n, true
		}
	}
	return Node{}, false
}

func otherSite(site string) string {
	if site == East {
		return West
	}
	return East
}

// Ports. The files of the sample say 127.0.0.1:21001 … 21039 for east and 21051 … 21089 for west. A
// demo takes a block of a hundred ports, 21000 if it is free, else the next; the block's first port
// is held by the demo itself for as long as it runs, so two demos never share one. The copy of the
// organisation in the demo's directory carries the ports it really uses. The block's last ports are
// for whoever shows the demo to people: an address that is the same after the next start.
const (
	firstBase  = 21000
	lastBase   = 31900
	baseStride = 100
	westOffset = 50
	spareFrom  = 90
)

// port is where a node listens within the block.
func (n Node) port(base int) int {
	if n.Site == West {
		return base + westOffset + n.Index
	}
	return base + n.Index
}

// Address is host and port of the node in the block that starts at base.
func (n Node) Address(base int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port(base)))
}
