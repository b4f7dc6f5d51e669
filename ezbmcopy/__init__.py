"""EZBMCOPY: copies each spool file of one writer to two others, so that two mailers can run side by side."""
