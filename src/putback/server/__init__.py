"""The language server: what `check` finds while somebody types, with its fixes, for editors.

`session` holds projects and knows no protocol, `wire` spells places and findings as editors do, `app` listens. Only
`app` and `wire` need pygls, the extra `putback[server]`.
"""
