"""What a GAN can be told: nothing, tags, a code, text, a mask, a picture of low resolution."""
