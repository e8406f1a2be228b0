"""Extensions of Sphinx for the documentation site, and the checks of the built site.

The pages in `docs/` stay plain Markdown that reads well in a repository browser.  `docs/conf.py` loads these
extensions:

- `navigation` builds the table of contents from the links of `docs/index.md`.
- `repository_links` turns links to files of the repository into URLs of the repository.
- `diagrams` shows pictures instead of Mermaid's source; `tools/render_diagrams.py` has drawn them.
- `interactive_examples` highlights examples with `>>>`.
- `theme_pictures` shows the dark version of a picture in the dark theme.
- `api_pages` writes pages about the public names; `docstrings` translates their docstrings.
- `name_links` links names in the text of a page to their description.
- `openapi_file` puts `openapi.json` into the site.

`link_check` checks the links of the built site.
"""
