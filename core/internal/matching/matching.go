// Package matching finds maximum weight matchings of general graphs.
package matching

// Edge joins vertices U and V with an integer weight.
type Edge struct{ U, V, Weight int }

// Maximum finds a matching of n vertices whose sum of weights is largest, and returns the partner
// of each, -1 for none. Edges of weight 0 or less are not used; of parallel edges the heaviest
// counts. Weights are up to 2^40 in size. It takes O(n³) time and O(n²) memory, and the same graph
// gives the same matching everywhere.
//
// Source: Edmonds' blossom algorithm with dual variables, as Galil, ACM Comput. Surv. 18, 23
// (1986) has it.
func Maximum(n int, edges []Edge) []int {
	m := newMatcher(n, edges)
	for m.phase() {
	}
	partner := make([]int, n)
	for u := range n {
		partner[u] = m.match[u+1] - 1
	}
	return partner
}

// end is an edge as one of its blossoms sees it: the vertices that it joins, and its weight
// doubled, 0 where there is none.
type end struct{ u, v, weight int }

// matcher holds vertices 1 to n and blossoms n+1 to at most 2n; 0 is none.
type matcher struct {
	n, last int     // vertices; the largest number of a blossom
	size    int     // of a row of edge
	edge    []end   // the best edge between two vertices or blossoms
	dual    []int   // of vertices and blossoms
	match   []int   // the vertex at the other end of the matched edge
	slack   []int   // the vertex of an even blossom with the tightest edge to here
	top     []int   // the outermost blossom
	parent  []int   // the vertex before a blossom in its tree
	kind    []int   // of an outermost blossom: even, odd or free
	from    []int   // (row of vertices) the part of a blossom that holds a vertex
	parts   [][]int // the parts of a blossom, around it
	seen    []int   // for the search of a common ancestor
	round   int
	queue   []int
}

const (
	free = -1
	even = 0
	odd  = 1
)

func newMatcher(n int, edges []Edge) *matcher {
	size := 2*n + 1
	m := &matcher{n: n, last: n, size: size, edge: make([]end, size*size), dual: make([]int, size),
		match: make([]int, size), slack: make([]int, size), top: make([]int, size),
		parent: make([]int, size), kind: make([]int, size), from: make([]int, size*(n+1)),
		parts: make([][]int, size), seen: make([]int, size)}
	for u := 1; u <= n; u++ {
		for v := 1; v <= n; v++ {
			*m.at(u, v) = end{u, v, 0}
		}
		m.top[u] = u
		*m.within(u, u) = u
	}
	most := 0
	for _, e := range edges {
		u, v := e.U+1, e.V+1
		if u != v && 2*e.Weight > m.at(u, v).weight {
			m.at(u, v).weight, m.at(v, u).weight = 2*e.Weight, 2*e.Weight
			most = max(most, 2*e.Weight)
		}
	}
	for u := 1; u <= n; u++ {
		m.dual[u] = most / 2
	}
	return m
}

func (m *matcher) at(u, v int) *end     { return &m.edge[u*m.size+v] }
func (m *matcher) within(b, u int) *int { return &m.from[b*(m.n+1)+u] }

// excess is how far an edge is from tight, 0 or more.
func (m *matcher) excess(e *end) int {
	return m.dual[e.u] + m.dual[e.v] - m.at(e.u, e.v).weight
}

func (m *matcher) updateSlack(u, x int) {
	if m.slack[x] == 0 || m.excess(m.at(u, x)) < m.excess(m.at(m.slack[x], x)) {
		m.slack[x] = u
	}
}

func (m *matcher) setSlack(x int) {
	m.slack[x] = 0
	for u := 1; u <= m.n; u++ {
		if m.at(u, x).weight > 0 && m.top[u] != x && m.kind[m.top[u]] == even {
			m.updateSlack(u, x)
		}
	}
}

