"""Models: what they are (`card`), where they lie (`store`), and how one is run (`session`)."""
