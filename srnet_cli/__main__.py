"""`python -m srnet_cli`, as `srnet`: for programs that start modules, e.g. `torchrun -m srnet_cli train ...`."""

from srnet_cli.app import main

if __name__ == "__main__":
    main()