// push queues the vertices of a blossom.
func (m *matcher) push(x int) {
	if x <= m.n {
		m.queue = append(m.queue, x)
		return
	}
	for _, part := range m.parts[x] {
		m.push(part)
	}
}

func (m *matcher) setTop(x, b int) {
	m.top[x] = b
	if x > m.n {
		for _, part := range m.parts[x] {
			m.setTop(part, b)
		}
	}
}

// position finds a part of a blossom at an even place, turning the blossom round where it must.
func (m *matcher) position(b, part int) int {
	at := 0
	for m.parts[b][at] != part {
		at++
	}
	if at%2 == 1 {
		rest := m.parts[b][1:]
		for i, j := 0, len(rest)-1; i < j; i, j = i+1, j-1 {
			rest[i], rest[j] = rest[j], rest[i]
		}
		return len(m.parts[b]) - at
	}
	return at
}

func (m *matcher) setMatch(u, v int) {
	e := *m.at(u, v)
	m.match[u] = e.v
	if u <= m.n {
		return
	}
	part := *m.within(u, e.u)
	at := m.position(u, part)
	for i := range at {
		m.setMatch(m.parts[u][i], m.parts[u][i^1])
	}
	m.setMatch(part, v)
	rotated := append(append([]int(nil), m.parts[u][at:]...), m.parts[u][:at]...)
	copy(m.parts[u], rotated)
}

func (m *matcher) augment(u, v int) {
	for {
		before := m.top[m.match[u]]
		m.setMatch(u, v)
		if before == 0 {
			return
		}
		m.setMatch(before, m.top[m.parent[before]])
		u, v = m.top[m.parent[before]], before
	}
}

// ancestor is the outermost blossom where the paths of two to their roots meet, 0 for none.
func (m *matcher) ancestor(u, v int) int {
	m.round++
	for u != 0 || v != 0 {
		if u != 0 {
			if m.seen[u] == m.round {
				return u
			}
			m.seen[u] = m.round
			if u = m.top[m.match[u]]; u != 0 {
				u = m.top[m.parent[u]]
			}
		}
		u, v = v, u
	}
	return 0
}

func (m *matcher) addBlossom(u, root, v int) {
	b := m.n + 1
	for b <= m.last && m.top[b] != 0 {
		b++
	}
	m.last = max(m.last, b)
	m.dual[b], m.kind[b] = 0, even
	m.match[b] = m.match[root]
	parts := append(m.parts[b][:0], root)
	for x := u; x != root; {
		y := m.top[m.match[x]]
		parts = append(parts, x, y)
		m.push(y)
		x = m.top[m.parent[y]]
	}
	for i, j := 1, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	for x := v; x != root; {
		y := m.top[m.match[x]]
		parts = append(parts, x, y)
		m.push(y)
		x = m.top[m.parent[y]]
	}
	m.parts[b] = parts
	m.setTop(b, b)
	for x := 1; x <= m.last; x++ {
		m.at(b, x).weight, m.at(x, b).weight = 0, 0
	}
	for x := 1; x <= m.n; x++ {
		*m.within(b, x) = 0
	}
	for _, part := range parts {
		for x := 1; x <= m.last; x++ {
			if m.at(b, x).weight == 0 || m.at(part, x).weight > 0 &&
				m.excess(m.at(part, x)) < m.excess(m.at(b, x)) {
				*m.at(b, x), *m.at(x, b) = *m.at(part, x), *m.at(x, part)
			}
		}
		for x := 1; x <= m.n; x++ {
			if *m.within(part, x) != 0 {
				*m.within(b, x) = part
			}
		}
	}
	m.setSlack(b)
}

