package devstack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// WriteEnv writes KEY=value lines that a shell can source, readable by the
// owner only, all at once.
func WriteEnv(path string, vars [][2]string) error {
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "%s=%s\n", v[0], shellWord(v[1]))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".env-*") // mode 0600
	if err != nil {
		return explain(path, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone once renamed
	_, err = f.WriteString(b.String())
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return explain(path, err)
}

// ReadEnv reads what WriteEnv wrote. The error of a file that is not there is
// os.ErrNotExist.
func ReadEnv(path string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'' {
			value = strings.ReplaceAll(value[1:len(value)-1], `'\''`, `'`)
		}
		vars[strings.TrimPrefix(key, "export ")] = value
	}
	return vars, nil
}

const plainChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-@%+=:,./?"

// shellWord quotes a value only if a shell would read it otherwise.
func shellWord(s string) string {
	if strings.Trim(s, plainChars) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
