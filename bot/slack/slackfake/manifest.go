package slackfake

import "encoding/json"

// validateManifest checks the parts of a manifest that people get wrong.
func validateManifest(_ *Server, c *call) (obj, error) {
	var m struct {
		Display struct {
			Name string `json:"name"`
		} `json:"display_information"`
		Features struct {
			Commands []struct {
				Command     string `json:"command"`
				Description string `json:"description"`
			} `json:"slash_commands"`
		} `json:"features"`
		OAuth struct {
			Scopes struct {
				Bot []string `json:"bot"`
			} `json:"scopes"`
		} `json:"oauth_config"`
	}
	if json.Unmarshal([]byte(c.str("manifest")), &m) != nil {
		return nil, fail("invalid_manifest")
	}
	wrong := []obj{}
	blame := func(pointer, message string) { wrong = append(wrong, obj{"pointer": pointer, "message": message}) }
	if m.Display.Name == "" || len(m.Display.Name) > 35 {
		blame("/display_information/name", "Must be between 1 and 35 characters")
	}
	for _, one := range m.Features.Commands {
		if len(one.Command) < 2 || one.Command[0] != '/' || len(one.Command) > 32 || one.Description == "" {
			blame("/features/slash_commands", "Each command needs a name that begins with / and a description")
		}
	}
	if len(m.Features.Commands) > 0 && len(m.OAuth.Scopes.Bot) == 0 {
		blame("/oauth_config/scopes/bot", "A slash command needs the scope commands")
	}
	if len(wrong) > 0 {
		return nil, &failure{code: "invalid_manifest", with: obj{"errors": wrong}}
	}
	return obj{"errors": []obj{}}, nil
}
