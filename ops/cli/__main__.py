"""`python -m ops.cli`: the same as `pli`."""

from ops.cli.main import main

if __name__ == "__main__":
    main()
