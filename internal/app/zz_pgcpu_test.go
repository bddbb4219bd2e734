package app_test

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// pgcpu: temporary.
func (r *rig) pgcpu() time.Duration {
	rows, err := r.pool.Query(r.b.Context(), `SELECT pid FROM pg_stat_activity`)
	r.must(err)
	defer rows.Close()
	total := 0
	for rows.Next() {
		var pid int
		r.must(rows.Scan(&pid))
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndex(string(b), ")")+2:]))
		u, _ := strconv.Atoi(f[11])
		s, _ := strconv.Atoi(f[12])
		total += u + s
	}
	return time.Duration(total) * 10 * time.Millisecond
}
