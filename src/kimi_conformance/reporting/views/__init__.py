"""From evidence to frozen data that is ready to be shown: all arithmetic is done here."""
