// Package docs embeds the one document of this folder that the program itself hands out. The file
// people read in the repository and the file served at /api/openapi.yaml are the same bytes.
package docs

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI is the description of the HTTP API, YAML.
func OpenAPI() []byte { return []byte(openAPI) }
