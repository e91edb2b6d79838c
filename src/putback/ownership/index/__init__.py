"""Who defines what: the cheap pass over every candidate file, no types yet."""
