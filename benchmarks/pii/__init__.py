"""Finding of personal data, measured on sentences written for it before there was a rule."""
