"""How steps are computed: one file per backend, found by name; base.py has what each of them offers."""
