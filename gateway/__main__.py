"""`python -m gateway` is `baas-gateway`."""

from gateway.cli import main

if __name__ == "__main__":
    main()
