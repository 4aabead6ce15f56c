"""The networks: generators (`pix2pix`, `lean`, `backbone_unet`, `tone`) and discriminators (`patch`)."""
