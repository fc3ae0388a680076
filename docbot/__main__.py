"""`python -m docbot` is `docbot`."""

from docbot.cli import main

main()
