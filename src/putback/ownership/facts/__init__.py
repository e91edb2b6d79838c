"""What a rule may ask of an analysed function."""
