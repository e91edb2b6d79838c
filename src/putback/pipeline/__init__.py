"""The way of a file through putback, a module a stage: scan, stale, analyse, check, fix, cases, verify.

`scan` indexes a project, `analyse` finds in its functions what the rules say, and `stale` which of them a change
concerns; `check` is both from paths to findings; `fix` applies fixes and checks again; `cases` says what there is to
run of a function and `verify` runs it before and after its fixes. Each imports only those before it. `check`, `fix` and
`verify` are the commands of these names.
"""
