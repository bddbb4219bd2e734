package static

import "net/http"

// URL is the address of a file by its plain name, such as "fq.css".
func URL(name string) string { return "/static/" + name }

// Handler serves the files below /static/.
func Handler() http.Handler { return http.NotFoundHandler() }
