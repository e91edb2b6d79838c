"""The formats: every file here is one, called as the file is."""
