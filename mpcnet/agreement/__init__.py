"""What parties agree on before they compute: job files, signatures, own policies, the guard of a session."""
