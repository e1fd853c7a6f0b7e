// Checks a log over HTTP with the Go project's own transparency-log packages, golang.org/x/mod/sumdb/note and tlog, and
// with nothing of the server that wrote it.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run main.go BASE VERIFIER_KEY
//
// BASE is the prefix of C2SP tlog-tiles, for example http://127.0.0.1:8080/v1/log. Prints what was checked; exits 1 with
// the reason when something does not hold.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// get fetches BASE/path.
func get(base, path string) ([]byte, error) {
	response, err := http.Get(base + "/" + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s: %s", path, response.Status, body)
	}
	return body, nil
}

// tiles reads hash tiles; tlog verifies them against the root before it believes them.
type tiles struct {
	base string
	read int
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		// tlog writes tile/8/<level>/…; C2SP leaves the height out.
		body, err := get(t.base, "tile/"+strings.TrimPrefix(tile.Path(), "tile/8/"))
		if err != nil {
			return nil, err
		}
		found = append(found, body)
		t.read++
	}
	return found, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// readCheckpoint reads the three lines of a C2SP checkpoint.
func readCheckpoint(text string) (tree tlog.Tree, origin string, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return tree, "", fmt.Errorf("the checkpoint has %d lines", len(lines))
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, "", err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(tree.Hash) {
		return tree, "", fmt.Errorf("the root is not 32 bytes of base64")
	}
	copy(tree.Hash[:], root)
	return tree, lines[0], nil
}

// askProof gets the hashes of a proof that the server made.
func askProof(base, path string) (hashes []tlog.Hash, err error) {
	body, err := get(base, path)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Hashes []tlog.Hash `json:"hashes"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	return answer.Hashes, nil
}

// checkEntries compares every commitment in the entry bundles with the tree.
func checkEntries(base string, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 256 {
		width := tree.N - first
		path := tlog.Tile{H: 8, L: -1, N: first / 256, W: int(width)}
		if width >= 256 {
			path.W = 256
		}
		body, err := get(base, "tile/entries/"+strings.TrimPrefix(path.Path(), "tile/8/data/"))
		if err != nil {
			return err
		}
		for index := int64(0); index < int64(path.W); index++ {
			entry := body[index*34:]
			if entry[0] != 0 || entry[1] != 32 {
				return fmt.Errorf("entry %d is not of 32 bytes", first+index)
			}
			leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, first+index)})
			if err != nil {
				return err
			}
			if tlog.RecordHash(entry[2:34]) != leaf[0] {
				return fmt.Errorf("entry %d is not in the tree", first+index)
			}
		}
	}
	return nil
}

// checkProofs compares the server's proofs with those that tlog makes from the tiles, and has tlog check them.
func checkProofs(base string, tree tlog.Tree, reader tlog.HashReader) error {
	step := tree.N/40 + 1
	for index := int64(0); index < tree.N; index += step {
		ours, err := askProof(base, fmt.Sprintf("inclusion?index=%d&size=%d", index, tree.N))
		if err != nil {
			return err
		}
		theirs, err := tlog.ProveRecord(tree.N, index, reader)
		if err != nil {
			return err
		}
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(ours, tree.N, tree.Hash, index, leaf[0]); err != nil {
			return fmt.Errorf("inclusion of %d: %v", index, err)
		}
		if fmt.Sprint(ours) != fmt.Sprint([]tlog.Hash(theirs)) {
			return fmt.Errorf("inclusion of %d: the server's proof is not tlog's", index)
		}
	}
	for old := int64(1); old < tree.N; old += step {
		ours, err := askProof(base, fmt.Sprintf("consistency?from=%d&to=%d", old, tree.N))
		if err != nil {
			return err
		}
		root, err := tlog.TreeHash(old, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(ours, tree.N, tree.Hash, old, root); err != nil {
			return fmt.Errorf("consistency from %d: %v", old, err)
		}
	}
	return nil
}

func check(base, key string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	text, err := get(base, "checkpoint")
	if err != nil {
		return err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	tree, origin, err := readCheckpoint(signed.Text)
	if err != nil {
		return err
	}
	if origin != verifier.Name() {
		return fmt.Errorf("the checkpoint is of %s", origin)
	}
	fmt.Printf("checkpoint: %d events, signed by %s\n", tree.N, verifier.Name())
	source := &tiles{base: base}
	reader := tlog.TileHashReader(tree, source)
	if err := checkEntries(base, tree, reader); err != nil {
		return err
	}
	fmt.Println("entries: each is in the tree")
	if err := checkProofs(base, tree, reader); err != nil {
		return err
	}
	fmt.Printf("proofs: inclusion and consistency hold, and are tlog's own (%d tiles read)\n", source.read)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: main BASE VERIFIER_KEY")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Println("REFUSED:", err)
		os.Exit(1)
	}
}
