"""Everything a person touches: the command line and the full-screen app. No torch, no scikit-learn."""
