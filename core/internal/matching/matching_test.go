package matching

import (
	"math/rand"
	"testing"
)

// best is the largest sum of weights of a matching of the vertices from u on, by trying all.
func best(n int, weight [][]int, used []bool, u int) int {
	for u < n && used[u] {
		u++
	}
	if u == n {
		return 0
	}
	used[u] = true
	most := best(n, weight, used, u+1)
	for v := u + 1; v < n; v++ {
		if !used[v] && weight[u][v] > 0 {
			used[v] = true
			most = max(most, weight[u][v]+best(n, weight, used, u+1))
			used[v] = false
		}
	}
	used[u] = false
	return most
}

// sum checks that a matching is one, and returns its weight.
func sum(t *testing.T, weight [][]int, partner []int) (total int) {
	t.Helper()
	for u, v := range partner {
		if v < 0 {
			continue
		}
		if partner[v] != u || weight[u][v] <= 0 {
			t.Fatalf("%v is no matching: vertex %d", partner, u)
		}
		if u < v {
			total += weight[u][v]
		}
	}
	return total
}

// On small graphs of all densities the weight is that of the best of all matchings.
func TestMaximumIsTheBestOfAll(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for round := range 4000 {
		n := 1 + r.Intn(9)
		weight := make([][]int, n)
		for u := range weight {
			weight[u] = make([]int, n)
		}
		var edges []Edge
		density, most := r.Float64(), 1+r.Intn(20)
		for u := range n {
			for v := range u {
				if r.Float64() < density {
					w := r.Intn(most+3) - 2
					weight[u][v], weight[v][u] = w, w
					edges = append(edges, Edge{u, v, w})
				}
			}
		}
		got, want := sum(t, weight, Maximum(n, edges)), best(n, weight, make([]bool, n), 0)
		if got != want {
			t.Fatalf("round %d: %v: weight %d, want %d", round, edges, got, want)
		}
	}
}

// Nested odd cycles need blossoms within blossoms, which are opened again.
func TestMaximumOfOddCycles(t *testing.T) {
	const n = 61
	weight := make([][]int, n)
	for u := range weight {
		weight[u] = make([]int, n)
	}
	var edges []Edge
	for u := range n {
		for _, v := range []int{(u + 1) % n, (u + 2) % n} {
			weight[u][v], weight[v][u] = 1000, 1000
			edges = append(edges, Edge{u, v, 1000})
		}
	}
	if got := sum(t, weight, Maximum(n, edges)); got != 1000*(n/2) {
		t.Errorf("weight %d, want %d", got, 1000*(n/2))
	}
}

func TestMaximumOfNothing(t *testing.T) {
	if p := Maximum(0, nil); len(p) != 0 {
		t.Errorf("%v", p)
	}
	if p := Maximum(2, []Edge{{0, 1, 0}, {0, 0, 5}, {0, 1, -3}}); p[0] != -1 || p[1] != -1 {
		t.Errorf("%v: an edge of no weight is matched", p)
	}
	if p := Maximum(3, []Edge{{0, 1, 2}, {1, 2, 3}, {0, 1, 4}}); p[0] != 1 || p[2] != -1 {
		t.Errorf("%v: of parallel edges the heaviest counts", p)
	}
}
