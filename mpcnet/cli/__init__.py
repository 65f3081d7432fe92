"""The command line, one module for each command; `mpcnet.cli.app` puts them together."""
