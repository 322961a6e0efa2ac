"""The panels of the main screen: one view of the network each, one file each."""