// expand opens an odd blossom whose dual is 0.
func (m *matcher) expand(b int) {
	for _, part := range m.parts[b] {
		m.setTop(part, part)
	}
	entry := *m.within(b, m.at(b, m.parent[b]).u)
	at := m.position(b, entry)
	parts := m.parts[b]
	for i := 0; i < at; i += 2 {
		x, y := parts[i], parts[i+1]
		m.parent[x] = m.at(y, x).u
		m.kind[x], m.kind[y] = odd, even
		m.slack[x] = 0
		m.setSlack(y)
		m.push(y)
	}
	m.kind[entry], m.parent[entry] = odd, m.parent[b]
	for _, x := range parts[at+1:] {
		m.kind[x] = free
		m.setSlack(x)
	}
	m.top[b] = 0
}

// found handles a tight edge from an even blossom; true where it augments the matching.
func (m *matcher) found(e end) bool {
	u, v := m.top[e.u], m.top[e.v]
	switch m.kind[v] {
	case free:
		m.parent[v], m.kind[v] = e.u, odd
		next := m.top[m.match[v]]
		m.slack[v], m.slack[next] = 0, 0
		m.kind[next] = even
		m.push(next)
	case even:
		root := m.ancestor(u, v)
		if root == 0 {
			m.augment(u, v)
			m.augment(v, u)
			return true
		}
		m.addBlossom(u, root, v)
	}
	return false
}

// phase augments the matching once; false where no path is left.
func (m *matcher) phase() bool {
	for x := range m.last + 1 {
		m.kind[x], m.slack[x] = free, 0
	}
	m.queue = m.queue[:0]
	for x := 1; x <= m.last; x++ {
		if m.top[x] == x && m.match[x] == 0 {
			m.parent[x], m.kind[x] = 0, even
			m.push(x)
		}
	}
	if len(m.queue) == 0 {
		return false
	}
	for {
		for len(m.queue) > 0 {
			u := m.queue[0]
			m.queue = m.queue[1:]
			if m.kind[m.top[u]] == odd {
				continue
			}
			for v := 1; v <= m.n; v++ {
				e := m.at(u, v)
				if e.weight == 0 || m.top[u] == m.top[v] {
					continue
				}
				if m.excess(e) > 0 {
					m.updateSlack(u, m.top[v])
				} else if m.found(*e) {
					return true
				}
			}
		}
		if !m.adjust() {
			return false
		}
		for x := 1; x <= m.last; x++ {
			if m.top[x] == x && m.slack[x] != 0 && m.top[m.slack[x]] != x &&
				m.excess(m.at(m.slack[x], x)) == 0 && m.found(*m.at(m.slack[x], x)) {
				return true
			}
		}
		for b := m.n + 1; b <= m.last; b++ {
			if m.top[b] == b && m.kind[b] == odd && m.dual[b] == 0 {
				m.expand(b)
			}
		}
	}
}

// adjust changes the duals by the largest step that keeps them feasible; false where a free vertex
// would get none, so that the matching is the best.
func (m *matcher) adjust() bool {
	step := -1
	lower := func(d int) {
		if step < 0 || d < step {
			step = d
		}
	}
	for b := m.n + 1; b <= m.last; b++ {
		if m.top[b] == b && m.kind[b] == odd {
			lower(m.dual[b] / 2)
		}
	}
	for x := 1; x <= m.last; x++ {
		if m.top[x] != x || m.slack[x] == 0 {
			continue
		}
		switch excess := m.excess(m.at(m.slack[x], x)); m.kind[x] {
		case free:
			lower(excess)
		case even:
			lower(excess / 2)
		}
	}
	for u := 1; u <= m.n; u++ {
		if m.kind[m.top[u]] == even {
			if step < 0 || m.dual[u] <= step {
				return false
			}
		}
	}
	for u := 1; u <= m.n; u++ {
		switch m.kind[m.top[u]] {
		case even:
			m.dual[u] -= step
		case odd:
			m.dual[u] += step
		}
	}
	for b := m.n + 1; b <= m.last; b++ {
		if m.top[b] == b {
			switch m.kind[b] {
			case even:
				m.dual[b] += 2 * step
			case odd:
				m.dual[b] -= 2 * step
			}
		}
	}
	m.queue = m.queue[:0]
	return true
}
