package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/switchman-dr/switchman/dr"
)

// origin says where a request really came from: over which address, and whether nobody could read it
// on its way.
type origin struct {
	addr  netip.Addr // of the other end, or what a trusted proxy says it is; not valid when unknown
	near  bool       // from this machine, by no proxy
	https bool       // a trusted proxy ended TLS for it
}

// originOf reads what the connection and, where it was told to trust it, the proxy say. A proxy nobody
// told us about is not believed, and makes a request one from afar even when it runs on this machine.
func (s *Server) originOf(r *http.Request) origin {
	if connOf(r.Context()).socket {
		return origin{near: true}
	}
	peer := addrOf(r.RemoteAddr)
	forwarded := r.Header.Values("X-Forwarded-For")
	proxied := len(forwarded) > 0 || r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-Proto") != "" || r.Header.Get("X-Forwarded-Host") != ""
	if !proxied {
		return origin{addr: peer, near: peer.IsLoopback()}
	}
	if !s.trusts(peer) {
		return origin{addr: peer}
	}
	o := origin{addr: peer, https: strings.EqualFold(strings.TrimSpace(r.Header.Get("X-Forwarded-Proto")), "https")}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		a := addrOf(strings.TrimSpace(hop))
		if !a.IsValid() {
			break // whoever wrote that is not to be believed further
		}
		if o.addr = a; !s.trusts(a) {
			break
		}
	}
	return o
}

func (s *Server) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

func addrOf(text string) netip.Addr {
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// place names where tries are counted for an address: an IPv6 customer has a whole /64.
func (o origin) place() string {
	if !o.addr.IsValid() {
		return "here"
	}
	if o.addr.Is6() {
		if p, err := o.addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return o.addr.String()
}

// protect refuses plain HTTP from other machines, where passwords, cookies and codes could be read on
// their way.
func (s *Server) protect(r *http.Request) error {
	o := s.originOf(r)
	if o.near || o.https {
		return nil
	}
	if s.cfg.Demo { // HTTPS would not help there either
		return s.refuseAtEdge(r, "", "edge_demo_from_afar", dr.Refuse("demo_from_afar", nil))
	}
	if s.cfg.Demo {
		return s.refuseAtEdge(r, "", "edge_demo_from_afar", dr.Refuse("demo_from_afar", nil))
	}
	return s.refuseAtEdge(r, "", "edge_plain_http", dr.Refuse("plain_http", nil))
}

// sameOrigin says whether a browser vouches that one of our own pages sent this. Requests that carry a
// cookie, or make one, need it; CrossOriginProtection before us lets pass what names no origin at all.
func sameOrigin(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

// safeMethod is one that changes nothing (RFC 9110, section 9.2.1).
func safeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}
