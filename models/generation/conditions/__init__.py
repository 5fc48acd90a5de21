"""What a GAN can be told: nothing, tags, a code, text, a mask, an image of low resolution."""
