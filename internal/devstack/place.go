package devstack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the user that children run as; nil: ours.
type owner struct {
	name     string
	uid, gid uint32
}

func (o *owner) credential() *syscall.Credential {
	if o == nil {
		return nil
	}
	return &syscall.Credential{Uid: o.uid, Gid: o.gid}
}

// give makes o the owner of path.
func (o *owner) give(path string) error {
	if o == nil {
		return nil
	}
	return os.Chown(path, int(o.uid), int(o.gid))
}

// place is where the cluster and its socket lie, and as whom they run.
type place struct {
	base  string // the data folder, or the far place
	owner *owner
}

// placeOf chooses the user and finds a base that this user may enter.
func placeOf(dataDir string) (place, error) {
	if os.Geteuid() != 0 {
		return place{base: dataDir}, nil
	}
	// Who owns a cluster that is there goes on owning it.
	for _, base := range []string{dataDir, farPlace(dataDir)} {
		fi, err := os.Stat(filepath.Join(base, "postgres", "PG_VERSION"))
		if err != nil {
			continue
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			o := &owner{name: "#" + strconv.Itoa(int(st.Uid)), uid: st.Uid, gid: st.Gid}
			if canEnter(base, o) {
				return place{base, o}, nil
			}
		}
	}
	o, err := unprivileged()
	if err != nil {
		return place{}, err
	}
	if canEnter(dataDir, o) {
		return place{dataDir, o}, nil
	}
	return place{farPlace(dataDir), o}, nil
}

// farPlace is where the cluster of a data folder lies when the user that runs
// it may not enter that folder.
func farPlace(dataDir string) string {
	return filepath.Join("/var/tmp", "fairqueue-"+pathHash(dataDir))
}

func pathHash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:6])
}

// shortSocket is the folder of the socket where the path of the base is too long.
func shortSocket(dataDir string) string {
	return filepath.Join("/tmp", "fairqueue-"+pathHash(dataDir))
}

// removeFar removes what lies outside the data folder.
func removeFar(dataDir string) error {
	var errs []error
	for _, dir := range []string{farPlace(dataDir), shortSocket(dataDir)} {
		if fi, err := os.Lstat(dir); err != nil || !fi.IsDir() {
			continue
		}
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

func unprivileged() (*owner, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &owner{name, uint32(uid), uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL must not run as root, and there is no user postgres or nobody to run it as: run as an ordinary user")
}

// canEnter reports whether o may pass through every folder of path.
func canEnter(path string, o *owner) bool {
	if o == nil {
		return true
	}
	for p := path; ; p = filepath.Dir(p) {
		fi, err := os.Stat(p)
		if err != nil {
			return false
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			return false
		}
		bit := fs.FileMode(0o001)
		switch {
		case st.Uid == o.uid:
			bit = 0o100
		case st.Gid == o.gid:
			bit = 0o010
		}
		if fi.Mode()&bit == 0 {
			return false
		}
		if p == filepath.Dir(p) {
			return true
		}
	}
}

// makeBase makes the far place. The data folder is there already.
func (p place) makeBase(dataDir string) error {
	if p.base == dataDir {
		return nil
	}
	if err := os.Mkdir(p.base, 0o711); err != nil && !errors.Is(err, fs.ErrExist) {
		return explain(p.base, err)
	}
	return checkPrivate(p.base, nil)
}

// makePrivate makes a folder that only o may enter.
func makePrivate(path string, o *owner) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return checkPrivate(path, o)
		}
		return explain(path, err)
	}
	return explain(path, o.give(path))
}

// checkPrivate makes sure that path is a folder of ours, or of o, and not a
// trap that somebody laid in a folder that all may write to.
func checkPrivate(path string, o *owner) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return err
	}
	want := uint32(os.Geteuid())
	if o != nil {
		want = o.uid
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || !fi.IsDir() || st.Uid != want || fi.Mode()&0o022 != 0 {
		return fmt.Errorf("%s is in the way: it is not a folder of this user alone; remove it", path)
	}
	return nil
}
