"""Where models are trained and exported. Torch lives here and nowhere else: pip install 'unfade[train]'."""
