package treemodel

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

var words = strings.Fields(`account agenda alpha annex archive asset audit backup
balance banner basic batch beta board book branch bridge brief browser bucket
budget buffer build cache calendar camera campaign catalog chart client cloud
cluster column comment common config contact contract copy core cover customer
daily data delivery demo design detail device diagram digest draft driver edit
editor email engine error event example export factory feature field figure
filter final finance font form format gallery garden graph guide handler header
helper history house image import index info input invoice item journal key
label layout ledger letter library license list local logo mail main manager
manual map market master matrix media meeting memo menu message metric minutes
model module monitor monthly network note notice number object office offer
option order output page panel parser partner patch path payment photo picture
plan player plugin policy poster preview price print private profile project
proposal public query queue quote reader receipt record reference release remote
render report request research result review revision router sample scan schema
school screen script search section secure server service session setting shared
sheet signal simple sketch source stage static status storage store stream
studio style summary support survey symbol system table target task team
template term test text theme thread ticket timeline token tool topic tour trace
track travel tree trial tutorial type update upload user utility vendor version
video view vision visit weekly widget window winter worker workshop writer`)

var (
	codeExt  = []string{".go", ".py", ".js", ".ts", ".c", ".h", ".java", ".rs", ".css", ".html", ".sql", ".sh"}
	docExt   = []string{".pdf", ".docx", ".xlsx", ".pptx", ".odt", ".txt", ".md", ".csv", ".eml"}
	mediaExt = []string{".jpg", ".png", ".mp4", ".mp3", ".svg", ".heic"}
	// common are names that many folders have.
	common = []string{
		"README.md", "index.html", "Makefile", "__init__.py", "package.json", ".gitignore",
		"LICENSE", "main.go", "index.js", "style.css", "config.yaml", "notes.txt",
		"Thumbs.db", ".DS_Store", "desktop.ini", "CHANGELOG.md", "test.py", "data.csv",
	}
	people = []string{"anna", "bruno", "chiara", "dmitri", "élise", "fatima", "göran", "hiro", "ines", "jürgen"}
)

// namer makes up names.
type namer struct{ rng *rand.Rand }

func (n *namer) word() string { return words[n.rng.IntN(len(words))] }

func (n *namer) pick(from []string) string { return from[n.rng.IntN(len(from))] }

func (n *namer) dirName() string {
	switch n.rng.IntN(6) {
	case 0:
		return strconv.Itoa(1998 + n.rng.IntN(29))
	case 1:
		return n.word() + "-" + n.word()
	case 2:
		return n.pick(people)
	case 3:
		w := n.word()
		return strings.ToUpper(w[:1]) + w[1:] + " " + n.word()
	}
	return n.word()
}

func (n *namer) fileName() string {
	switch n.rng.IntN(10) {
	case 0:
		return n.pick(common)
	case 1, 2:
		return fmt.Sprintf("IMG_%d%02d%02d_%06d%s", 2010+n.rng.IntN(17), 1+n.rng.IntN(12),
			1+n.rng.IntN(28), n.rng.IntN(240000), n.pick(mediaExt))
	case 3, 4, 5:
		return n.word() + "_" + n.word() + n.pick(codeExt)
	case 6:
		return n.word() + n.pick(codeExt)
	case 7:
		return fmt.Sprintf("%s %s %d%s", n.word(), n.word(), 1+n.rng.IntN(400), n.pick(docExt))
	case 8:
		return fmt.Sprintf("%s-%s (%s)%s", n.word(), n.word(), n.pick(people), n.pick(docExt))
	}
	return n.word() + "-" + n.word() + n.pick(docExt)
}

// freeName returns a name that no file or folder in dir has.
func (t *Tree) freeName(dir int) string {
	return t.freeAmong(t.Dirs[dir].Files, t.Dirs[dir].Dirs, t.Dirs)
}

// freeAmong returns a name that none of the files and subfolders has. all has the
// tree's folders.
func (n *namer) freeAmong(files []File, subs []int, all []Dir) string {
	return n.unique(n.fileName(), func(s string) bool {
		for i := range files {
			if files[i].Name == s {
				return true
			}
		}
		for _, sub := range subs {
			if all[sub].Name == s {
				return true
			}
		}
		return false
	})
}

// unique puts a number before the name's extension until it is free.
func (*namer) unique(name string, taken func(string) bool) string {
	stem, ext := name, ""
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		stem, ext = name[:i], name[i:]
	}
	for n := 2; taken(name); n++ {
		name = fmt.Sprintf("%s-%d%s", stem, n, ext)
	}
	return name
}
