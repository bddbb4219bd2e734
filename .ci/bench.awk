# Reads `go test -bench` and prints each BenchmarkX beside its BenchmarkXLimit,
# what the machine could do at best in the same run.
/^Benchmark/ && / ns\/op/ {
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/-[0-9]+$/, "", name)
	for (i = 2; i <= NF; i++) if ($i == "ns/op") per[name] = 1e9 / $(i - 1)
	# A benchmark that does many at once reports its own figure.
	for (i = 2; i <= NF; i++) if ($i ~ /\/s$/) { per[name] = $(i - 1); unit[name] = $i }
	# Whatever else it measured stands beneath it.
	for (i = 4; i <= NF; i += 2) if ($i !~ /^(ns|B|allocs)\/op$|\/s$/) more[name] = more[name] "  " $(i - 1) " " $i
	if (!(name in seen)) { seen[name] = 1; order[++n] = name }
}
/^(--- FAIL|FAIL|panic:)/ { print; failed = 1 }
END {
	printf "%-34s %14s %14s %8s\n", "hot path", "a second", "limit", "share"
	for (i = 1; i <= n; i++) {
		name = order[i]
		if (name ~ /Limit$/ && (substr(name, 1, length(name) - 5) in per)) continue
		if ((name "Limit") in per)
			printf "%-34s %14.0f %14.0f %7.0f%%\n", name, per[name], per[name "Limit"], 100 * per[name] / per[name "Limit"]
		else
			printf "%-34s %14.0f %14s %8s\n", name, per[name], "", ""
		if (name in more) print "  " more[name]
	}
	if (n == 0) print "no benchmark ran"
	exit failed || n == 0
}
